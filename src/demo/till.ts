// A small till: the process that stands in for the shop's Odoo server in the demo. It loads the addons folder at its start;
// when that fails it goes on running and answers 500 with the reason, as a server with a broken registry does.
//   node till.ts FOLDER    FOLDER/till.json says port and addons folder; till.pid is there while it runs; ends at SIGTERM
import { rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { z } from 'zod'
import { type AddonManifest, loadData, readAddons } from './addons-folder.ts'
import { openTillDatabase, type TillDatabase } from './till-database.ts'
import { databaseOf, pidFileOf, readTillSettings, type TillSettings } from './till-settings.ts'

const saleBody = z.strictObject({ ticket: z.string().min(1).max(100), total: z.number().nonnegative() })
const BODY_LIMIT = 16 * 1024 // bytes
const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.png': 'image/png',
  '.scss': 'text/css',
  '.svg': 'image/svg+xml',
  '.xml': 'application/xml'
}

interface Till {
  settings: TillSettings
  database: TillDatabase
  addons: AddonManifest[]
  /** why the addons cannot be used, or null */
  problem: string | null
}

async function openTill(folder: string): Promise<Till> {
  const settings = readTillSettings(folder)
  const database = openTillDatabase(databaseOf(folder))
  const till: Till = { settings, database, addons: [], problem: null }
  try {
    till.addons = await readAddons(settings.addons)
    await loadData(settings.addons, till.addons)
    const pending = database.pending(till.addons)
    if (pending.length > 0) till.problem = `these modules need a migration: ${pending.join('; ')}`
  } catch (error) {
    till.problem = (error as Error).message
  }
  if (till.problem !== null) process.stderr.write(`${new Date().toISOString()} ERROR ${till.problem}\n`)
  return till
}

type Answer = { status: number; type: string; body: string | Uint8Array }

const json = (status: number, value: unknown): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(value)
})

async function answer(till: Till, request: IncomingMessage): Promise<Answer> {
  const { pathname } = new URL(request.url ?? '/', 'http://till')
  if (pathname === '/sales') return json(200, { tickets: till.database.tickets() })
  if (till.problem !== null) return json(500, { status: 'fail', reason: till.problem })
  if (pathname === '/web/health') return json(200, { status: 'pass' })
  if (pathname === '/web/login') return { status: 200, type: 'text/html', body: loginPage(till) }
  if (pathname.startsWith('/assets/')) return asset(till, pathname.slice('/assets/'.length))
  if (pathname === '/sale' && request.method === 'POST') return sale(till, request)
  return json(404, { error: 'not found' })
}

function loginPage(till: Till): string {
  const modules = till.addons.map((addon) => `<li>${addon.name} ${addon.version}</li>`).join('')
  return `<!doctype html><html lang="es"><head><title>${till.settings.name}</title>
<link rel="icon" href="/assets/pos_tienda/static/src/img/caja.png"></head>
<body><h1>${till.settings.name}</h1><form><input name="login"><input name="password" type="password"></form>
<ul>${modules}</ul></body></html>`
}

/** A file below some module's static folder; the path cannot leave it. */
async function asset(till: Till, path: string): Promise<Answer> {
  const clean = normalize(decodeURIComponent(path))
  const isStatic = /^[a-z]\w*\/static\//.test(clean.replaceAll('\\', '/'))
  const body = isStatic ? await readFile(join(till.settings.addons, clean)).catch(() => null) : null
  if (body === null) return json(404, { error: 'not found' })
  return { status: 200, type: TYPES[extname(clean)] ?? 'application/octet-stream', body }
}

async function sale(till: Till, request: IncomingMessage): Promise<Answer> {
  let text = ''
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8')
    if (text.length > BODY_LIMIT) return json(413, { error: 'too large' })
  }
  const { ticket, total } = saleBody.parse(JSON.parse(text))
  till.database.sell(ticket, total)
  return json(201, { ticket })
}

async function serve(folder: string): Promise<void> {
  const till = await openTill(folder)
  const server = createServer((request, response) => {
    answer(till, request)
      .catch((error: Error) => json(400, { error: error.message }))
      .then((found) => respond(response, found))
  })
  const pidFile = pidFileOf(folder)
  server.listen(till.settings.port, '127.0.0.1', () => writeFileSync(pidFile, String(process.pid)))
  process.once('SIGTERM', () => {
    server.close(() => {
      till.database.close()
      rmSync(pidFile, { force: true })
    })
    server.closeIdleConnections()
  })
}

function respond(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': type, connection: 'close' }).end(body)
}

if (import.meta.main) await serve(process.argv[2] ?? '.')
