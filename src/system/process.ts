// Runs programs: argv only, never through a shell, with a time limit and captured output. The runner is passed in, so
// that apply can be tested with one that fails on purpose.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { constants } from 'node:os'
import { ChasquiError } from '../errors.ts'
import { endProcess, markProcess, type ProcessMark } from './process-mark.ts'
import { batchCommand, killTree } from './windows.ts'

export interface ProcessRequest {
  /** program and arguments; never empty */
  command: readonly [string, ...string[]]
  cwd?: string
  /** the whole environment of the program; nothing is inherited */
  environment: Readonly<Record<string, string>>
  /** milliseconds until the program and its children are killed */
  timeout: number
  /** bytes of stdout and stderr together that are kept, from the end */
  outputLimit?: number
  /**
   * Called before the program does anything; it begins when the promise is fulfilled, and never if this process dies before
   * (not on Windows, where it begins at once).
   */
  onStart?(mark: ProcessMark): Promise<void>
  /** ends the program early: asked first, then made to */
  signal?: AbortSignal
  /**
   * A file that its output is appended to, in place of pipes: what it leaves running can go on to print when nobody reads any
   * more. Its folder exists.
   */
  log?: string
  /** numbers of the user and group that it runs as; only root can choose (not on Windows) */
  user?: { user: number; group: number }
}

export interface ProcessResult {
  /** exit status; 128 + signal number when a signal ended it */
  status: number
  /** stdout and stderr as they came, the last `outputLimit` bytes */
  output: string
  /** milliseconds */
  duration: number
}

export interface ProcessRunner {
  /** Runs to the end. Throws PROCESS_TIMEOUT, or PROCESS_FAILED when it cannot be started; a status ≠ 0 is returned. */
  run(request: ProcessRequest): Promise<ProcessResult>
  /** Ends a program that an earlier process left behind, with its children; one that is gone or another is left alone. */
  end(mark: ProcessMark): Promise<void>
}

const OUTPUT_LIMIT = 64 * 1024 // bytes
const LAST_WORDS = 20 // milliseconds for what is still in the pipes
const ENDING = 10_000 // milliseconds from SIGTERM to SIGKILL
/** Waits for a line before it becomes the program; without one (we died) it ends. Arguments are never read as a script. */
const GATE = ['/bin/sh', '-c', 'IFS= read -r go || exit 75; exec "$@"', 'gate'] as const

export const realProcessRunner: ProcessRunner = {
  end: endProcess,
  async run(request) {
    const isGated = request.onStart !== undefined && process.platform !== 'win32'
    const batch = process.platform === 'win32' ? batchCommand(request.command, process.env.ComSpec) : null
    const argv: readonly string[] = isGated ? [...GATE, ...request.command] : (batch ?? request.command)
    const [program = '', ...args] = argv
    const output = request.log === undefined ? pipeOutput() : fileOutput(request.log)
    const startedAt = performance.now()
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        cwd: request.cwd,
        env: { ...request.environment },
        stdio: [isGated ? 'pipe' : 'ignore', output.stdio, output.stdio],
        detached: process.platform !== 'win32',
        windowsHide: true,
        windowsVerbatimArguments: batch !== null,
        ...(request.user === undefined ? {} : { uid: request.user.user, gid: request.user.group })
      })
      output.attach(child, request.outputLimit ?? OUTPUT_LIMIT)
      openGate(child, request).catch(() => killGroup(child.pid))
      const abort = () => endGroup(child)
      request.signal?.addEventListener('abort', abort, { once: true })
      let timedOut = false
      const timer = setTimeout(() => {
        timedOut = true
        killGroup(child.pid)
      }, request.timeout)
      child.on('error', (cause) => {
        clearTimeout(timer)
        output.end()
        reject(new ChasquiError('PROCESS_FAILED', `cannot run ${program}: ${cause.message}`, { cause }))
      })
      // 'exit' and not 'close': a daemon that the program leaves behind may hold the pipes open for ever
      child.on('exit', (code, signal) => {
        clearTimeout(timer)
        request.signal?.removeEventListener('abort', abort)
        setTimeout(() => {
          const text = output.end()
          if (timedOut) return reject(timeoutOf(program, request.timeout, text))
          const status = code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0)
          resolve({ status, output: text, duration: performance.now() - startedAt })
        }, LAST_WORDS)
      })
    })
  }
}

function timeoutOf(program: string, timeout: number, output: string): ChasquiError {
  const hint = output === '' ? 'it printed nothing' : `its last words: ${output.slice(-200).trim()}`
  return new ChasquiError('PROCESS_TIMEOUT', `${program} did not end within ${timeout / 1000} s`, { hint })
}

/** Where a program prints to. */
interface Output {
  stdio: 'pipe' | number
  attach(child: ChildProcess, limit: number): void
  /** what it has printed, the last bytes of it */
  end(): string
}

function pipeOutput(): Output {
  let text = ''
  let end: () => void = () => undefined
  return {
    stdio: 'pipe',
    attach({ stdout, stderr }, limit) {
      const keep = (chunk: Buffer) => {
        text = (text + chunk.toString('utf8')).slice(-limit)
      }
      stdout?.on('data', keep)
      stderr?.on('data', keep)
      end = () => {
        stdout?.destroy()
        stderr?.destroy()
      }
    },
    end() {
      end()
      return text
    }
  }
}

function fileOutput(path: string): Output {
  const file = openSync(path, 'a+', 0o600)
  const from = fstatSync(file).size
  let kept = 0
  return {
    stdio: file,
    attach(_child, limit) {
      kept = limit
    },
    end() {
      const { size } = fstatSync(file)
      const begin = Math.max(from, size - kept)
      const bytes = Buffer.alloc(Math.max(0, size - begin))
      const length = readSync(file, bytes, 0, bytes.length, begin)
      closeSync(file)
      return bytes.subarray(0, length).toString('utf8')
    }
  }
}

async function openGate(child: ChildProcess, { onStart }: ProcessRequest): Promise<void> {
  if (onStart === undefined || child.pid === undefined) return
  await onStart(await markProcess(child.pid))
  child.stdin?.on('error', () => undefined)
  child.stdin?.end('go\n')
}

function endGroup(child: ChildProcess): void {
  signalGroup(child.pid, 'SIGTERM')
  const timer = setTimeout(() => killGroup(child.pid), ENDING)
  child.on('exit', () => clearTimeout(timer))
}

/** Kills a program with everything that it started (its process group). */
function killGroup(pid: number | undefined): void {
  signalGroup(pid, 'SIGKILL')
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    if (process.platform === 'win32') killTree(pid)
    else process.kill(-pid, signal)
  } catch {
    // it ended by itself in between
  }
}
