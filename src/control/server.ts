// The local control API of a daemon: HTTP on a Unix socket or named pipe, owner only. POST /v1/run/NAME with JSON
// arguments answers NDJSON: events, then {"result":…} or {"error":…}. More routes can be added beside it.
import { chmod, unlink } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { asChasquiError, ChasquiError, errorJson } from '../errors.ts'
import { checkSocketPath } from '../system/home.ts'
import { type CommandTable, findCommand } from './commands.ts'

const BODY_LIMIT = 32 * 1024 * 1024 // bytes; a signing request is the largest

export interface ControlServer {
  close(): Promise<void>
}

/**
 * Serves `commands` on `socketPath`; the caller holds the home's lock, so an old socket file is stale and replaced.
 * Throws HOME_PATH_LONG.
 */
export async function serveControl<App>(
  socketPath: string,
  app: App,
  commands: CommandTable<App>
): Promise<ControlServer> {
  const server = createServer((request, response) => {
    void answer(app, commands, request, response)
  })
  if (process.platform !== 'win32') await unlink(socketPath).catch(() => undefined)
  await listen(server, socketPath)
  if (process.platform !== 'win32') await chmod(socketPath, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

async function answer<App>(
  app: App,
  commands: CommandTable<App>,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const abort = new AbortController()
  response.on('close', () => abort.abort())
  const send = (line: unknown) => response.write(`${JSON.stringify(line)}\n`)
  response.setHeader('content-type', 'application/x-ndjson')
  // whoever asked sees at once that somebody is here, however long the command takes
  response.flushHeaders()
  try {
    const name = commandName(request)
    const args = JSON.parse((await readBody(request)) || '{}') as unknown
    const result = await findCommand(commands, name)(app, args, { emit: send, signal: abort.signal })
    send({ result: result ?? null })
  } catch (thrown) {
    send({ error: errorJson(asChasquiError(thrown)) })
  }
  response.end()
}

function commandName(request: IncomingMessage): string {
  const match = /^\/v1\/run\/([a-z0-9.-]+)$/.exec(decodeURIComponent(request.url ?? ''))
  if (request.method !== 'POST' || match === null) throw new ChasquiError('USAGE', 'no such control request')
  return match[1] as string
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_LIMIT) throw new ChasquiError('USAGE', 'the request is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function listen(server: Server, socketPath: string): Promise<void> {
  checkSocketPath(socketPath)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
}
