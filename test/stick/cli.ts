// The real program in processes of its own, for what only the whole shows.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../bin/main.ts', import.meta.url))

export interface Run<T> {
  status: number | null
  json: T
}

/** Runs `chasqui … --json` on a home; `T` is what the command prints. */
export function chasqui<T = unknown>(home: string, ...args: string[]): Run<T> {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, ...args, '--home', home, '--json'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024
  })
  return { status, json: JSON.parse(stdout) as T }
}
