// What a way back has put aside instead of deleting it: databases under another name, dumps, files that nobody has a place
// for. Each transaction that leaves something is recorded, listed and let go by rules of its own.
import { asChasquiError } from '../../src/errors.ts'
import { KEYS, type Records } from '../apply/records.ts'
import type { Also } from '../apply/steps.ts'
import { treeBytes } from '../apply/tree.ts'
import type { SetAsideInfo } from '../apply/types.ts'
import type { Work } from '../apply/work.ts'
import type { Profile } from '../profiles/profile.ts'
import { dueForPruning } from './retention.ts'

const DATABASE = 'database '

/** How a database that was set aside is named in a transaction; a dump is named by its path. */
export function databaseLabel(name: string): string {
  return DATABASE + name
}

/** What a person has settled leaves its staging too: a way back that stopped half-way may have files of its users in there. */
export async function stagingRecord(
  { transaction, app, parts, places }: Work,
  createdAt: string
): Promise<Also> {
  const path = places.staging
  if ((await parts.fs.stat(path)) === null) return {}
  const id = `${transaction.backup}-staging`
  const bytes = await treeBytes(parts.fs, path)
  const about = { app: app.name, createdAt, transaction: transaction.id, settled: true as const }
  const info: SetAsideInfo = { id, ...about, path, bytes, databases: [] }
  return { [KEYS.setAside(app.name, id)]: info }
}

/** The record of what a transaction that ends now leaves; `folder`: its backup is none, and stays on the disk all the same. */
export async function setAsideRecord(work: Work, folder: string | null, createdAt: string): Promise<Also> {
  const { transaction, app, parts } = work
  const path = folder !== null && (await parts.fs.stat(folder)) !== null ? folder : null
  const databases = transaction.setAside
    .filter((label) => label.startsWith(DATABASE))
    .map((label) => label.slice(DATABASE.length))
  if (path === null && databases.length === 0) return {}
  const info: SetAsideInfo = {
    id: transaction.backup,
    app: app.name,
    createdAt,
    transaction: transaction.id,
    path,
    bytes: path === null ? 0 : await treeBytes(parts.fs, path),
    databases,
    ...(transaction.settledAt === undefined ? {} : { settled: true })
  }
  return { [KEYS.setAside(app.name, info.id)]: info }
}

/** Lets go of what is due: databases at once, folders are marked. What is in use stays on the list until the next time. */
export async function letGoSetAside(work: Work, profile: Profile, records: Records): Promise<void> {
  const { app, parts } = work
  const rules = { keep: app['set-aside-keep'], age: app['set-aside-age'], bytes: undefined }
  const all = await records.setAside(app.name)
  await forgetDeleted(work, profile, all)
  const ours = all.filter((one) => one.settled !== true)
  const due = dueForPruning(ours, { ...rules, now: parts.clock.now() })
  for (const { id, path, databases } of due) {
    try {
      for (const database of databases) await profile.dropSetAside(work, database)
      const marked = path === null ? {} : { [KEYS.pruning(app.name, `set-aside-${id}`)]: path }
      await parts.state.put({ ...marked, [KEYS.setAside(app.name, id)]: null })
    } catch (error) {
      const { message } = asChasquiError(error)
      parts.log.warn({ app: app.name, id, error: message }, 'what was set aside cannot be let go yet')
    }
  }
}

/** What a person was to delete, and has deleted, leaves the list. */
async function forgetDeleted(work: Work, profile: Profile, all: readonly SetAsideInfo[]): Promise<void> {
  const { app, parts } = work
  for (const { id, path, databases } of all.filter((one) => one.settled === true)) {
    if (path !== null && (await parts.fs.stat(path)) !== null) continue
    const left = await Promise.all(databases.map((database) => profile.hasSetAside(work, database)))
    if (!left.includes(true)) await parts.state.put({ [KEYS.setAside(app.name, id)]: null })
  }
}
