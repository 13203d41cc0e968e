// The transaction as ONE table: what is done in each state, and where an outcome leads. Pure; the engine journals a state
// before it does what the state asks for, so the table is also the list of points from which a killed apply goes on.
//
// The rule behind the `interrupted` column: until the migration has finished, a cut leads back to the old version (nothing
// that was done twice could be told from something done once); after it, a cut leads on to the new one. On the way back a
// cut leads to `halt` until the database is back: whatever the machine has started meanwhile is stopped, and set aside, first.

/** What a state asks the engine to do. Each is idempotent: it may find that it was done before, in part or whole. */
export type Step =
  | 'stage'
  | 'rehearse'
  | 'stop'
  | 'back-up'
  | 'swap'
  | 'migrate'
  | 'start'
  | 'check'
  | 'commit'
  | 'halt'
  | 'restore-files'
  | 'restore-database'
  | 'start-again'
  | 'clean-up'

export type State =
  | 'fetched'
  | 'staged'
  | 'rehearsed'
  | 'stopped'
  | 'backed-up'
  | 'swapped'
  | 'migrated'
  | 'started'
  | 'checked'
  | 'committed'
  | 'rolling-back'
  | 'halted'
  | 'files-restored'
  | 'database-restored'
  | 'restarted'
  | 'rolled-back'
  | 'rollback-failed'
  | 'restart-failed'

/** `interrupted`: the process died in this state; `retry`: somebody, or the time for it, asks for another try. */
export type MachineEvent = 'done' | 'failed' | 'interrupted' | 'retry'

interface Row {
  readonly does: Step | null
  readonly done: State
  readonly failed: State
  readonly interrupted: State
  readonly retry: State
}

const row = (does: Step | null, done: State, failed: State, interrupted: State, retry: State): Row => ({
  does,
  done,
  failed,
  interrupted,
  retry
})

const BACK = 'rolling-back'
const LOST = 'rollback-failed'
const DOWN = 'restart-failed'

// state                      does                done                 failed  interrupted          retry
const TABLE: Readonly<Record<State, Row>> = {
  fetched: row('stage', 'staged', BACK, BACK, 'fetched'),
  staged: row('rehearse', 'rehearsed', BACK, BACK, 'staged'),
  rehearsed: row('stop', 'stopped', BACK, BACK, 'rehearsed'),
  stopped: row('back-up', 'backed-up', BACK, BACK, 'stopped'),
  'backed-up': row('swap', 'swapped', BACK, BACK, 'backed-up'),
  swapped: row('migrate', 'migrated', BACK, BACK, 'swapped'),
  migrated: row('start', 'started', BACK, 'migrated', 'migrated'),
  started: row('check', 'checked', BACK, 'migrated', 'started'),
  // users may be in again from here on: there is no way back that would not lose what they enter
  checked: row('commit', 'committed', 'checked', 'checked', 'checked'),
  committed: row(null, 'committed', 'committed', 'committed', 'committed'),

  'rolling-back': row('halt', 'halted', LOST, BACK, BACK),
  halted: row('restore-files', 'files-restored', LOST, BACK, BACK),
  'files-restored': row('restore-database', 'database-restored', LOST, BACK, BACK),
  // files and database are back: from here on neither is touched again, whoever has worked with them
  'database-restored': row('start-again', 'restarted', DOWN, 'database-restored', 'database-restored'),
  restarted: row('clean-up', 'rolled-back', 'rolled-back', 'restarted', 'restarted'),
  'rolled-back': row(null, 'rolled-back', 'rolled-back', 'rolled-back', 'rolled-back'),
  'rollback-failed': row(null, LOST, LOST, LOST, BACK),
  'restart-failed': row(null, DOWN, DOWN, DOWN, 'database-restored')
}

/** All states, in the order of the table. */
export const STATES = Object.keys(TABLE) as State[]

/** The state that an outcome leads to. */
export function next(state: State, event: MachineEvent): State {
  return TABLE[state][event]
}

/** What to do in a state; null: nothing, the transaction rests. */
export function stepOf(state: State): Step | null {
  return TABLE[state].does
}

const FORWARD: readonly State[] = STATES.slice(0, STATES.indexOf('committed') + 1)

/** True when the work of `step` may have begun by the time that `state` was left for the rollback. */
export function hasBegun(state: State, step: Step): boolean {
  return FORWARD.indexOf(state) >= FORWARD.findIndex((one) => TABLE[one].does === step)
}

/** States in which the transaction is still on its way to the new version. */
export function isForward(state: State): boolean {
  return FORWARD.includes(state)
}

/** States that rest without being an end: files or database are not back, or the old version does not start. */
export function isFailedRollback(state: State): boolean {
  return state === LOST || state === DOWN
}
