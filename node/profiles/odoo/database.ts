// Backup and restore of Odoo's databases with their filestores. A restore renames the current database aside and drops only
// what it has made itself; it can be cut anywhere and done again. Odoo sees none but the live ones (list_dbs): what is being made
// is a template, what was set aside accepts no connections.
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { ChasquiError } from '../../../src/errors.ts'
import { ensureDirectory, removeTree } from '../../../src/system/durable.ts'
import { troubleBeneath } from '../../apply/blame.ts'
import type { Work } from '../../apply/work.ts'
import { databaseLabel } from '../../backups/set-aside.ts'
import type { Odoo } from './context.ts'
import { filestoreOf, filestorePlace, linkMissing } from './filestore.ts'
import { quoteName } from './postgres.ts'
import { copyProperties, restorePrivileges } from './properties.ts'
import { disconnect } from './sessions.ts'
import { modulesToUpgrade, type Roots, upgrade } from './upgrade.ts'

const NAME_LIMIT = 63 // bytes of a PostgreSQL name
const HASH = 8 // characters
const PLAIN = ['--no-owner', '--no-privileges', '--exit-on-error'] as const

function dumpOf(folder: string, database: string): string {
  return join(folder, `${database}.dump`)
}

/** Filestores are beside the dumps: they are second names, not copies to be read through. */
function storedFiles(folder: string, database: string): string {
  return join(dirname(folder), 'filestore', database)
}

/** A dump of each database into `into`, and its filestore beside it. Throws BACKUP_FAILED. */
export async function backUpDatabases(work: Work, odoo: Odoo, into: string): Promise<void> {
  await ensureDirectory(work.parts.fs, into)
  for (const database of odoo.config.databases) {
    const dump = dumpOf(into, database)
    await odoo.postgres.run('pg_dump', ['-Fc', '-f', dump, database], 'BACKUP_FAILED')
    const live = await filestoreOf(work.parts.fs, odoo.settings.dataDirectory, database)
    await linkMissing(work.parts.fs, live, storedFiles(into, database), live)
  }
}

/** Reads every dump through as a restore would: the list of its contents alone is there even when it was cut. */
export async function verifyDumps(odoo: Odoo, folder: string): Promise<void> {
  for (const database of odoo.config.databases) {
    await odoo.postgres.run('pg_restore', ['-f', '/dev/null', dumpOf(folder, database)], 'BACKUP_FAILED')
  }
}

/** Every database as it is in `folder`, which `backUpDatabases` filled. Throws RESTORE_FAILED. */
export async function restoreDatabases(work: Work, odoo: Odoo, folder: string): Promise<void> {
  for (const database of odoo.config.databases) {
    try {
      await restoreOne(work, odoo, database, dumpOf(folder, database))
      const { fs } = work.parts
      const live = await filestoreOf(fs, odoo.settings.dataDirectory, database)
      const like = (await fs.stat(live)) === null ? dirname(live) : live
      await linkMissing(fs, storedFiles(folder, database), live, like)
    } catch (cause) {
      const { message } = cause as Error
      throw new ChasquiError('RESTORE_FAILED', `the database ${database} is not back: ${message}`, {
        cause,
        hint: `its backup is ${dumpOf(folder, database)}; nothing was deleted`
      })
    }
  }
}

/**
 * Restored under a name of its own first; then both names change in one transaction of PostgreSQL. So what has the live name is
 * never half restored, always goes aside under a fresh name, and where that name is, the dump was restored: a second try leaves
 * a database alone in which users may work by now.
 */
async function restoreOne(work: Work, odoo: Odoo, database: string, dump: string): Promise<void> {
  const { postgres } = odoo
  const { asides, id } = work.transaction
  const planned = asides[dump]
  const isThere = await postgres.exists(database)
  if (isThere && planned !== undefined && (await postgres.exists(planned))) return
  const fresh = nameBeside(database, `${id}_new`)
  await postgres.dropHidden(fresh, 'RESTORE_FAILED')
  const model = isThere ? database : (planned ?? database)
  await postgres.createLike(model, fresh, 'RESTORE_FAILED')
  await postgres.run('pg_restore', [...PLAIN, '-d', fresh, dump], 'RESTORE_FAILED')
  await restorePrivileges(work, odoo, dump, fresh)
  await copyProperties(work, odoo, model, fresh)
  const change = (name: string, how: string) => `alter database ${quoteName(name)} ${how}`
  const rename = (from: string, to: string) => change(from, `rename to ${quoteName(to)}`)
  const changes = [rename(fresh, database), change(database, 'with is_template false')]
  if (isThere) {
    const aside = await freeName(odoo, database, id)
    asides[dump] = aside
    noteAside(work, databaseLabel(aside))
    await work.save()
    await disconnect(work, odoo, database)
    changes.unshift(rename(database, aside), change(aside, 'with allow_connections false'))
  }
  await postgres.execute('postgres', changes.join('; '))
}

/** A name that somebody has made the live one is left alone; PostgreSQL itself refuses to drop what is in use. */
export async function dropSetAside({ config, postgres }: Odoo, database: string): Promise<void> {
  if (config.databases.includes(database)) return
  await postgres.run('dropdb', ['--if-exists', database], 'RESTORE_FAILED')
}

/** Named before it is there: what is set aside is never without its entry. */
function noteAside({ transaction }: Work, label: string): void {
  if (!transaction.setAside.includes(label)) transaction.setAside.push(label)
}

async function freeName({ postgres }: Odoo, database: string, id: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = nameBeside(database, number === 1 ? id : `${id}_${number}`)
    if (!(await postgres.exists(name))) return name
  }
}

function nameBeside(database: string, suffix: string): string {
  return fitting(database, `_${suffix}`)
}

/** A name of PostgreSQL's length; where it has to be cut, its hash tells apart what begins alike. */
export function fitting(name: string, end = ''): string {
  if (name.length + end.length <= NAME_LIMIT) return name + end
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH)
  return `${name.slice(0, NAME_LIMIT - HASH - end.length - 1)}_${hash}${end}`
}

/** The upgrade on a copy, with the staged addons in front of the live ones. Throws REHEARSAL_FAILED, REHEARSAL_IMPOSSIBLE. */
export async function rehearseUpgrade(work: Work, odoo: Odoo): Promise<void> {
  const roots: Roots = { before: work.places.live, after: work.places.staged }
  const modules = await modulesToUpgrade(work, roots)
  if (modules.length === 0) return
  const staged = join(work.places.staging, 'new')
  const addonsPath = [...new Set([staged, ...odoo.settings.addonsPath])].join(',')
  for (const database of odoo.config.databases) {
    const scratch = fitting(`chasqui_rehearsal_${database}`)
    try {
      await cloneDatabase(work, odoo, database, scratch)
      const request = { database: scratch, modules, roots, addonsPath, code: 'REHEARSAL_FAILED' as const }
      await upgrade(work, odoo, request)
    } finally {
      await disconnect(work, odoo, scratch).catch(() => undefined)
      await odoo.postgres.dropHidden(scratch, 'REHEARSAL_IMPOSSIBLE').catch(() => undefined)
      // what the upgrade has attached to the copy, also of one that was cut
      const attached = filestorePlace(odoo.settings.dataDirectory, scratch)
      await removeTree(work.parts.fs, attached).catch(() => undefined)
    }
  }
}

/**
 * PostgreSQL copies a database by itself only while nobody uses it; through a dump it takes longer, and always works. The
 * release has no part in this yet. Throws DISK_FULL, DATABASE_UNREACHABLE, REHEARSAL_IMPOSSIBLE.
 */
async function cloneDatabase(work: Work, odoo: Odoo, database: string, scratch: string): Promise<void> {
  const code = 'REHEARSAL_IMPOSSIBLE'
  try {
    await copyDatabase(work, odoo, database, scratch)
  } catch (cause) {
    await odoo.postgres.requireAnswer()
    const { message, cause: beneath } = cause as Error
    if (troubleBeneath(beneath) !== 'DISK_FULL') {
      throw new ChasquiError(code, `${database} cannot be copied for a rehearsal: ${message}`, { cause })
    }
    throw new ChasquiError('DISK_FULL', `there is no room for a copy of ${database} to rehearse on`, {
      cause,
      hint: 'free some space where PostgreSQL and the work folder are, or set rehearse = false'
    })
  }
}

async function copyDatabase(work: Work, odoo: Odoo, database: string, scratch: string): Promise<void> {
  const { postgres } = odoo
  const code = 'REHEARSAL_IMPOSSIBLE'
  await postgres.dropHidden(scratch, code)
  try {
    await postgres.clone(database, scratch, code)
  } catch {
    const dump = join(work.places.staging, 'rehearsal.dump')
    await postgres.run('pg_dump', ['-Fc', '-Z1', '-f', dump, database], code)
    await postgres.createLike(database, scratch, code)
    await postgres.run('pg_restore', [...PLAIN, '-d', scratch, dump], code)
    await work.parts.fs.remove(dump)
  }
}
