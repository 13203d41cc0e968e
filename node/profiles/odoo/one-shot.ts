// Servers that are run once: an upgrade, a look. They never share work with the real one (no cron, no workers), run as the
// user that Odoo runs as, and what they log comes to us whatever odoo.conf says about logs.
import { join } from 'node:path'
import { ChasquiError, type ErrorCode } from '../../../src/errors.ts'
import { ensureDirectory } from '../../../src/system/durable.ts'
import type { ProcessResult } from '../../../src/system/process.ts'
import type { Work } from '../../apply/work.ts'
import { runCommand } from '../commands.ts'
import { withoutLogOptions } from './configuration.ts'
import type { Odoo } from './context.ts'
import { environmentOf, odooUser } from './user.ts'

const LOG_LIMIT = 16 * 1024 * 1024 // bytes of an upgrade's log
const PRIVATE = 0o700
const PASSABLE = 0o711 // to somebody who knows the name of what is inside

export interface OneShot {
  database: string
  /** for the rehearsal: staged addons come first */
  addonsPath?: string
  code: ErrorCode
}

/** Runs Odoo to its end. Throws `code` when it does not come to one. */
export async function runOdoo(
  work: Work,
  odoo: Odoo,
  { database, addonsPath, code }: OneShot,
  args: readonly string[],
  signal?: AbortSignal
): Promise<ProcessResult> {
  const [program, ...first] = odoo.config.program
  const user = await odooUser(work, odoo)
  const path = addonsPath === undefined ? [] : [`--addons-path=${addonsPath}`]
  const server = ['--max-cron-threads=0', '--workers=0', '--logfile=', '--log-level=info', ...path]
  return passable(work, async () => {
    const file = odoo.settings.isQuiet ? await outspoken(work, odoo) : odoo.config.config
    try {
      return await runCommand(work, [program, ...first, '-c', file, '-d', database, ...server, ...args], {
        timeout: odoo.config.timeout,
        outputLimit: LOG_LIMIT,
        ...(signal === undefined ? {} : { signal }),
        ...(user === null ? {} : { user: user.numbers, environment: environmentOf(user) })
      })
    } catch (cause) {
      throw new ChasquiError(code, `Odoo did not end: ${(cause as Error).message}`, { cause })
    } finally {
      if (file !== odoo.config.config) await work.parts.fs.remove(file)
    }
  })
}

/** While it runs, Odoo's user may pass through to the staged addons; backups beside them stay closed. */
async function passable<T>(work: Work, run: () => Promise<T>): Promise<T> {
  const { fs } = work.parts
  const folders = [work.transaction.work, work.places.staging]
  for (const folder of folders) await fs.setMode(folder, PASSABLE)
  try {
    return await run()
  } finally {
    for (const folder of folders) await fs.setMode(folder, PRIVATE)
  }
}

/** odoo.conf may send its log to syslog, which no option takes back: a copy that says nothing about logs. */
async function outspoken(work: Work, { config, text, settings }: Odoo): Promise<string> {
  const { fs } = work.parts
  const folder = join(work.places.staging, 'odoo')
  await ensureDirectory(fs, folder, PRIVATE)
  await fs.copyOwner(settings.dataDirectory, folder)
  const path = join(folder, 'odoo.conf')
  if ((await fs.stat(path)) !== null) await fs.remove(path)
  const writer = await fs.createFile(path, 0o600)
  await writer.write(Buffer.from(withoutLogOptions(text)))
  await writer.close()
  await fs.copyOwner(config.config, path)
  await fs.copyOwner(settings.dataDirectory, path)
  return path
}
