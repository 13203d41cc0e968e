// The upgraded server once more on a private port, where it is looked at before anybody else can: the login page with its
// style sheets and scripts, and the bundles of the pages behind it where they can be asked for by name.
import { ChasquiError } from '../../../src/errors.ts'
import type { ProcessResult } from '../../../src/system/process.ts'
import type { Work } from '../../apply/work.ts'
import { checkHttp } from '../../checks/http.ts'
import type { Odoo } from './context.ts'
import { type OneShot, runOdoo } from './one-shot.ts'
import { refuseCircumstances } from './upgrade.ts'
import { judgeUpgrade } from './verdict.ts'

const START_LIMIT = 120_000 // milliseconds until a private server must answer
const POLL = 250 // milliseconds
const PRIVATE_PORTS = { first: 20_000, count: 12_000 }
const PORT_TRIES = 20
/** What a user who is logged in gets first. Named since series 17; older ones make them for a session only. */
const BUNDLES = ['web.assets_web.min.css', 'web.assets_web.min.js']
const PAGE = { timeout: 60_000, limit: 1024 * 1024 }

/** Throws the request's code, or what was not the release's fault. */
export async function tryOut(work: Work, odoo: Odoo, request: OneShot): Promise<void> {
  const { database, code } = request
  const port = await freePort(work)
  const stop = new AbortController()
  const only = database.replaceAll(/[.]/g, '\\.')
  const args = ['--http-interface=127.0.0.1', `--http-port=${port}`, `--db-filter=^${only}$`]
  let ended: ProcessResult | null = null
  const running = runOdoo(work, odoo, request, args, stop.signal).then((result) => {
    ended = result
    return result
  })
  running.catch(() => undefined)
  try {
    await waitForAnswer(work, port, () => ended !== null)
    work.note(`before users are let in: ${await look(work, `http://127.0.0.1:${port}`)}`)
  } catch (cause) {
    stop.abort()
    const { output = '' } = await running.catch(() => ({ output: '' }))
    await refuseCircumstances(odoo, database, output)
    const wrong = judgeUpgrade(0, `${output}\nModules loaded.`)
    const why = wrong === null ? '' : ` (${wrong})`
    throw new ChasquiError(code, `${(cause as Error).message}${why}`, { cause })
  }
  stop.abort()
  await running.catch(() => undefined)
}

async function look(work: Work, server: string): Promise<string> {
  const url = `${server}/web/login`
  const check = {
    kind: 'http',
    url,
    expect: 200,
    assets: true,
    timeout: 60_000,
    retries: 0,
    wait: 0
  } as const
  const seen = await checkHttp(check, { work })
  let bundles = 0
  for (const name of BUNDLES) {
    const { status } = await work.parts.http.get(`${server}/web/assets/any/${name}`, PAGE)
    // 404: a series that does not know the name
    if (status >= 500) throw new ChasquiError('CHECK_FAILED', `the bundle ${name} answers ${status}`)
    if (status === 200) bundles++
  }
  return `${seen}, and ${bundles} bundles of the pages behind it`
}

/** A port at which nothing answers now. */
async function freePort(work: Work): Promise<number> {
  const { http, random } = work.parts
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const port = PRIVATE_PORTS.first + (Buffer.from(random(2)).readUInt16BE(0) % PRIVATE_PORTS.count)
    try {
      await http.get(`http://127.0.0.1:${port}/`, { timeout: 1000, limit: 1 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return port
    }
  }
  throw new ChasquiError('SERVICE_FAILED', 'no port is free for a look at the new version')
}

async function waitForAnswer(work: Work, port: number, hasEnded: () => boolean): Promise<void> {
  const { clock, http } = work.parts
  const end = clock.now() + START_LIMIT
  for (;;) {
    try {
      await http.get(`http://127.0.0.1:${port}/web/login`, { timeout: 60_000, limit: 1 })
      return
    } catch (cause) {
      if (hasEnded()) throw new ChasquiError('CHECK_FAILED', 'the upgraded server ended by itself', { cause })
      if (clock.now() >= end)
        throw new ChasquiError('CHECK_FAILED', 'the upgraded server does not answer', { cause })
      await clock.sleep(POLL)
    }
  }
}
