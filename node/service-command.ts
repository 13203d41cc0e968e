// `service install|uninstall|print`: the daemon starts with the machine.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { act, type CommandLine } from '../src/cli/program.ts'
import { readConfigText } from '../src/system/config.ts'
import { type HomePaths, homePaths, readHome } from '../src/system/home.ts'
import { realProcessRunner } from '../src/system/process.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { parseNodeConfig } from './config/load.ts'
import type { DaemonUnit } from './services/daemon-unit.ts'
import {
  type DaemonManager,
  installService,
  planService,
  type ServiceWorld,
  uninstallService
} from './services/install-daemon.ts'

type Options = Record<string, unknown>

const TIMEOUT = 60_000 // milliseconds

const world: ServiceWorld = {
  fs: realFileSystem,
  unitFolder: '/etc/systemd/system',
  run: (command) => realProcessRunner.run({ command, environment: environment(), timeout: TIMEOUT })
}

export function serviceCommands(group: Command): void {
  const service = group.command('service').description('the daemon as a service: starts with the machine')
  act(withManager(service.command('print').description('shows what would be installed')), print)
  act(withDryRun(service.command('install').description('installs and starts it')), install)
  act(
    withDryRun(service.command('uninstall').description('stops it and takes it away; the home stays')),
    uninstall
  )
}

function withManager(command: Command): Command {
  const manager = new Option('--for <manager>', "default: this machine's").choices(['systemd', 'windows'])
  return command.addOption(manager)
}

function withDryRun(command: Command): Command {
  return withManager(command).option('--dry-run', 'only say what would be done')
}

async function print(line: CommandLine, options: Options): Promise<undefined> {
  const kind = kindOf(options)
  const { file, text } = planService(world, kind, await unitOf(homeOf(line, options, kind)))
  line.output.result({ for: kind, file, text }, text)
}

async function install(line: CommandLine, options: Options): Promise<undefined> {
  const kind = kindOf(options)
  const home = homeOf(line, options, kind)
  await readHome(home, 'node')
  const planned = planService(world, kind, await unitOf(home))
  if (!line.dryRun) await installService(world, planned)
  const { file, commands } = planned
  const said = commands.map((command) => `\n  ${command.join(' ')}`).join('')
  line.output.result(
    { for: kind, file, commands, installed: !line.dryRun },
    `${file} ${line.dryRun ? 'would be written, then' : 'is written,'}${said}`
  )
}

async function uninstall(line: CommandLine, options: Options): Promise<undefined> {
  const kind = kindOf(options)
  const home = homeOf(line, options, kind)
  const { file } = planService(world, kind, await unitOf(home))
  const removed = line.dryRun ? false : await uninstallService(world, kind, home.root)
  const text = line.dryRun
    ? `${file} would be removed`
    : removed
      ? `${file} is removed`
      : 'it is not installed'
  line.output.result({ for: kind, file, removed }, text)
}

function kindOf(options: Options): DaemonManager {
  return (options.for as DaemonManager | undefined) ?? (process.platform === 'win32' ? 'windows' : 'systemd')
}

/** The home of an installed service, when none is named, is the machine's and not the user's. */
function homeOf(line: CommandLine, options: Options, kind: DaemonManager): HomePaths {
  if (typeof options.home === 'string' || process.env.CHASQUI_HOME) return line.home
  if (kind === 'systemd') return homePaths('/var/lib/chasqui')
  return homePaths(join(process.env.ProgramData ?? 'C:\\ProgramData', 'chasqui'))
}

/** As the home says it, where there is one: a unit can be looked at before a node has joined. */
async function unitOf(home: HomePaths): Promise<DaemonUnit> {
  const owner = await stat(home.root).catch(() => null)
  const isHome = (await realFileSystem.stat(home.identity)) !== null
  const { name } = isHome ? await readHome(home, 'node') : { name: '' }
  const text = await readConfigText(realFileSystem, home.config)
  const { apps } = parseNodeConfig(text, home.config, process.env)
  const before = Object.values(apps).flatMap(({ service }) =>
    service?.kind === 'systemd' && !service.user ? [service.name] : []
  )
  // the runtime and the script that are running now
  const program = [process.execPath, process.argv[1] ?? '']
  return { name, home: home.root, program, user: owner?.uid || null, before }
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  )
}
