// Backup and restore of Odoo's databases with their filestores. A restore renames the current database aside, and never drops
// what may hold work; it can be cut anywhere and done again.
import { dirname, join } from 'node:path'
import { ChasquiError } from '../../../src/errors.ts'
import { ensureDirectory } from '../../../src/system/durable.ts'
import type { Work } from '../../apply/work.ts'
import type { Odoo } from './context.ts'
import { filestoreOf, linkMissing } from './filestore.ts'
import { quoteName, quoteText } from './postgres.ts'
import { modulesToUpgrade, type Roots, upgrade } from './upgrade.ts'

const NAME_LIMIT = 63 // bytes of a PostgreSQL name

function dumpOf(folder: string, database: string): string {
  return join(folder, `${database}.dump`)
}

/** Filestores are beside the dumps: they are second names, not copies to be read through. */
function storedFiles(folder: string, database: string): string {
  return join(dirname(folder), 'filestore', database)
}

export async function backUpDatabases(work: Work, odoo: Odoo, into: string): Promise<void> {
  await ensureDirectory(work.parts.fs, into)
  for (const database of odoo.config.databases) {
    const dump = dumpOf(into, database)
    await odoo.postgres.run('pg_dump', ['-Fc', '-f', dump, database], 'BACKUP_FAILED')
    const live = filestoreOf(odoo.settings.dataDirectory, database)
    await linkMissing(work.parts.fs, live, storedFiles(into, database), live)
  }
}

/** Reads every dump through as a restore would: the list of its contents alone is there even when it was cut. */
export async function verifyDumps(odoo: Odoo, folder: string): Promise<void> {
  for (const database of odoo.config.databases) {
    await odoo.postgres.run('pg_restore', ['-f', '/dev/null', dumpOf(folder, database)], 'BACKUP_FAILED')
  }
}

export async function restoreDatabases(work: Work, odoo: Odoo, folder: string): Promise<void> {
  for (const database of odoo.config.databases) {
    try {
      await restoreOne(work, odoo, database, dumpOf(folder, database))
      const live = filestoreOf(odoo.settings.dataDirectory, database)
      const like = dirname(live)
      await linkMissing(work.parts.fs, storedFiles(folder, database), live, like)
    } catch (cause) {
      const { message } = cause as Error
      throw new ChasquiError('RESTORE_FAILED', `the database ${database} is not back: ${message}`, {
        cause,
        hint: `its backup is ${dumpOf(folder, database)}; nothing was deleted`
      })
    }
  }
}

/** Aside first; then a fresh one from the dump. What a cut left half restored is ours, and is dropped. */
async function restoreOne(work: Work, odoo: Odoo, database: string, dump: string): Promise<void> {
  const { postgres } = odoo
  const aside = asideName(database, work.transaction.id)
  await postgres.disconnect(database)
  const isAside = await postgres.exists(aside)
  if (await postgres.exists(database)) {
    if (isAside) await postgres.run('dropdb', [database], 'RESTORE_FAILED')
    else
      await postgres.execute(
        'postgres',
        `alter database ${quoteName(database)} rename to ${quoteName(aside)}`
      )
  }
  const label = `database ${aside}`
  if (!work.transaction.setAside.includes(label)) {
    work.transaction.setAside.push(label)
    await work.save()
  }
  await postgres.run('createdb', await likeBefore(odoo, aside, database), 'RESTORE_FAILED')
  const args = ['--no-owner', '--no-privileges', '--exit-on-error', '-d', database, dump]
  await postgres.run('pg_restore', args, 'RESTORE_FAILED')
}

/** The same encoding and order as the database that was set aside. */
async function likeBefore(odoo: Odoo, aside: string, database: string): Promise<string[]> {
  const [row] = await odoo.postgres.query<{ datcollate: string; datctype: string }>(
    'postgres',
    `select datcollate, datctype from pg_database where datname = ${quoteText(aside)}`
  )
  const order = row === undefined ? [] : [`--lc-collate=${row.datcollate}`, `--lc-ctype=${row.datctype}`]
  return ['-T', 'template0', '-E', 'UTF8', ...order, database]
}

function asideName(database: string, transaction: string): string {
  return `${database.slice(0, NAME_LIMIT - transaction.length - 1)}_${transaction}`
}

/** The upgrade on a copy, with the staged addons in front of the live ones. Throws REHEARSAL_FAILED. */
export async function rehearseUpgrade(work: Work, odoo: Odoo): Promise<void> {
  const roots: Roots = { before: work.places.live, after: work.places.staged }
  const modules = await modulesToUpgrade(work, roots)
  if (modules.length === 0) return
  const staged = join(work.places.staging, 'new')
  const addonsPath = [...new Set([staged, ...odoo.settings.addonsPath])].join(',')
  for (const database of odoo.config.databases) {
    const scratch = `chasqui_rehearsal_${database}`.slice(0, NAME_LIMIT)
    try {
      await cloneDatabase(work, odoo, database, scratch)
      const request = { database: scratch, modules, roots, addonsPath, code: 'REHEARSAL_FAILED' as const }
      await upgrade(work, odoo, request)
    } finally {
      await odoo.postgres.disconnect(scratch).catch(() => undefined)
      await odoo.postgres.run('dropdb', ['--if-exists', scratch], 'REHEARSAL_FAILED').catch(() => undefined)
    }
  }
}

/** PostgreSQL copies a database by itself only while nobody uses it; through a dump it takes longer, and always works. */
async function cloneDatabase(work: Work, odoo: Odoo, database: string, scratch: string): Promise<void> {
  const { postgres } = odoo
  await postgres.run('dropdb', ['--if-exists', scratch], 'REHEARSAL_FAILED')
  try {
    await postgres.run('createdb', ['-T', database, scratch], 'REHEARSAL_FAILED')
  } catch {
    const dump = join(work.places.staging, 'rehearsal.dump')
    await postgres.run('pg_dump', ['-Fc', '-Z1', '-f', dump, database], 'REHEARSAL_FAILED')
    await postgres.run('createdb', ['-T', 'template0', '-E', 'UTF8', scratch], 'REHEARSAL_FAILED')
    const args = ['--no-owner', '--no-privileges', '--exit-on-error', '-d', scratch, dump]
    await postgres.run('pg_restore', args, 'REHEARSAL_FAILED')
    await work.parts.fs.remove(dump)
  }
}
