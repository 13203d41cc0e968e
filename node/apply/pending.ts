// A transaction that rests without having ended: what is said of it, and how a person ends it who has settled it by hand.
import { manifestRoot } from '../../src/release/manifest.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import { stagingRecord } from '../backups/set-aside.ts'
import { type Drive, enter } from './drive.ts'
import { outcomeOf, resultOf, rolledBackRecords } from './finish.ts'
import { holdPlace } from './layout.ts'
import { isFailedRollback, type State } from './machine.ts'
import type { EngineParts } from './parts.ts'
import { KEYS, manifestText, type Records } from './records.ts'
import type { Transaction } from './transaction.ts'
import { differences } from './tree.ts'
import type { ApplyResult, ModuleChange, PendingTransaction } from './types.ts'
import type { Work } from './work.ts'

/** For status, reports and `recover`. */
export async function describePending(
  { fs }: Pick<EngineParts, 'fs'>,
  transaction: Transaction
): Promise<PendingTransaction> {
  const { id, app, state, retryAt, work } = transaction
  const hold = holdPlace(work, app.name)
  return {
    transaction: id,
    app: app.name,
    result: outcomeOf(state),
    state,
    releases: resultOf(transaction).releases,
    message: pendingMessage(transaction),
    retryAt: retryAt === null || retryAt === undefined ? null : formatTime(retryAt),
    hold: (await fs.stat(hold)) === null ? null : hold
  }
}

/** What failed first, and what then kept it from being put right. */
export function pendingMessage({ id, state, error, alsoFailed }: Transaction): string {
  const last = alsoFailed.at(-1)
  const why = [error, last].flatMap((one) => (one === undefined ? [] : [one]))
  const reasons = [
    ...new Set(why.map(({ message, hint }) => (hint === undefined ? message : `${message} (${hint})`)))
  ]
  return `the transaction ${id} ${saying(state)}: ${reasons.join('; then: ')}`
}

function saying(state: State): string {
  switch (state) {
    case 'rollback-failed':
      return 'could not be rolled back'
    case 'restart-failed':
      return 'was rolled back, but the old version is not up'
    default:
      return 'is in place, but its users are not let in'
  }
}

/**
 * Recorded as it stands: which version is there is read from the files, the application may be started by others again. What
 * failed is held against whom it would be after a way back. Nothing is moved, and nothing deleted but the staging of a way back
 * that came to its end: what a failed one has left may hold the only copy of something, and is listed as set aside.
 */
export async function settle(way: Drive, records: Records): Promise<ApplyResult> {
  const { work, profile, journal } = way
  const { transaction, parts } = work
  await profile.letUp(work)
  transaction.settledAt = formatTime(parts.clock.now())
  if (!isFailedRollback(transaction.state)) {
    await enter(way, 'done')
    return resultOf(transaction)
  }
  transaction.endedAt = transaction.settledAt
  const also: Record<string, unknown> = { ...(await rolledBackRecords(work, records)) }
  for (const change of transaction.changes) Object.assign(also, await asItStands(work, records, change))
  Object.assign(also, await stagingAfter(work))
  await journal.end(transaction, also)
  return resultOf(transaction)
}

/** Where files and database are back, nothing needs it. */
async function stagingAfter(work: Work) {
  const { transaction, app, places } = work
  if (transaction.state === 'restart-failed')
    return { [KEYS.pruning(app.name, transaction.id)]: places.staging }
  return stagingRecord(work, formatTime(transaction.startedAt))
}

/** The new version, when its files are nearer to what is there than the old one's; else what is recorded stays. */
async function asItStands(work: Work, records: Records, change: ModuleChange) {
  const { app, transaction, parts } = work
  const { module, track, kind, to } = change
  const fresh = await records.stagedManifest(app.name, module)
  if (fresh === null || to === null) return {}
  const old = await records.manifest(app.name, module)
  const count = async (manifest: typeof old) => {
    if (manifest === null) return Number.POSITIVE_INFINITY
    const live = work.places.live(module)
    const { changed, missing } = await differences(parts.fs, live, manifest, parts.platform !== 'win32')
    return changed.length + missing.length
  }
  if ((await count(fresh)) >= Math.min(await count(old), fresh.entries.length)) return {}
  const installedAt = formatTime(parts.clock.now())
  return {
    [KEYS.manifest(app.name, module)]: manifestText(fresh),
    [KEYS.installed(app.name, module)]: {
      module,
      track,
      version: to,
      kind,
      root: manifestRoot(fresh),
      installedAt,
      by: transaction.id
    }
  }
}
