// The publisher as its users have it: the real program in a process of its own, and homes in a temporary folder.
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { openPublisher, type PublisherApp } from '../../publisher/app.ts'
import { initPublisher } from '../../publisher/init.ts'
import type { CommandContext } from '../../src/control/commands.ts'
import { type HomePaths, homePaths } from '../../src/system/home.ts'

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'chasqui.js')

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-publisher-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface Outcome {
  status: number
  /** stdout as JSON, when it is */
  json: unknown
  stdout: string
  stderr: string
}

/** What a process of this home has around it: nothing of ours but the code that is compiled already. */
export function environmentOf(home: string): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env
  return {
    ...{ PATH, HOME: home, CHASQUI_HOME: home },
    ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE })
  }
}

/** Runs `chasqui publisher …`. */
export function chasqui(
  home: string,
  args: string[],
  environment: Record<string, string> = {}
): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...environmentOf(home), ...environment }
    execFile(process.execPath, [PROGRAM, 'publisher', ...args], { env }, (error, stdout, stderr) => {
      resolve({ status: Number(error?.code ?? 0), json: tryJson(stdout), stdout, stderr })
    })
  })
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `chasqui publisher run` until the test ends; resolves when it is ready. */
export async function startDaemon(t: TestContext, home: string, args: string[] = []) {
  const all = ['publisher', 'run', '--json', '--no-internet', '--no-lan', ...args]
  const child = spawn(process.execPath, [PROGRAM, ...all], {
    env: environmentOf(home),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  t.after(async () => {
    child.kill('SIGTERM')
    await ended
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event: string; listening: { host: string; port: number } | null }
    if (event.event === 'ready') return { child, ended, listening: event.listening }
  }
  throw new Error('the daemon ended before it was ready')
}

/** Writes files into a folder; a value of null leaves it out. */
export async function writeFiles(folder: string, files: Record<string, string | Buffer>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

/** A publisher's home with unprotected keys, opened in this process. */
export async function makePublisher(t: TestContext, home: string): Promise<PublisherApp> {
  const paths = await makeHome(home)
  const app = await openPublisher(paths)
  t.after(() => app.close())
  return app
}

export async function makeHome(home: string): Promise<HomePaths> {
  const paths = homePaths(home)
  await initPublisher({ paths, name: 'Tienda', threshold: 1, signers: 1, passphrase: null, now: Date.now() })
  return paths
}

export const context: CommandContext = { emit: () => undefined, signal: new AbortController().signal }

/** A value inside JSON: `at(json, 'error.code')`, `at(json, 'packs.0.kind')`; undefined where there is none. */
export function at(json: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    const isThing = typeof value === 'object' && value !== null
    return isThing ? (value as Record<string, unknown>)[key] : undefined
  }, json)
}
