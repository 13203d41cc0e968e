// Installs the daemon as a service, and takes it away. The manager is asked first: nothing is written where none answers.
import { join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import { writeFileDurably } from '../../src/system/durable.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { type DaemonUnit, systemdUnit, windowsTask } from './daemon-unit.ts'

export type DaemonManager = 'systemd' | 'windows'

export interface ServiceWorld {
  fs: FileSystem
  run(command: Argv): Promise<{ status: number; output: string }>
  /** where systemd looks for units of this machine */
  unitFolder: string
}

type Argv = readonly [string, ...string[]]

interface Manager {
  question: Argv
  file(world: ServiceWorld, home: string): string
  text(unit: DaemonUnit): string
  encode(text: string): Buffer
  install(file: string): Argv[]
  /** before and after the file is removed */
  uninstall: { before: Argv[]; after: Argv[] }
}

const UNIT = 'chasqui.service'
const TASK = 'Chasqui'

const MANAGERS: Record<DaemonManager, Manager> = {
  systemd: {
    question: ['systemctl', 'show', '--property=Version'],
    file: ({ unitFolder }) => join(unitFolder, UNIT),
    text: systemdUnit,
    encode: (text) => Buffer.from(text),
    install: () => [
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', UNIT],
      ['systemctl', 'restart', UNIT]
    ],
    uninstall: {
      before: [['systemctl', 'disable', '--now', UNIT]],
      after: [['systemctl', 'daemon-reload']]
    }
  },
  windows: {
    question: ['schtasks', '/Query', '/FO', 'CSV', '/NH'],
    file: (_world, home) => join(home, 'chasqui-task.xml'),
    text: windowsTask,
    encode: (text) => Buffer.from(`\ufeff${text.replaceAll('\n', '\r\n')}`, 'utf16le'),
    install: (file) => [
      ['schtasks', '/Create', '/F', '/TN', TASK, '/XML', file],
      ['schtasks', '/Run', '/TN', TASK]
    ],
    uninstall: {
      before: [
        ['schtasks', '/End', '/TN', TASK],
        ['schtasks', '/Delete', '/F', '/TN', TASK]
      ],
      after: []
    }
  }
}

export interface PlannedService {
  for: DaemonManager
  file: string
  text: string
  /** what is run when the file is written */
  commands: Argv[]
}

export function planService(world: ServiceWorld, kind: DaemonManager, unit: DaemonUnit): PlannedService {
  const manager = MANAGERS[kind]
  const file = manager.file(world, unit.home)
  return { for: kind, file, text: manager.text(unit), commands: manager.install(file) }
}

/** Throws SERVICE_UNREACHABLE, PROCESS_FAILED, NO_PERMISSION as the file system says it. */
export async function installService(world: ServiceWorld, planned: PlannedService): Promise<void> {
  const manager = MANAGERS[planned.for]
  await requireManager(world, manager)
  await writeFileDurably(world.fs, planned.file, manager.encode(planned.text))
  await runAll(world, planned.commands)
}

/** The home stays. False when there was nothing. Throws what installing does. */
export async function uninstallService(
  world: ServiceWorld,
  kind: DaemonManager,
  home: string
): Promise<boolean> {
  const manager = MANAGERS[kind]
  const file = manager.file(world, home)
  if ((await world.fs.stat(file)) === null) return false
  await requireManager(world, manager)
  await runAll(world, manager.uninstall.before)
  await world.fs.remove(file)
  await runAll(world, manager.uninstall.after)
  return true
}

async function requireManager(world: ServiceWorld, { question }: Manager): Promise<void> {
  const answer = await world.run(question).catch((cause) => ({ status: 1, output: (cause as Error).message }))
  if (answer.status === 0) return
  const said = answer.output.trim().slice(0, 200)
  throw new ChasquiError('SERVICE_UNREACHABLE', `${question[0]} does not answer: ${said}`, {
    hint: '"chasqui node service print" shows what to install by hand'
  })
}

async function runAll(world: ServiceWorld, commands: readonly Argv[]): Promise<void> {
  for (const command of commands) {
    const { status, output } = await world.run(command)
    if (status === 0) continue
    throw new ChasquiError('PROCESS_FAILED', `${command.join(' ')}: status ${status}`, {
      hint: output.trim().slice(0, 300) || 'it printed nothing'
    })
  }
}
