// A transaction as the journal keeps it: all that a new process needs to go on, or back. Written whole at every change of
// state, synced, before the state's work begins.
import { ChasquiError } from '../../src/errors.ts'
import type { StateStore } from '../../src/system/state.ts'
import type { CheckResult } from '../checks/types.ts'
import type { AppConfig } from '../config/apps.ts'
import type { State } from './machine.ts'
import type { Clock } from './parts.ts'
import type { BackupInfo, DriftReport, Failure, ModuleChange, StepReport } from './types.ts'

export interface Transaction {
  id: string
  kind: 'update' | 'restore' | 'remove'
  reason: string
  /** as it was when the transaction began: the way back must not depend on an edit in between */
  app: AppConfig
  changes: ModuleChange[]
  state: State
  /** the forward state that was left for the rollback */
  failedAt?: State
  /** times that a process died in it */
  interruptions: number
  /** times that it was asked to go on after it had failed to end */
  retries: number
  /** it rests without having ended: when it is tried again by itself, ms since the epoch; null: when a person says so */
  retryAt?: number | null
  /** files and database were back when this process began: what runs is the old version */
  isBack?: boolean
  /** times that the application was stopped for the way back */
  halts: number
  /** the halt in which the database was last set aside; since then nobody can have worked with it */
  asideAt: number
  /** a database under a new name, by the dump that takes its place: once it is there, the dump was restored */
  asides: Record<string, string>
  /** absolute: the folder for staging and backups */
  work: string
  backup: string
  /** a restore: the backup that comes back, and whether its database does */
  restores?: { backup: string; withDatabase: boolean }
  steps: StepReport[]
  error?: Failure
  alsoFailed: Failure[]
  drift: DriftReport[]
  setAside: string[]
  checks: CheckResult[]
  /** ms since the epoch */
  startedAt: number
  stoppedAt?: number
  /** nothing was installed and the service did not run: the way back starts nothing */
  wasDown?: true
  runningAt?: number
  /** RFC 3339: of its entry in the history; there is one, whatever becomes of it */
  endedAt?: string
  /** RFC 3339: a person has said that it is settled */
  settledAt?: string
  /** what the database backup is made of, once there is one */
  database: BackupInfo['database']
  /** names of checks that failed before anything was touched: not held against the release */
  failingBefore: string[]
  /** sizes of the application's logs before it was started, by their real paths */
  logMarks: Record<string, number>
}

const PREFIX = 'apply/transaction/'
const TRIES = 5
const PAUSE = 200 // milliseconds, doubled each time

/** The journal of transactions: at most one per app. */
export interface Journal {
  /** `also` is written in the same atomic step. */
  write(transaction: Transaction, also?: Readonly<Record<string, unknown>>): Promise<void>
  end(transaction: Transaction, also?: Readonly<Record<string, unknown>>): Promise<void>
  pending(app?: string): Promise<Transaction[]>
}

export function createJournal(state: StateStore, clock: Clock): Journal {
  const put = async (changes: Readonly<Record<string, unknown>>) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await state.put(changes)
      } catch (cause) {
        if (attempt === TRIES) {
          throw new ChasquiError('JOURNAL_FAILED', 'the journal cannot be written', {
            cause,
            hint: 'free some space in the home; the node goes on with the transaction at its next start'
          })
        }
        await clock.sleep(PAUSE * 2 ** attempt)
      }
    }
  }
  const list = async () => {
    try {
      return await state.list(PREFIX)
    } catch (cause) {
      throw new ChasquiError('JOURNAL_FAILED', 'the journal cannot be read', {
        cause,
        hint: 'check the disk of the home; the node goes on with the transaction at its next start'
      })
    }
  }
  return {
    write: (transaction, also = {}) => put({ ...also, [PREFIX + transaction.app.name]: transaction }),
    end: (transaction, also = {}) => put({ ...also, [PREFIX + transaction.app.name]: null }),
    async pending(app) {
      const all = (await list()).map(([, value]) => value as Transaction)
      return app === undefined ? all : all.filter((one) => one.app.name === app)
    }
  }
}
