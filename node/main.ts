// The `node` group of the command line: what a branch's operator types. Builds the commands; everything that they do is in
// commands/, daemon.ts and join.ts.
import { randomBytes } from 'node:crypto'
import { Command, Option } from 'commander'
import { linksCommands } from '../src/cli/links-command.ts'
import { act, type CommandLine, positiveInteger } from '../src/cli/program.ts'
import { type CommandContext, runOnHome } from '../src/control/commands.ts'
import { ERROR_CODES, type ErrorCode, EXIT } from '../src/errors.ts'
import { type HomePaths, readHome } from '../src/system/home.ts'
import { createLog, type Log, silentLog } from '../src/system/log.ts'
import { readSecretFile } from '../src/system/secret-file.ts'
import { VERSION } from '../src/version.ts'
import type { NodeTools } from './app.ts'
import type { Collected } from './collect.ts'
import { configCommands } from './commands/config.ts'
import type { LinkFlags } from './daemon-links.ts'
import * as describe from './describe.ts'
import { describeEvent, describeProgress } from './describe-events.ts'

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

function nodeTools(log: Log): NodeTools {
  return { version: VERSION, log, now: () => Date.now() }
}

export function nodeCommands(): Command {
  const group = new Command('node').description('a branch: receives releases and applies them')
  joinCommand(group)
  runCommand(group)
  simple(group, 'status', 'apps, versions, peers, freshness', describe.status)
  simple(group, 'check', 'looks for updates now', describe.check)
  appOption(simple(group, 'plan', 'what would be applied, and why not', describe.plan))
  applyCommand(group)
  rollbackCommand(group)
  appOption(simple(group, 'backups', 'what can be gone back to', describe.backups))
  historyCommand(group)
  validateCommand(group)
  simple(group, 'peers', 'who is connected', describe.peers)
  simple(group, 'doctor', 'is this node well?', describe.doctor, isOk)
  simple(group, 'fsck', 'reads everything that is kept again', describe.fsck, isOk)
  gcCommand(group)
  for (const [name, text] of [
    ['hold', 'stops updates of a module'],
    ['unhold', 'lets updates of a module go on']
  ] as const) {
    appOption(
      act(group.command(name).description(text).argument('<module>'), async (line, options, [module]) => {
        const result = await call(line, name, { module, ...appArg(options) })
        line.output.result(result, `${module}: ${name === 'hold' ? 'held' : 'no longer held'}`)
        return undefined
      })
    )
  }
  removeCommand(group)
  recoverCommand(group)
  adoptCommand(group)
  configCommands(group)
  linksCommands(group, call)
  return group
}

function contextOf(line: CommandLine): CommandContext {
  return {
    signal: line.signal,
    emit: (event) => line.output.progress(describeProgress(event))
  }
}

function logOf(line: CommandLine, level: 'silent' | 'warn' | 'info' = 'silent'): Log {
  const { verbose, quiet, colour } = line.output.options
  const wanted = quiet ? 'error' : verbose ? 'debug' : level
  return wanted === 'silent'
    ? silentLog
    : createLog({ level: wanted, pretty: process.stderr.isTTY === true, colour })
}

function call(line: CommandLine, name: string, args: unknown): Promise<unknown> {
  return runNodeCommand(line.home, name, args, contextOf(line), logOf(line))
}

function simple(
  group: Command,
  name: string,
  description: string,
  text: (result: never) => string,
  exit: (result: never) => number = () => EXIT.done
): Command {
  return act(group.command(name).description(description), async (line, options) => {
    const result = (await call(line, name, appArg(options))) as never
    line.output.result(result, text(result))
    return exit(result)
  })
}

function isOk(result: { ok: boolean }): number {
  return result.ok ? EXIT.done : EXIT.unexpected
}

function appOption(command: Command): Command {
  return command.option('--app <name>', 'only this app')
}

function appArg(options: Record<string, unknown>): { app?: unknown } {
  return options.app === undefined ? {} : { app: options.app }
}

function joinCommand(group: Command): void {
  const command = group
    .command('join')
    .description('joins a fleet with an invite')
    .argument('<invite>', 'text or file')
  command.option('--name <name>', 'what this node is called').option('--pin-file <file>', 'file with the PIN')
  act(command, async (line, options, [invite = '']) => {
    const pin = options.pinFile === undefined ? undefined : await readSecretFile(String(options.pinFile))
    const { joinFleet } = await import('./join.ts')
    const joined = await joinFleet({
      paths: line.home,
      invite,
      now: Date.now(),
      seed: randomBytes(32),
      ...(options.name === undefined ? {} : { name: String(options.name) }),
      ...(pin === undefined ? {} : { pin })
    })
    line.output.result(joined, describe.joined(joined, line.home.config))
    return undefined
  })
}

function runCommand(group: Command): void {
  const command = group
    .command('run')
    .description('the daemon: keeps links up, applies by policy')
    .option('--listen <host:port>', 'where members may connect')
    .option('--bootstrap <host:port...>', 'nodes of an own DHT')
    .option('--peer <host:port...>', 'members at fixed addresses')
    .option('--no-internet', 'no Hyperswarm')
    .option('--no-lan', 'no discovery on the LAN')
    .addOption(pageOption('--dashboard'))
    .addOption(pageOption('--api'))
  act(command, async (line, options) => {
    const { runDaemon } = await import('./daemon.ts')
    await runDaemon({
      paths: line.home,
      tools: nodeTools(logOf(line, 'warn')),
      flags: linkFlags(options),
      emit: (event) => line.output.stream(event, describeEvent(event)),
      signal: line.signal
    })
    return undefined
  })
}

/** Pages for browsers and terminals: this program serves none yet, so that `off` is all that can be asked for. */
function pageOption(flag: string): Option {
  return new Option(`${flag} <off>`, 'off: serve no pages').choices(['off']).default('off')
}

function linkFlags(options: Record<string, unknown>): LinkFlags {
  return {
    ...(options.listen === undefined ? {} : { listen: String(options.listen) }),
    ...(options.bootstrap === undefined ? {} : { bootstrap: options.bootstrap as string[] }),
    ...(options.peer === undefined ? {} : { peers: options.peer as string[] }),
    ...(options.internet === false ? { internet: false } : {}),
    ...(options.lan === false ? { lan: false } : {})
  }
}

const RESULT_EXIT: Record<string, number> = {
  committed: EXIT.done,
  'rolled-back': EXIT.rolledBack,
  unfinished: EXIT.unexpected,
  'rollback-failed': EXIT.rollbackFailed
}

/** A refusal ends as its code does anywhere: docs/ERRORS.md. */
function exitOf({ result, error }: { result: string; error?: { code: string } }): number {
  if (result !== 'refused') return RESULT_EXIT[result] ?? EXIT.done
  return ERROR_CODES.get(error?.code as ErrorCode)?.exit ?? EXIT.preflight
}

function applyCommand(group: Command): void {
  const command = appOption(group.command('apply').description('applies updates').argument('[module...]'))
  command
    .option('--now', 'also outside the window')
    .option('--force', 'also what failed here before')
    .option('--dry-run', 'only say what would happen')
  act(command, async (line, options, modules) => {
    const args = { modules, now: options.now === true, force: options.force === true, dryRun: line.dryRun }
    const result = (await call(line, 'apply', { ...args, ...appArg(options) })) as describe.Applied
    line.output.result(result, describe.applied(result))
    return exitOf(result)
  })
}

function rollbackCommand(group: Command): void {
  const command = appOption(group.command('rollback').description('goes back to a backup'))
  command
    .option('--to <backup>', 'which one; default: the newest')
    .option('--with-database', 'the database too: what was entered since is set aside')
    .option('--dry-run', 'only say what would happen')
  act(command, async (line, options) => {
    const withDatabase = options.withDatabase === true
    if (withDatabase && !line.dryRun) await describe.confirmDatabase(line)
    const args = {
      withDatabase,
      dryRun: line.dryRun,
      ...(options.to === undefined ? {} : { to: options.to }),
      ...appArg(options)
    }
    const result = (await call(line, 'rollback', args)) as describe.Applied
    line.output.result(result, describe.applied(result))
    return exitOf(result)
  })
}

function historyCommand(group: Command): void {
  const command = appOption(group.command('history').description('what was applied, when and why'))
  command.option('--limit <n>', 'at most so many, newest first', positiveInteger)
  act(command, async (line, options) => {
    const limit = options.limit === undefined ? {} : { limit: options.limit }
    const result = (await call(line, 'history', { ...limit, ...appArg(options) })) as never
    line.output.result(result, describe.history(result))
    return undefined
  })
}

function validateCommand(group: Command): void {
  const command = appOption(group.command('validate').description('runs the checks of the apps'))
  command.option('--check <name...>', 'only these')
  act(command, async (line, options) => {
    const args = { checks: options.check ?? [], ...appArg(options) }
    const result = (await call(line, 'validate', args)) as never
    line.output.result(result, describe.validated(result))
    return isOk(result)
  })
}

function gcCommand(group: Command): void {
  const command = group.command('gc').description('gives back the room of packs that nobody needs')
  command.option('--dry-run', 'only say how much')
  act(command, async (line) => {
    const result = (await call(line, 'gc', { dryRun: line.dryRun })) as Collected
    line.output.result(result, describe.collected(result, line.dryRun))
    return undefined
  })
}

function removeCommand(group: Command): void {
  const command = appOption(group.command('remove').description('takes a module away').argument('<module>'))
  command.option('--dry-run', 'only say what would happen')
  act(command, async (line, options, [module]) => {
    const result = (await call(line, 'remove', {
      module,
      dryRun: line.dryRun,
      ...appArg(options)
    })) as describe.Applied
    line.output.result(result, describe.applied(result))
    return exitOf(result)
  })
}

function recoverCommand(group: Command): void {
  const text = 'tries again to end what could not be ended'
  const command = appOption(group.command('recover').description(text))
  command.option('--give-up', 'record that a person has settled it; nothing is changed')
  act(command, async (line, options) => {
    const args = { giveUp: options.giveUp === true, ...appArg(options) }
    const result = (await call(line, 'recover', args)) as describe.Recovered
    line.output.result(result, describe.recovered(result))
    return Math.max(EXIT.done, ...result.pending.map(exitOf))
  })
}

function adoptCommand(group: Command): void {
  const command = appOption(group.command('adopt').description('takes over what is already installed'))
  command.option('--dry-run', 'only say what was found')
  act(command, async (line, options) => {
    const result = (await call(line, 'adopt', { dryRun: line.dryRun, ...appArg(options) })) as never
    line.output.result(result, describe.adopted(result))
    return undefined
  })
}
