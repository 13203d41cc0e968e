// `node links`: what the links may carry now, and an operator's pause.
import { type Command, InvalidArgumentError } from 'commander'
import { act, type CommandLine } from '../src/cli/program.ts'
import { parseDuration } from '../src/fleet/units.ts'
import { linkLines } from './describe-links.ts'
import type { LinkStates } from './link-states.ts'

type Call = (line: CommandLine, name: string, args: unknown) => Promise<unknown>

export function linksCommands(group: Command, call: Call): void {
  const links = group.command('links').description('what the links may carry now; a pause')
  const pause = links.command('pause').description('no releases over any link; what is critical passes')
  pause.option('--for <time>', 'ends by itself, for example "2 h"', milliseconds)
  const commands = [
    links.command('show', { isDefault: true }).description('by class of link: open, paused, rates, costs'),
    pause,
    links.command('resume').description('ends a pause')
  ]
  for (const command of commands) {
    act(command, async (line, options) => {
      const args = options.for === undefined ? {} : { for: options.for }
      const states = (await call(line, `links.${command.name()}`, args)) as LinkStates
      line.output.result(states, linkLines(states).join('\n'))
      return undefined
    })
  }
}

function milliseconds(text: string): number {
  const value = parseDuration(text)
  if (value !== undefined && value >= 1) return value
  throw new InvalidArgumentError('write it as "90 min" or "2 h"')
}
