// What each state of the way back does: only as much as the forward way may have begun, and each safe to do again.
import { dirname, join } from 'node:path'
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import { ensureDirectory, removeTree } from '../../src/system/durable.ts'
import { failureOf, runChecks } from '../checks/checks.ts'
import { contextFor } from '../checks/plan.ts'
import type { Profile } from '../profiles/profile.ts'
import { hasBegun, type Step } from './machine.ts'
import { donePart, type Operation, undo } from './operations.ts'
import { KEYS, type PlannedExchange, type Records } from './records.ts'
import type { StepFunction } from './steps.ts'
import { foreignEntries, namesOf } from './tree.ts'
import { globMatcher, type Work } from './work.ts'

function begun(work: Work, step: Step): boolean {
  const { failedAt } = work.transaction
  return failedAt !== undefined && hasBegun(failedAt, step)
}

/** Users may have worked with what is there: it was started, or others may have started it after a cut or a failure. */
function mayHoldWork(work: Work): boolean {
  const { interruptions, retries } = work.transaction
  return begun(work, 'start') || interruptions > 0 || retries > 0
}

export const halt: StepFunction = async (work, profile) => {
  if (!begun(work, 'stop')) return undefined
  if (!begun(work, 'back-up') || mayHoldWork(work)) await stopAgain(work, profile)
  work.transaction.halts++
  return undefined
}

/** It may not run, or not know how to stop; but files are not exchanged under something that is known to run. */
async function stopAgain(work: Work, profile: Profile): Promise<void> {
  await profile.stop(work, true)
  if (!begun(work, 'swap') || (await runs(work, profile)) !== true) return
  throw new ChasquiError('SERVICE_FAILED', 'the new version cannot be stopped', {
    hint: 'stop it by hand, then: chasqui node recover'
  })
}

/** null: nobody can tell. The release may have brought no program to ask with, or one that does not run. */
async function runs(work: Work, profile: Profile): Promise<boolean | null> {
  try {
    return await profile.isRunning(work)
  } catch (error) {
    work.note(`cannot tell whether it runs: ${(error as Error).message}`)
    return null
  }
}

export const restoreFiles: StepFunction = async (work, profile, records) => {
  if (!begun(work, 'swap')) return undefined
  const planned = await records.exchange(work.app.name, work.transaction.id)
  const exchange = await extend(work, profile, records, planned)
  await undo(work.parts, exchange.operations)
  return undefined
}

/**
 * Adds local files that appeared in a new tree since it was swapped in, so that they go back with the rest; journaled before
 * anything moves. What is undone already is left out: only a list that was done to its end can be extended.
 */
async function extend(
  work: Work,
  profile: Profile,
  records: Records,
  planned: PlannedExchange
): Promise<PlannedExchange> {
  const exchange = { ...planned, operations: await donePart(work.parts.fs, planned.operations) }
  const found: Operation[] = []
  for (const { kind, module } of work.transaction.changes) {
    if (kind !== 'directory' || !isSwappedIn(work, module, exchange)) continue
    found.push(...(await newLocalFiles(work, profile, records, module, exchange)))
  }
  if (found.length === 0) return planned
  exchange.operations.push(...found)
  await work.parts.state.put({ [KEYS.operations(work.app.name)]: exchange })
  return exchange
}

function isSwappedIn(work: Work, module: string, { operations }: PlannedExchange): boolean {
  const [staged, live] = [work.places.staged(module), work.places.live(module)]
  return operations.some((one) => one.kind === 'rename' && one.from === staged && one.to === live)
}

async function newLocalFiles(
  work: Work,
  profile: Profile,
  records: Records,
  module: string,
  exchange: PlannedExchange
): Promise<Operation[]> {
  const { fs } = work.parts
  const { places } = work
  const live = places.live(module)
  const isDerived = globMatcher(profile.derived, module)
  const carried = new Set(exchange.operations.flatMap((one) => (one.kind === 'rename' ? [one.to] : [])))
  const manifest = await records.stagedManifest(work.app.name, module)
  const found: Operation[] = []
  const place = async (path: string): Promise<void> => {
    const here = join(live, path)
    if (carried.has(here) || isDerived(path)) return
    const back = join(places.backedUp(module), path)
    const there = await fs.stat(back)
    // a folder that an earlier try took back already, or of which a part has its way back
    const isShared =
      [...carried].some((one) => one.startsWith(`${here}/`)) ||
      (there?.kind === 'directory' && (await fs.stat(here))?.kind === 'directory')
    if (isShared) {
      for (const name of await fs.list(here)) await place(`${path}/${name}`)
      return
    }
    const isFree = there === null && (await fs.stat(dirname(back)))?.kind === 'directory'
    const to = isFree ? back : join(places.aside(module), path)
    await ensureDirectory(fs, dirname(to))
    found.push({ kind: 'rename', from: to, to: here, ours: 'from' })
  }
  for (const path of await foreignEntries(fs, live, namesOf(manifest))) await place(path)
  return found
}

export const restoreDatabase: StepFunction = async (work, profile) => {
  if (!begun(work, 'migrate') || work.transaction.database === null) return undefined
  await profile.restore(work, work.places.database, mayHoldWork(work))
  return undefined
}

export const startAgain: StepFunction = async (work, profile, records) => {
  if (!begun(work, 'stop')) return undefined
  if (!(await isLeftRunning(work, profile))) await stopAgain(work, profile)
  const locked = await unlock(work, profile)
  if (work.transaction.wasDown === true) {
    await profile.letUp(work)
    // its program may have come with the release, and is gone with it
    if (locked !== null && asChasquiError(locked).code !== 'APPLY_TOOL_MISSING') throw locked
    return undefined
  }
  try {
    await profile.start(work)
  } catch (error) {
    // a stop that failed may have left it running, and then a start fails too
    if (begun(work, 'back-up') || !(await looksAlive(work, profile, records))) throw error
  }
  if (locked !== null) throw locked
  if ((await runs(work, profile)) === false) {
    throw new ChasquiError('SERVICE_FAILED', 'the old version was started and does not run')
  }
  work.transaction.runningAt = work.parts.clock.now()
  return undefined
}

/** What runs is the old version: all of it, or a part of several that a start completes. */
async function isLeftRunning(work: Work, profile: Profile): Promise<boolean> {
  if (work.transaction.isBack !== true) return false
  const isUp = await runs(work, profile)
  if (isUp !== false) return isUp === true
  return !(await profile.isDown(work).catch(() => true))
}

/** Why users cannot be let in; it is started all the same, for that is one trouble less. */
async function unlock(work: Work, profile: Profile): Promise<unknown> {
  if (!begun(work, 'migrate')) return null
  try {
    await profile.unlock(work)
    return null
  } catch (error) {
    return error
  }
}

/** There is a sign of life: where nothing is checked, only that the service runs. */
async function looksAlive(work: Work, profile: Profile, records: Records): Promise<boolean> {
  if (work.app.checks.length === 0) return (await runs(work, profile)) === true
  const context = contextFor({ ...work, modules: [] }, profile, records, work.transaction)
  return failureOf(await runChecks(work.app.checks, context)) === null
}

/** Removes staging, and the backup of this transaction when nothing in it is needed any more. */
export const cleanUp: StepFunction = async (work) => {
  const { fs } = work.parts
  await removeTree(fs, work.places.staging)
  const isNeeded =
    work.transaction.setAside.length > 0 ||
    (await holdsFiles(work, join(work.places.backup, 'files'))) ||
    (await holdsFiles(work, join(work.places.backup, 'aside')))
  if (!isNeeded) await removeTree(fs, work.places.backup)
  return undefined
}

async function holdsFiles(work: Work, path: string): Promise<boolean> {
  const found = await work.parts.fs.stat(path)
  if (found?.kind !== 'directory') return found !== null
  for (const name of await work.parts.fs.list(path)) {
    if (await holdsFiles(work, join(path, name))) return true
  }
  return false
}
