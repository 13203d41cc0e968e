// The `node` group of the command line: what a branch's operator types. Builds the commands; what they do is in commands/,
// daemon.ts and join.ts, and in what a *-command.ts names.
import { randomBytes } from 'node:crypto'
import { Command, Option } from 'commander'
import { linksCommands } from '../src/cli/links-command.ts'
import { act, nameText } from '../src/cli/program.ts'
import { EXIT } from '../src/errors.ts'
import { readSecretFile } from '../src/system/secret-file.ts'
import {
  adoptCommand,
  applyCommand,
  historyCommand,
  recoverCommand,
  removeCommand,
  rollbackCommand
} from './apply-commands.ts'
import { appArg, appOption, call, logOf, nodeTools } from './cli.ts'
import type { Collected } from './collect.ts'
import { configCommands } from './config-command.ts'
import type { LinkFlags } from './daemon-links.ts'
import * as describe from './describe.ts'
import { backups, check, plan } from './describe-apply.ts'
import { describeEvent } from './describe-events.ts'

/** The `node` group of the command line. */
export function nodeCommands(): Command {
  const group = new Command('node').description('a branch: receives releases and applies them')
  joinCommand(group)
  runCommand(group)
  simple(group, 'status', 'apps, versions, peers, freshness', describe.status)
  simple(group, 'check', 'looks for updates now', check)
  appOption(simple(group, 'plan', 'what would be applied, and why not', plan))
  applyCommand(group)
  rollbackCommand(group)
  appOption(simple(group, 'backups', 'what can be gone back to', backups))
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

function joinCommand(group: Command): void {
  const command = group
    .command('join')
    .description('joins a fleet with an invite')
    .argument('<invite>', 'text or file')
  command
    .option('--name <name>', 'what this node is called', nameText)
    .option('--pin-file <file>', 'file with the PIN')
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

function isOk(result: { ok: boolean }): number {
  return result.ok ? EXIT.done : EXIT.unexpected
}
