// The till's control program, the operator's side of the generic profile: start, stop, status, dump, load, migrate.
//   node till-control.ts FOLDER start|stop|status|dump FILE|load FILE|migrate
// What a command needs is loaded when it needs it: Chasqui asks for the status often.
import { spawn } from 'node:child_process'
import { copyFileSync, openSync, renameSync } from 'node:fs'
import { extname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { databaseOf, readTillSettings, runningPid } from './till-settings.ts'

const PATIENCE = 60_000 // milliseconds for a start or a stop
const TILL = join(import.meta.dirname, `till${extname(import.meta.filename)}`)

/** Returns when the till listens. */
async function start(folder: string): Promise<void> {
  if (runningPid(folder) !== null) return
  const log = openSync(join(folder, 'till.log'), 'a')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', TILL, folder], {
    detached: true,
    stdio: ['ignore', log, log]
  })
  child.unref()
  await until(() => {
    if (child.exitCode !== null) throw new Error(`the till ended with status ${child.exitCode}, see till.log`)
    return runningPid(folder) !== null
  }, 'the till does not start')
}

async function stop(folder: string): Promise<void> {
  const pid = runningPid(folder)
  if (pid === null) return
  process.kill(pid, 'SIGTERM')
  await until(() => runningPid(folder) === null, 'the till does not stop')
}

async function until(isDone: () => boolean, complaint: string): Promise<void> {
  const deadline = performance.now() + PATIENCE
  while (!isDone()) {
    if (performance.now() > deadline) throw new Error(complaint)
    await sleep(10)
  }
}

async function dump(folder: string, file: string): Promise<void> {
  const { openTillDatabase } = await import('./till-database.ts')
  const database = openTillDatabase(databaseOf(folder))
  database.copyTo(file)
  database.close()
}

/** The copy is made beside the live file and takes its place in one step. */
function load(folder: string, file: string): void {
  const live = databaseOf(folder)
  copyFileSync(file, `${live}.new`)
  renameSync(`${live}.new`, live)
}

async function migrate(folder: string): Promise<void> {
  const { openTillDatabase } = await import('./till-database.ts')
  const { readAddons } = await import('./addons-folder.ts')
  const { addons } = readTillSettings(folder)
  const database = openTillDatabase(databaseOf(folder))
  const ran = database.migrate(addons, await readAddons(addons))
  database.close()
  for (const script of ran) process.stdout.write(`migrated: ${script}\n`)
}

const COMMANDS: Record<string, (folder: string, file: string) => void | Promise<void>> = {
  start,
  stop,
  dump,
  load,
  migrate,
  status(folder) {
    if (runningPid(folder) === null) throw new Error('the till is not running')
  }
}

try {
  const [folder = '.', name = '', file = ''] = process.argv.slice(2)
  const command = COMMANDS[name]
  if (command === undefined) throw new Error(`unknown command ${name}`)
  await command(folder, file)
} catch (error) {
  process.stderr.write(`till: ${(error as Error).message}\n`)
  process.exitCode = 1
}
