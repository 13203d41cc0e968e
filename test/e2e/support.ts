// A small fleet of real homes on this machine: every step is the real program in a process of its own, everything is on
// loopback, everything that was started ends with the test.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

export const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'chasqui.js')
const PATIENCE = 60_000 // milliseconds; a guard against hangs

export interface Finished {
  status: number | null
  stdout: string
  stderr: string
}

/** Runs the program to its end. */
export function chasqui(args: readonly string[]): Promise<Finished> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8')
  })
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })))
}

/** Runs it with --json; fails unless it ends with `status`. */
export async function json<T = Record<string, unknown>>(args: readonly string[], status = 0): Promise<T> {
  const finished = await chasqui([...args, '--json'])
  assert.equal(finished.status, status, `${args.join(' ')}: ${finished.stdout}${finished.stderr}`)
  return JSON.parse(finished.stdout) as T
}

export type Start = (command: string, args: string[]) => ChildProcess

const startHere: Start = (command, args) => spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })

export interface DaemonEvent {
  event: string
  [field: string]: unknown
}

/** A running `publisher run` or `node run`. */
export class Daemon {
  readonly child: ChildProcess
  readonly events: DaemonEvent[] = []
  stderr = ''
  readonly ended: Promise<number | null>
  #waiting = new Set<() => void>()

  /** @param start how a program is started, for one that runs on a host of its own */
  constructor(args: readonly string[], start: Start = startHere) {
    this.child = start(process.execPath, [PROGRAM, ...args, '--json'])
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('utf8')
    })
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      this.events.push(JSON.parse(line) as DaemonEvent)
      for (const look of [...this.#waiting]) look()
    })
    this.ended = new Promise((resolve) => {
      this.child.on('close', (status) => {
        resolve(status)
        for (const look of [...this.#waiting]) look()
      })
    })
  }

  get pid(): number {
    return this.child.pid as number
  }

  /** The first event from `from` on that fits; fails when the process ends or nothing fits in time. */
  event(fits: (event: DaemonEvent) => boolean, from = 0): Promise<DaemonEvent> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        settle()
      }
      const fail = (why: string) =>
        end(() =>
          reject(new Error(`${why}: ${JSON.stringify(this.events.slice(-8))} ${this.stderr.slice(-2000)}`))
        )
      const timer = setTimeout(() => fail('nothing fits in time'), PATIENCE)
      const look = () => {
        const found = this.events.slice(from).find(fits)
        if (found !== undefined) end(() => resolve(found))
        else if (this.child.exitCode !== null || this.child.signalCode !== null) fail('it has ended')
      }
      this.#waiting.add(look)
      look()
    })
  }

  async ready(): Promise<DaemonEvent> {
    return this.event((one) => one.event === 'ready')
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    await this.ended
  }

  /** As a power cut does it. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

/** A publisher's home, branches' homes and their apps in one temporary folder. */
export class Lab {
  readonly folder: string
  #daemons: Daemon[] = []

  constructor(folder: string) {
    this.folder = folder
  }

  static async create(t: TestContext, name: string): Promise<Lab> {
    const lab = await Lab.make(name)
    t.after(() => lab.close())
    return lab
  }

  /** One that the caller closes. */
  static async make(name: string): Promise<Lab> {
    return new Lab(await mkdtemp(join(tmpdir(), `chasqui-e2e-${name}-`)))
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts)
  }

  home(name: string): string {
    return this.path('homes', name)
  }

  async init(): Promise<void> {
    await mkdir(this.path('homes'), { recursive: true })
    await json(['publisher', 'init', '--name', 'Fleet', '--no-passphrase', '--home', this.home('publisher')])
  }

  publish<T = Record<string, unknown>>(folder: string, ...flags: string[]): Promise<T> {
    return json<T>(['publisher', 'publish', folder, '--home', this.home('publisher'), ...flags])
  }

  /** Invites and joins a branch and writes its configuration; its app `shop` follows `modules`. */
  async branch(name: string, config: string): Promise<string> {
    const { invite } = await json<{ invite: string }>([
      'publisher',
      'invite',
      name,
      '--home',
      this.home('publisher')
    ])
    const home = this.home(name)
    await json(['node', 'join', invite, '--home', home])
    await writeFile(join(home, 'chasqui.toml'), config)
    return home
  }

  daemon(role: 'publisher' | 'node', home: string, ...flags: string[]): Promise<Daemon> {
    return this.daemonOn(startHere, role, home, ...flags)
  }

  async daemonOn(
    start: Start,
    role: 'publisher' | 'node',
    home: string,
    ...flags: string[]
  ): Promise<Daemon> {
    const daemon = this.#run(start, role, home, flags)
    await daemon.ready()
    return daemon
  }

  /** A daemon that may not be ready yet. */
  start(role: 'publisher' | 'node', home: string, ...flags: string[]): Daemon {
    return this.#run(startHere, role, home, flags)
  }

  #run(start: Start, role: string, home: string, flags: readonly string[]): Daemon {
    const daemon = new Daemon([role, 'run', '--home', this.home(home), ...flags], start)
    this.#daemons.push(daemon)
    return daemon
  }

  async close(): Promise<void> {
    for (const daemon of this.#daemons) {
      if (daemon.child.exitCode === null && daemon.child.signalCode === null) daemon.child.kill('SIGKILL')
      await daemon.ended
    }
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** `127.0.0.1:PORT` of a daemon that listens. */
export async function addressOf(daemon: Daemon): Promise<string> {
  const { listening } = (await daemon.ready()) as unknown as { listening: { host: string; port: number } }
  return `127.0.0.1:${listening.port}`
}

/** Writes files (path → content) into a folder. */
export async function writeTree(folder: string, files: Record<string, string | Uint8Array>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, content)
    if (path.endsWith('.sh')) await chmod(target, 0o755)
  }
  return folder
}

/** Path → content (base64) of every file of a folder. */
export async function readFolder(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found[path.slice(folder.length + 1)] = (await readFile(path)).toString('base64')
  }
  return found
}

/** A branch that uses no network but what flags say, with one generic app of one module. */
export function shopConfig(path: string, more = ''): string {
  return `[links]
lan = false
internet = false
[sticks]
watch = false
[apps.shop]
profile = "generic"
modules = ["shop"]
path = '${path}'
${more}`
}
