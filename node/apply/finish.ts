// What is written when a transaction ends, in one atomic step with its removal from the journal: installed versions and file
// lists, the backup, the history, the quarantine; and what may be deleted afterwards.
import { manifestRoot } from '../../src/release/manifest.ts'
import { compareVersions } from '../../src/release/version.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import { heldBytes } from '../backups/held.ts'
import { dueForPruning } from '../backups/retention.ts'
import { setAsideRecord } from '../backups/set-aside.ts'
import { blamedIn, quarantineAfter } from './blame.ts'
import { isFailedRollback, type State } from './machine.ts'
import { KEYS, manifestText, type Records } from './records.ts'
import type { Also } from './steps.ts'
import type { Transaction } from './transaction.ts'
import { treeBytes } from './tree.ts'
import type { ApplyResult, BackupInfo, HistoryEntry, ModuleChange, Outcome } from './types.ts'
import type { Work } from './work.ts'

export function resultOf(transaction: Transaction): ApplyResult {
  const { state } = transaction
  const result = outcomeOf(state)
  const { stoppedAt, runningAt } = transaction
  // what keeps an unfinished one from ending is its error, for as long as it does
  const isOpen = result === 'unfinished' && transaction.error === undefined
  const error = isOpen ? transaction.alsoFailed.at(-1) : transaction.error
  const alsoFailed = isOpen ? transaction.alsoFailed.slice(0, -1) : transaction.alsoFailed
  return {
    transaction: transaction.id,
    app: transaction.app.name,
    result,
    state,
    releases: transaction.changes.map(({ module, track, from, to }) => ({ module, track, from, to })),
    steps: transaction.steps,
    ...(error === undefined ? {} : { error }),
    ...(alsoFailed.length === 0 ? {} : { alsoFailed }),
    ...(result === 'committed' ? { backup: transaction.backup } : {}),
    drift: transaction.drift,
    setAside: transaction.setAside,
    checks: transaction.checks,
    ...(stoppedAt === undefined || runningAt === undefined ? {} : { downtime: runningAt - stoppedAt }),
    ...(isShared(transaction) ? { blamed: blamedIn(transaction) } : {}),
    ...(transaction.settledAt === undefined ? {} : { settledAt: transaction.settledAt })
  }
}

/** Several modules failed, and not all of them need to be at fault. */
function isShared({ state, changes, error }: Transaction): boolean {
  return changes.length > 1 && error !== undefined && state !== 'committed'
}

/** What a state is to whoever asked; one that is neither end has the new version in place, and waits. */
export function outcomeOf(state: State): Outcome {
  if (state === 'committed' || state === 'rolled-back') return state
  return isFailedRollback(state) ? 'rollback-failed' : 'unfinished'
}

/** One entry for a transaction, whatever becomes of it: a later one takes the place of the one before. */
export function historyOf({ transaction, parts }: Work): Also {
  const entry: HistoryEntry = {
    ...resultOf(transaction),
    kind: transaction.kind,
    reason: transaction.reason,
    startedAt: formatTime(transaction.startedAt),
    endedAt: transaction.endedAt ?? formatTime(parts.clock.now())
  }
  return { [KEYS.history(transaction.id)]: entry }
}

/** Everything that becomes true with the commit. */
export async function committedRecords(work: Work, records: Records): Promise<Also> {
  const { transaction, app } = work
  const changes: Record<string, unknown> = { ...historyOf(work), ...(await backupRecord(work)) }
  for (const change of transaction.changes) {
    const { module, track, kind } = change
    const old = await records.manifest(app.name, module)
    const fresh = change.to === null ? null : await records.stagedManifest(app.name, module)
    const text = (manifest: typeof old) => (manifest === null ? null : manifestText(manifest))
    changes[KEYS.backupManifest(app.name, transaction.backup, module)] = text(old)
    changes[KEYS.manifest(app.name, module)] = text(fresh)
    changes[KEYS.staged(app.name, module)] = null
    const root = fresh === null ? '' : manifestRoot(fresh)
    const live = work.places.live(module)
    const installedAt = formatTime(work.parts.clock.now())
    changes[KEYS.installed(app.name, module)] =
      change.to === null
        ? null
        : { module, track, version: change.to, kind, root, live, installedAt, by: transaction.id }
    Object.assign(changes, await raisedFloor(app.name, change, records))
  }
  for (const entry of await records.quarantine(app.name)) {
    if (!transaction.changes.some((change) => change.module === entry.module)) continue
    changes[KEYS.quarantine(app.name, entry.module, entry.track, entry.version)] =
      transaction.kind === 'update' ? null : entry
  }
  Object.assign(changes, await setAsideRecord(work, null, formatTime(work.transaction.startedAt)))
  changes[KEYS.operations(app.name)] = null
  changes[KEYS.pruning(app.name, transaction.id)] = work.places.staging
  return changes
}

/**
 * What has passed its checks raises the floor below which nothing goes without the release key's leave. A backup that comes
 * back has no release, and lowers nothing.
 */
async function raisedFloor(app: string, change: ModuleChange, records: Records): Promise<Also> {
  const { module, track, to, release } = change
  if (release === null || to === null) return {}
  const before = await records.floor(app, module, track)
  const isHigher = before === null || compareVersions(release.order, to, before) > 0
  return isHigher ? { [KEYS.floor(app, module, track)]: to } : {}
}

async function backupRecord({ transaction, app, places, parts }: Work): Promise<Also> {
  const info: BackupInfo = {
    id: transaction.backup,
    app: app.name,
    createdAt: formatTime(transaction.startedAt),
    transaction: transaction.id,
    modules: transaction.changes.map(({ module, track, from, kind }) => ({
      module,
      track,
      version: from,
      kind
    })),
    path: places.backup,
    bytes: await treeBytes(parts.fs, places.backup),
    database: transaction.database
  }
  return { [KEYS.backup(app.name, info.id)]: info }
}

/** Everything that is written when a transaction was rolled back. */
export async function rolledBackRecords(work: Work, records: Records): Promise<Also> {
  const { transaction, app } = work
  const changes: Record<string, unknown> = { ...historyOf(work) }
  const tried = transaction.kind === 'update' ? transaction : { changes: [] }
  for (const entry of quarantineAfter(tried, await records.quarantine(app.name), app.attempts)) {
    changes[KEYS.quarantine(app.name, entry.module, entry.track, entry.version)] = entry
  }
  for (const { module } of transaction.changes) changes[KEYS.staged(app.name, module)] = null
  Object.assign(changes, await setAsideRecord(work, work.places.backup, formatTime(transaction.startedAt)))
  changes[KEYS.operations(app.name)] = null
  return changes
}

/** With what deleting each would give back, where that is asked for. */
async function measured({ app, parts }: Work, backups: readonly BackupInfo[]): Promise<BackupInfo[]> {
  const newestFirst = [...backups].sort((a, b) => (a.id < b.id ? 1 : -1))
  if (app['backup-size'] === undefined) return newestFirst
  const paths = newestFirst.map((backup) => backup.path)
  const held = await heldBytes(parts.fs, paths)
  return newestFirst.map((backup, index) => ({ ...backup, bytes: held[index] ?? backup.bytes }))
}

/** Marks backups that retention lets go: they leave the list at once, and the disk afterwards. */
export async function pruningRecords(work: Work, records: Records): Promise<Also> {
  const { app, parts } = work
  const backups = await records.backups(app.name)
  const due = dueForPruning(await measured(work, backups), {
    keep: app['backup-keep'],
    age: app['backup-age'],
    bytes: app['backup-size'],
    now: parts.clock.now()
  })
  const changes: Record<string, unknown> = {}
  for (const backup of due) {
    changes[KEYS.backup(app.name, backup.id)] = null
    changes[KEYS.pruning(app.name, `backup-${backup.id}`)] = backup.path
    for (const { module } of backup.modules) {
      changes[KEYS.backupManifest(app.name, backup.id, module)] = null
    }
  }
  return changes
}
