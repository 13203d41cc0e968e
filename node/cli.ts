// How the command line reaches a node: in its daemon, or directly on its home. Progress goes to stderr.
import type { Command } from 'commander'
import type { CommandLine } from '../src/cli/program.ts'
import { type CommandContext, runOnHome } from '../src/control/commands.ts'
import { type HomePaths, readHome } from '../src/system/home.ts'
import { createLog, type Log, silentLog } from '../src/system/log.ts'
import { VERSION } from '../src/version.ts'
import type { NodeTools } from './app.ts'
import { describeProgress } from './describe-events.ts'

/** Runs a command of the table on a node's home: in its daemon, or directly. */
export async function runNodeCommand(
  paths: HomePaths,
  name: string,
  args: unknown,
  context: CommandContext,
  log: Log = silentLog
): Promise<unknown> {
  await readHome(paths, 'node')
  // a daemon that answers has all this already: `status` of a node that runs is to come at once, on a slow machine too
  const load = async () => {
    const [{ nodeCommandTable: commands }, { openNode }] = await Promise.all([
      import('./commands/table.ts'),
      import('./open.ts')
    ])
    return { commands, open: () => openNode(paths, nodeTools(log)) }
  }
  return runOnHome({ paths, name, args, context, load })
}

/** What opening a home takes of this program. */
export function nodeTools(log: Log): NodeTools {
  return { version: VERSION, log, now: () => Date.now() }
}

function contextOf(line: CommandLine): CommandContext {
  return {
    signal: line.signal,
    emit: (event) => line.output.progress(describeProgress(event))
  }
}

/** The log on stderr, as the common options ask for it; without any, at `level`. */
export function logOf(line: CommandLine, level: 'silent' | 'warn' | 'info' = 'silent'): Log {
  const { verbose, quiet, colour } = line.output.options
  const wanted = quiet ? 'error' : verbose ? 'debug' : level
  return wanted === 'silent'
    ? silentLog
    : createLog({ level: wanted, pretty: process.stderr.isTTY === true, colour })
}

/** Runs a command on the home of this command line. */
export function call(line: CommandLine, name: string, args: unknown): Promise<unknown> {
  return runNodeCommand(line.home, name, args, contextOf(line), logOf(line))
}

export function appOption(command: Command): Command {
  return command.option('--app <name>', 'only this app')
}

/** What `--app` says, as an argument of a command. */
export function appArg(options: Record<string, unknown>): { app?: unknown } {
  return options.app === undefined ? {} : { app: options.app }
}
