// Talks to a running daemon over its Unix socket or named pipe: one request, a stream of NDJSON events, one result.
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { ChasquiError, ERROR_CODES, type ErrorCode, type ErrorJson } from '../errors.ts'
import type { CommandContext, ControlEvent } from './commands.ts'

/** Milliseconds until a daemon that says nothing at all counts as none: it says that it is here before it begins. */
const ANSWER_LIMIT = 60_000

/** Is a daemon listening there? A socket file that nobody serves counts as no. */
export function daemonAnswers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Runs a command in the daemon. Throws what the command threw, DAEMON_UNREACHABLE, or CANCELLED. */
export async function callDaemon(
  socketPath: string,
  name: string,
  args: unknown,
  context: CommandContext,
  answerLimit = ANSWER_LIMIT
): Promise<unknown> {
  const path = `/v1/run/${encodeURIComponent(name)}`
  const body = JSON.stringify(args ?? {})
  const response = await post({ socketPath, path, body, signal: context.signal, answerLimit })
  for await (const message of messagesOf(response, context.signal)) {
    // an event may have fields of any name; what has no `event` is the end
    if (typeof message.event === 'string') context.emit(message)
    else if (message.error !== undefined) throw fromWire(message.error as ErrorJson)
    else return message.result
  }
  throw cut(context.signal)
}

/** The lines of the answer. What breaks it off has a name of its own: we did, or the daemon is gone. */
async function* messagesOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<ControlEvent> {
  try {
    for await (const line of createInterface({ input: response })) yield JSON.parse(line) as ControlEvent
  } catch (cause) {
    throw cut(signal, cause)
  }
}

function cut(signal: AbortSignal, cause?: unknown): ChasquiError {
  return signal.aborted ? cancelled() : unreachable('the daemon ended in the middle of the command', cause)
}

function fromWire({ code, message, hint, ...rest }: ErrorJson): ChasquiError {
  const known = ERROR_CODES.has(code as ErrorCode)
  const numbers = Object.fromEntries(
    Object.entries(rest).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  )
  const details = hint === undefined ? { numbers } : { numbers, hint }
  return new ChasquiError(known ? (code as ErrorCode) : 'UNEXPECTED', message, details)
}

interface Post {
  socketPath: string
  path: string
  body: string
  signal: AbortSignal
  answerLimit: number
}

function post({ socketPath, path, body, signal, answerLimit }: Post): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      signal
    })
    const silence = setTimeout(() => {
      reject(unreachable('the daemon on this home does not answer: it hangs, or was suspended'))
      request.destroy()
    }, answerLimit)
    request.on('response', resolve)
    request.on('error', (cause) =>
      reject(signal.aborted ? cancelled() : unreachable('no daemon answers on this home', cause))
    )
    for (const event of ['response', 'error']) request.on(event, () => clearTimeout(silence))
    request.end(body)
  })
}

/** The daemon hears of it when the connection closes; what it cannot stop any more it brings to its end. */
function cancelled(): ChasquiError {
  return new ChasquiError('CANCELLED', 'stopped on request', {
    hint: 'the daemon was told; look whether it was done all the same'
  })
}

function unreachable(message: string, cause?: unknown): ChasquiError {
  return new ChasquiError('DAEMON_UNREACHABLE', message, {
    cause,
    hint: 'start it with "run", or look at its log'
  })
}
