// Drives one transaction through the table: does what its state asks, journals the state that the outcome leads to, until it
// rests. The only place where a step's error becomes an event.
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import type { StateStore } from '../../src/system/state.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import { letGoSetAside } from '../backups/set-aside.ts'
import type { Profile } from '../profiles/profile.ts'
import { troubleBeneath } from './blame.ts'
import { committedRecords, historyOf, pruningRecords, resultOf, rolledBackRecords } from './finish.ts'
import { isFailedRollback, isForward, type MachineEvent, next, type Step, stepOf } from './machine.ts'
import { KEYS, type Records } from './records.ts'
import * as back from './rollback-steps.ts'
import type { Also, StepFunction } from './steps.ts'
import * as forward from './steps.ts'
import type { Journal } from './transaction.ts'
import type { ApplyContext, ApplyResult, Failure } from './types.ts'
import type { Work } from './work.ts'

const STEPS: Readonly<Record<Step, StepFunction>> = {
  stage: forward.stage,
  rehearse: forward.rehearse,
  stop: forward.stop,
  'back-up': forward.backUp,
  swap: forward.swap,
  migrate: forward.migrate,
  start: forward.start,
  check: forward.check,
  commit: forward.commit,
  halt: back.halt,
  'restore-files': back.restoreFiles,
  'restore-database': back.restoreDatabase,
  'start-again': back.startAgain,
  'clean-up': back.cleanUp
}

/** Tries of a step that is not allowed to give up at once: the way back, and the commit. */
const PATIENT_TRIES = 3
const PAUSE = 1000 // milliseconds
const HISTORY = 500 // entries kept
const OUTPUT = 4096 // characters kept of what a step printed
/** What a transaction keeps of itself when it is tried again and again: how it began, and how it went lately. */
const KEPT = { firstSteps: 20, lastSteps: 40, failures: 20 }
export const BACKOFF = { first: 60_000, longest: 3_600_000 } // milliseconds until the next try by itself, doubled each time
/** Copies of a database that tries by themselves may leave behind before a person is asked. */
const COPIES = 10

export interface Drive {
  work: Work
  profile: Profile
  records: Records
  journal: Journal
  emit: NonNullable<ApplyContext['emit']>
}

/** To the end. Throws JOURNAL_FAILED; everything else is in the result. */
export async function drive(parts: Drive): Promise<ApplyResult> {
  const { transaction } = parts.work
  for (;;) {
    const step = stepOf(transaction.state)
    if (step === null) return resultOf(transaction)
    const { failure, also } = await doStep(parts, step)
    noteFailure(parts, failure)
    // users are not in yet and the new version is good: it waits, and is tried again
    if (failure !== null && step === 'commit') await rest(parts)
    else await enter(parts, failure === null ? 'done' : 'failed', also)
    if (transaction.retryAt !== undefined) return resultOf(transaction)
  }
}

interface StepOutcome {
  failure: Failure | null
  also: Also
}

async function doStep(parts: Drive, step: Step): Promise<StepOutcome> {
  const { work, emit } = parts
  const { transaction } = work
  const { clock } = work.parts
  const about = { app: work.app.name, transaction: transaction.id, step }
  const printed: string[] = []
  emit({ event: 'step', ...about, state: 'begins' })
  const startedAt = clock.now()
  const failure = await attempt(parts, step, printed)
  const ms = Math.round(clock.now() - startedAt)
  const output = printed.join('\n').slice(-OUTPUT)
  const ok = failure.error === null
  transaction.steps.push({ step, ms, ok, ...(output === '' ? {} : { output }) })
  emit({
    event: 'step',
    ...about,
    state: ok ? 'done' : 'failed',
    ms,
    ...(ok ? {} : { error: failure.error })
  })
  if (!ok) work.parts.log.warn({ ...about, error: failure.error }, 'a step failed')
  return { failure: failure.error, also: failure.also }
}

async function attempt(
  { work, profile, records }: Drive,
  step: Step,
  printed: string[]
): Promise<{ error: Failure | null; also: Also }> {
  const tries = step === 'commit' || !isForward(work.transaction.state) ? PATIENT_TRIES : 1
  const noting = { ...work, note: (text: string) => void printed.push(text) }
  for (let tried = 1; ; tried++) {
    try {
      refuseCancelled(work)
      const also = await STEPS[step](noting, profile, records)
      return { error: null, also: also ?? {} }
    } catch (thrown) {
      const { code } = asChasquiError(thrown)
      if (code === 'JOURNAL_FAILED') throw thrown
      if (tried === tries) return { error: failureIn(step, thrown), also: {} }
      await work.parts.clock.sleep(PAUSE * tried)
    }
  }
}

function failureIn(step: Step, thrown: unknown): Failure {
  const { code, message, hint, module } = asChasquiError(thrown)
  const trouble = troubleBeneath(thrown)
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    step,
    ...(module === undefined ? {} : { module }),
    ...(trouble === undefined ? {} : { trouble })
  }
}

/** A request to stop counts until the application is stopped; from then on the shortest way is to go on. */
function refuseCancelled({ signal, transaction }: Work): void {
  if (signal?.aborted !== true || !['fetched', 'staged', 'rehearsed'].includes(transaction.state)) return
  throw new ChasquiError('CANCELLED', 'the apply was stopped on request')
}

function noteFailure({ work: { transaction } }: Drive, failure: Failure | null): void {
  const { steps, alsoFailed, error, state } = transaction
  const isFirst = error === undefined && state !== 'checked'
  if (failure !== null && isFirst) transaction.error = failure
  else if (failure !== null) alsoFailed.push(failure)
  steps.splice(KEPT.firstSteps, Math.max(0, steps.length - KEPT.firstSteps - KEPT.lastSteps))
  alsoFailed.splice(0, Math.max(0, alsoFailed.length - KEPT.failures))
}

/** It has not ended and does not go on: the history says so, and when it is tried again. Throws JOURNAL_FAILED. */
async function rest({ work, journal }: Drive): Promise<void> {
  const { transaction, parts } = work
  const { retries, setAside, state } = transaction
  const now = parts.clock.now()
  transaction.endedAt = formatTime(now)
  const pause = Math.min(BACKOFF.first * 2 ** Math.min(retries, 10), BACKOFF.longest)
  transaction.retryAt = state === 'rollback-failed' && setAside.length >= COPIES ? null : now + pause
  await journal.write(transaction, historyOf(work))
}

/** Follows the table and journals the new state, with all that becomes true in it. */
export async function enter(parts: Drive, event: MachineEvent, also: Also = {}): Promise<void> {
  const { work, records, journal } = parts
  const { transaction } = work
  const state = next(transaction.state, event)
  if (state === 'rolling-back' && isForward(transaction.state)) transaction.failedAt = transaction.state
  transaction.state = state
  if (isFailedRollback(state)) return rest(parts)
  if (stepOf(state) !== null) return journal.write(transaction, also)
  transaction.endedAt = formatTime(work.parts.clock.now())
  await journal.end(transaction, { ...also, ...(await recordsOf(work, records)) })
}

/** What becomes true beside the state. Throws JOURNAL_FAILED: the journal then still has the state before. */
async function recordsOf(work: Work, records: Records): Promise<Also> {
  for (let tried = 1; ; tried++) {
    try {
      const collect = work.transaction.state === 'committed' ? committedRecords : rolledBackRecords
      return await collect(work, records)
    } catch (cause) {
      if (tried === PATIENT_TRIES) {
        throw new ChasquiError('JOURNAL_FAILED', 'the end of the transaction cannot be recorded', { cause })
      }
      await work.parts.clock.sleep(PAUSE * tried)
    }
  }
}

/** Deletes what nothing needs any more: staging, backups that retention let go. A failure is for the next time. */
export async function prune(
  { work, profile, records }: Pick<Drive, 'work' | 'profile' | 'records'>,
  remove: (path: string) => Promise<void>
): Promise<void> {
  const { state, log } = work.parts
  try {
    await state.put(await pruningRecords(work, records))
    await letGoSetAside(work, profile, records)
    const history = await state.list(KEYS.history(), { reverse: true })
    for (const [key] of history.slice(HISTORY)) await state.put({ [key]: null })
    await removePruned(state, remove, work.app.name)
  } catch (error) {
    log.warn(
      { app: work.app.name, error: asChasquiError(error).message },
      'old files could not be removed yet'
    )
  }
}

/**
 * Removes what is marked for it, of one app or of all: also what a node that was cut after its commit has left behind. What
 * cannot be removed keeps nothing else from it; the first of the errors is thrown at the end.
 */
export async function removePruned(
  state: StateStore,
  remove: (path: string) => Promise<void>,
  app?: string
): Promise<void> {
  const errors: unknown[] = []
  for (const [key, path] of await state.list(KEYS.pruning(app))) {
    try {
      await remove(String(path))
      await state.put({ [key]: null })
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
