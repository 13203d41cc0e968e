// The processes of the demo: the real command line with --json, its daemons, and the end of all of them. Nothing here knows
// what the demo is about.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { ControlEvent } from '../control/commands.ts'
import { ChasquiError } from '../errors.ts'

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'chasqui.js')
const READY_TIMEOUT = 60_000 // milliseconds
const STOP_TIMEOUT = 10_000 // milliseconds until a process that does not end is killed

type Child = ChildProcessByStdio<null, Readable, Readable>

export interface CommandResult {
  status: number
  /** the JSON document */
  value: unknown
  /** milliseconds */
  ms: number
}

export class Processes {
  private readonly running = new Map<Child, Promise<number>>()
  private isClosed = false
  /** folder in which all these processes keep what they have compiled: a start takes half the time */
  readonly compileCache: string

  constructor(compileCache: string) {
    this.compileCache = compileCache
  }

  /** Runs `chasqui ARGS --home HOME --json` to its end. Throws DEMO_FAILED when the status is not one of `accept`. */
  async chasqui(
    home: string,
    args: readonly string[],
    accept: readonly number[] = [0]
  ): Promise<CommandResult> {
    const startedAt = performance.now()
    const { child, ended } = this.start(home, args)
    const [stdout, stderr, status] = await Promise.all([collect(child.stdout), collect(child.stderr), ended])
    if (!accept.includes(status)) throw failed(args, status, `${stdout}\n${stderr}`)
    return { status, value: parse(args, stdout), ms: performance.now() - startedAt }
  }

  /** Starts `chasqui ARGS`, which runs until `close`, and returns when it says that it is ready. */
  async daemon(home: string, args: readonly string[]): Promise<void> {
    const { child, ended } = this.start(home, args)
    const stderr = collect(child.stderr)
    const ready = new Promise<null>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if ((JSON.parse(line) as ControlEvent).event === 'ready') resolve(null)
      })
    })
    const status = await Promise.race([ready, ended, after(READY_TIMEOUT, 1)])
    if (status === null) return
    child.kill('SIGKILL')
    throw failed(args, status, `it never was ready\n${await stderr}`)
  }

  /** Ends everything that still runs; nothing can be started any more. */
  async close(): Promise<void> {
    this.isClosed = true
    const ends = [...this.running].map(async ([child, ended]) => {
      child.kill('SIGTERM')
      const status = await Promise.race([ended, after(STOP_TIMEOUT, null)])
      if (status === null) child.kill('SIGKILL')
      await ended
    })
    await Promise.all(ends)
  }

  private start(home: string, args: readonly string[]): { child: Child; ended: Promise<number> } {
    if (this.isClosed) throw new ChasquiError('CANCELLED', 'the demo was stopped')
    const environment = Object.entries(process.env).filter(([name]) => !/^(CHASQUI_|NODE_TEST)/.test(name))
    const child = spawn(process.execPath, [PROGRAM, ...args, '--home', home, '--json'], {
      env: { ...Object.fromEntries(environment), NODE_COMPILE_CACHE: this.compileCache },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true
    })
    const ended = new Promise<number>((resolve) => {
      const end = (status: number) => {
        this.running.delete(child)
        resolve(status)
      }
      child.once('error', () => end(1))
      child.once('exit', (code) => end(code ?? 1))
    })
    this.running.set(child, ended)
    return { child, ended }
  }
}

function parse(args: readonly string[], stdout: string): unknown {
  try {
    return JSON.parse(stdout)
  } catch (cause) {
    throw new ChasquiError('DEMO_FAILED', `chasqui ${args.join(' ')} did not print one JSON document`, {
      cause,
      hint: `it printed: ${stdout.slice(0, 300)}`
    })
  }
}

function failed(args: readonly string[], status: number, output: string): ChasquiError {
  const said = output.trim().slice(-2000)
  return new ChasquiError('DEMO_FAILED', `chasqui ${args.join(' ')} ended with status ${status}`, {
    hint: said === '' ? 'it printed nothing' : `it said: ${said}`
  })
}

async function collect(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function after<T>(milliseconds: number, value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value), milliseconds).unref())
}

/** A TCP port of loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
