// The room that a transaction takes on each volume, at most: dumps, copies of filestores across volumes, and in PostgreSQL's
// own folder a second copy of each database (a restore keeps the one that it replaces).
import { dirname } from 'node:path'
import { treeBytes } from '../../apply/tree.ts'
import type { AppWork } from '../../apply/work.ts'
import type { SpaceNeed } from '../profile.ts'
import type { Odoo } from './context.ts'
import { filestoreOf } from './filestore.ts'

const DUMP_SHARE = 0.6 // of the database's size, at most, in a compressed dump

/** Bytes by volume. */
export async function roomFor(work: AppWork, odoo: Odoo, workFolder: string): Promise<SpaceNeed[]> {
  const { fs } = work.parts
  const own = (await fs.stat(workFolder))?.device
  const needs: SpaceNeed[] = []
  const sizes: number[] = []
  for (const database of odoo.config.databases) {
    const size = await odoo.postgres.size(database)
    sizes.push(size)
    needs.push({ path: workFolder, bytes: size * DUMP_SHARE, what: `the dump of ${database}` })
    const filestore = await filestoreOf(fs, odoo.settings.dataDirectory, database)
    const found = await fs.stat(filestore)
    if (found === null || found.device === own) continue
    needs.push({
      path: workFolder,
      bytes: await treeBytes(fs, filestore),
      what: `the filestore of ${database}`
    })
  }
  // the dump of the rehearsal is gone before the backup begins, and as large as one of those
  const folder = await databaseFolder(work, odoo)
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  if (folder !== null) needs.push({ path: folder, bytes, what: 'a restored copy beside each database' })
  return needs
}

/** PostgreSQL's data folder; null when it is on another machine, or not said to this role. */
async function databaseFolder(work: AppWork, { postgres, settings }: Odoo): Promise<string | null> {
  const { host } = settings
  const isHere =
    host === undefined || host.startsWith('/') || ['localhost', '127.0.0.1', '::1'].includes(host)
  if (!isHere) return null
  const sql = `select setting as folder from pg_settings where name = 'data_directory'`
  const [row] = await postgres.query<{ folder: string }>('postgres', sql)
  if (row === undefined) return usual(work)
  return (await work.parts.fs.stat(dirname(row.folder))) === null ? null : row.folder
}

/** A role without special rights is not told; where distributions put it is the best guess. */
async function usual(work: AppWork): Promise<string | null> {
  for (const folder of ['/var/lib/postgresql', '/var/lib/pgsql']) {
    if ((await work.parts.fs.stat(folder))?.kind === 'directory') return folder
  }
  return null
}
