// `completion SHELL`: of the whole program, which this command is a part of.
import type { Command } from 'commander'
import { completionScript } from '../src/cli/completion.ts'
import { act } from '../src/cli/program.ts'

export function completionCommand(group: Command): void {
  const command = group
    .command('completion')
    .description('what a shell needs to complete commands and options')
    .argument('<shell>', 'bash, zsh, fish or powershell')
  act(command, async (line, _options, [shell = '']) => {
    let program = command
    while (program.parent !== null) program = program.parent
    const script = completionScript(program, shell)
    line.output.result({ shell, script }, script)
    return undefined
  })
}
