// The frame of the command line: options that every command has, how an action's errors become an exit status, and how
// a command reaches its home. The three programs add their groups to it.
import { type Command, CommanderError, InvalidArgumentError } from 'commander'
import { ChasquiError, EXIT } from '../errors.ts'
import { defaultHome, type HomePaths, homePaths, NAME_LIMIT } from '../system/home.ts'
import { createOutput, type Output } from './output.ts'

export interface CommandLine {
  output: Output
  home: HomePaths
  yes: boolean
  dryRun: boolean
  signal: AbortSignal
}

/** Adds the options that every command has. */
function withCommonOptions(command: Command): Command {
  return command
    .option('--home <dir>', 'folder of this publisher or node (CHASQUI_HOME)')
    .option('--json', 'one JSON document on stdout')
    .option('-q, --quiet', 'no remarks on stderr')
    .option('-v, --verbose', 'more detail on stderr')
    .option('--no-color', 'no colours (NO_COLOR)')
    .option('-y, --yes', 'answer yes to questions')
}

/** What the common options of a command say. */
function readCommandLine(options: Record<string, unknown>, signal: AbortSignal): CommandLine {
  const flag = (name: string) => options[name] === true
  return {
    output: createOutput({
      json: flag('json'),
      quiet: flag('quiet'),
      verbose: flag('verbose'),
      colour: options.color !== false && !process.env.NO_COLOR && process.stderr.isTTY === true
    }),
    // asked for when it is needed: not everybody has a default, nor every command a home
    get home() {
      return homePaths(typeof options.home === 'string' ? options.home : defaultHome(process.env))
    },
    yes: flag('yes'),
    dryRun: flag('dryRun'),
    signal
  }
}

const STOPPING = ['SIGINT', 'SIGTERM'] as const
const ONE_PRESS = 1000 // milliseconds

type Action = (
  line: CommandLine,
  options: Record<string, unknown>,
  args: string[]
) => Promise<number | undefined>

/** Gives a command its action: prints errors as the contract says and sets the exit status. Ctrl-C aborts `signal`. */
export function act(command: Command, action: Action): Command {
  return withCommonOptions(command).action(async () => {
    const { signal, ignore } = stopOnSignal()
    const options = command.opts() as Record<string, unknown>
    const line = readCommandLine(options, signal)
    try {
      process.exitCode = (await action(line, options, command.args)) ?? EXIT.done
    } catch (thrown) {
      process.exitCode = line.output.error(thrown)
    } finally {
      ignore()
    }
  })
}

/**
 * A signal that Ctrl-C or SIGTERM aborts. One Ctrl-C may come twice, from the terminal and from a launcher or a shell that
 * passes it on: only what comes later ends the program in the middle of what it tidies up.
 */
function stopOnSignal(): { signal: AbortSignal; ignore(): void } {
  const abort = new AbortController()
  const ignore = () => {
    for (const name of STOPPING) process.removeListener(name, stop)
  }
  const stop = () => {
    if (abort.signal.aborted) return
    abort.abort()
    setTimeout(ignore, ONE_PRESS).unref()
  }
  for (const name of STOPPING) process.on(name, stop)
  return { signal: abort.signal, ignore }
}

const COMMON_FLAGS = ['--json', '-q', '--quiet', '-v', '--verbose', '--no-color', '-y', '--yes']

/** Options that every command has may stand before it too (`chasqui --home DIR node status`): they are put last. */
export function commonOptionsLast(argv: readonly string[]): string[] {
  const [runtime = '', script = '', ...rest] = argv
  const words: string[] = []
  const moved: string[] = []
  for (let i = 0; i < rest.length; i++) {
    const one = rest[i] as string
    // a group and its command: from here on everything is the command's own
    const isBefore = words.length < 2
    if (isBefore && one === '--home' && i + 1 < rest.length) moved.push(one, rest[++i] as string)
    else if (isBefore && (COMMON_FLAGS.includes(one) || one.startsWith('--home='))) moved.push(one)
    else words.push(one)
  }
  const end = words.includes('--') ? words.indexOf('--') : words.length
  return [runtime, script, ...words.slice(0, end), ...moved, ...words.slice(end)]
}

/** Parses argv and runs; a usage error is printed like any other error, with exit status 2. */
export async function runProgram(program: Command, argv: string[]): Promise<void> {
  // a reader that went away (`| head`) is no reason to stop what is being done
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({ outputError: () => undefined })
  }
  try {
    await program.parseAsync(argv)
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return
    const output = createOutput({
      json: argv.includes('--json'),
      quiet: false,
      verbose: false,
      colour: false
    })
    process.exitCode = output.error(
      thrown instanceof CommanderError
        ? new ChasquiError('USAGE', usageMessage(thrown), {
            hint: 'add --help to see how it is used'
          })
        : thrown
    )
  }
}

function usageMessage({ code, message }: CommanderError): string {
  // every command has these: who does not know them is a group
  const option = code === 'commander.unknownOption' ? (/'([^'=]*)/.exec(message)?.[1] ?? '') : ''
  const isGroup = ['--home', ...COMMON_FLAGS].includes(option)
  return code === 'commander.help' || isGroup
    ? 'a command is missing'
    : message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}

/** An option parser for names of homes. */
export function nameText(text: string): string {
  if (text.trim() !== '' && text.length <= NAME_LIMIT) return text
  throw new InvalidArgumentError(`it must have 1 to ${NAME_LIMIT} characters`)
}

/** An option parser for positive whole numbers. */
export function positiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value <= 0)
    throw new InvalidArgumentError('it must be a positive whole number')
  return value
}
