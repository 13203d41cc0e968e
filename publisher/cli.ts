// How the command line reaches the commands: progress on stderr, a passphrase when the keys ask for one.
import { formatBytes } from '../src/cli/output.ts'
import type { CommandLine } from '../src/cli/program.ts'
import { canPrompt, promptSecret } from '../src/cli/prompt.ts'
import type { CommandContext } from '../src/control/commands.ts'
import { ChasquiError } from '../src/errors.ts'
import { runPublisherCommand } from './commands.ts'
import { givenPassphrase } from './secrets.ts'

function contextOf(line: CommandLine): CommandContext {
  return {
    signal: line.signal,
    emit(event) {
      if (event.event !== 'progress') return
      const { step, module, done, total } = event
      const unit = step === 'pack' ? String : (value: unknown) => formatBytes(Number(value))
      line.output.progress(`${step} ${module ?? ''}: ${unit(done)} of ${unit(total)}`)
    }
  }
}

export function run<T>(line: CommandLine, name: string, args: unknown): Promise<T> {
  return runPublisherCommand(line.home, name, args, contextOf(line)) as Promise<T>
}

/** Runs a command that may need the release keys: asks for the passphrase when it does and nobody gave it. */
export async function runWithKeys<T>(
  line: CommandLine,
  options: Record<string, unknown>,
  name: string,
  args: Record<string, unknown>
): Promise<T> {
  const passphrase = await givenPassphrase(options)
  try {
    return await run<T>(line, name, passphrase === undefined ? args : { ...args, passphrase })
  } catch (error) {
    const isNeeded = error instanceof ChasquiError && error.code === 'PASSPHRASE_NEEDED'
    if (!isNeeded || !canPrompt()) throw error
    return run<T>(line, name, { ...args, passphrase: await promptSecret('passphrase: ', line.signal) })
  }
}
