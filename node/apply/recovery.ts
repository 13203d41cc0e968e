// What becomes of a transaction that has not ended: one that was cut goes on where the table says; one that failed to end
// waits for its time, or for a person.
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import type { ProcessMark } from '../../src/system/process-mark.ts'
import type { AppConfig } from '../config/apps.ts'
import { BACKOFF, type Drive, enter } from './drive.ts'
import { isForward } from './machine.ts'
import type { EngineParts } from './parts.ts'
import { settle } from './pending.ts'
import { KEYS, type Records } from './records.ts'
import type { Journal, Transaction } from './transaction.ts'
import type { ApplyContext, ApplyResult } from './types.ts'

/** Times that a transaction may be cut before the way on is given up for the way back. */
const INTERRUPTIONS = 3

/** `cut`: only what a process left in the middle; `due` and `now`: also what has failed to end. */
export type Occasion = 'cut' | 'due' | 'now'

export interface Recovery {
  /** null: the app has nothing that is to go on now. */
  recover(
    app: string,
    occasion: Occasion,
    current: AppConfig | undefined,
    context: ApplyContext
  ): Promise<ApplyResult | null>
  /** Throws NOTHING_PENDING. */
  giveUp(app: string): Promise<ApplyResult>
}

interface RecoveryParts {
  parts: EngineParts
  records: Records
  journal: Journal
  driveOf(transaction: Transaction, context: ApplyContext): Drive
  finish(way: Drive): Promise<ApplyResult>
}

export function createRecovery({ parts, records, journal, driveOf, finish }: RecoveryParts): Recovery {
  /** A program of the killed process may still be at work on what is about to be brought back. */
  async function endLeftProgram(app: string): Promise<void> {
    try {
      const mark = (await parts.state.get(KEYS.program(app))) as ProcessMark | undefined
      if (mark !== undefined) await parts.runner.end(mark)
    } catch (error) {
      const why = asChasquiError(error).message
      parts.log.warn({ app, error: why }, 'cannot tell what the last process left running')
    }
  }

  async function goOn(transaction: Transaction, context: ApplyContext): Promise<ApplyResult> {
    const way = driveOf(transaction, context)
    const { app, id, state } = transaction
    await endLeftProgram(app.name)
    way.emit({ event: 'recovery', app: app.name, transaction: id, state })
    transaction.interruptions++
    const wasForward = isForward(state)
    const isTired = transaction.interruptions > INTERRUPTIONS && wasForward
    await enter(way, isTired ? 'failed' : 'interrupted')
    if (wasForward && !isForward(transaction.state) && transaction.error === undefined) {
      transaction.error = {
        code: 'APPLY_INTERRUPTED',
        message: `the apply was cut in the state ${transaction.failedAt ?? ''}`,
        hint: 'it is tried again when its time comes'
      }
    }
    return finish(way)
  }

  async function tryAgain(transaction: Transaction, context: ApplyContext): Promise<ApplyResult> {
    const way = driveOf(transaction, context)
    way.emit({
      event: 'recovery',
      app: transaction.app.name,
      transaction: transaction.id,
      state: transaction.state
    })
    transaction.isBack = transaction.state === 'restart-failed'
    transaction.retries++
    delete transaction.retryAt
    await enter(way, 'retry')
    return finish(way)
  }

  /** Somebody has started what the node had stopped: whether it may be stopped again, a person says. */
  async function isInUse(transaction: Transaction): Promise<boolean> {
    if (transaction.state !== 'rollback-failed' || transaction.alsoFailed.at(-1)?.step === 'halt')
      return false
    const { work, profile } = driveOf(transaction, {})
    try {
      return (await profile.isRunning(work)) === true
    } catch {
      return false
    }
  }

  /** A time further away than any pause is one of a clock that has been set back since. */
  function isDue(retryAt: number | null): boolean {
    const wait = (retryAt ?? Number.POSITIVE_INFINITY) - parts.clock.now()
    return wait <= 0 || (retryAt !== null && wait > BACKOFF.longest)
  }

  return {
    async recover(app, occasion, current, context) {
      const [transaction] = await journal.pending(app)
      if (transaction === undefined) return null
      const { retryAt } = transaction
      if (retryAt === undefined) return goOn(transaction, context)
      if (occasion === 'cut' || (occasion === 'due' && !isDue(retryAt))) return null
      transaction.app = withCurrent(transaction.app, current)
      if (occasion === 'due' && (await isInUse(transaction))) {
        await journal.write({ ...transaction, retryAt: null })
        return null
      }
      return tryAgain(transaction, context)
    },
    async giveUp(app) {
      const [transaction] = await journal.pending(app)
      if (transaction === undefined) {
        throw new ChasquiError('NOTHING_PENDING', `${app} has no transaction that waits`)
      }
      return settle(driveOf(transaction, {}), records)
    }
  }
}

/**
 * A cut goes on with the configuration that the transaction began with. Where the way back has failed, the reason may be in
 * there: how things are done is taken from the file as it is now; what belongs to the transaction (places, modules) stays.
 */
function withCurrent(app: AppConfig, current: AppConfig | undefined): AppConfig {
  if (current === undefined || current.profile !== app.profile) return app
  const { commands, service, env, odoo, checks } = current
  return { ...app, commands, service, env, odoo, checks }
}
