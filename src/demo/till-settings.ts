// What stands in a till's folder: till.json (settings), till.sqlite (sales), till.log, and till.pid while it runs. Imports
// nothing else of the demo, so that "is it running?" is a matter of milliseconds.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface TillSettings {
  name: string
  port: number
  /** absolute path of the addons folder */
  addons: string
}

export function readTillSettings(folder: string): TillSettings {
  const { name, port, addons } = JSON.parse(readFileSync(join(folder, 'till.json'), 'utf8')) as Record<
    string,
    unknown
  >
  if (typeof name === 'string' && typeof port === 'number' && typeof addons === 'string') {
    return { name, port, addons }
  }
  throw new Error(`${join(folder, 'till.json')} needs name, port and addons`)
}

export const databaseOf = (folder: string): string => join(folder, 'till.sqlite')
export const pidFileOf = (folder: string): string => join(folder, 'till.pid')

/** The process that till.pid names, when it is alive: a till that ended in order has taken the file away. */
export function runningPid(folder: string): number | null {
  try {
    const pid = Number(readFileSync(pidFileOf(folder), 'utf8'))
    if (pid <= 0) return null // the file is there, its content not yet
    process.kill(pid, 0)
    return pid
  } catch {
    return null
  }
}
