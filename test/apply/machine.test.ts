import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isFailedRollback,
  isForward,
  type MachineEvent,
  next,
  STATES,
  type State,
  stepOf
} from '../../node/apply/machine.ts'

const EVENTS: MachineEvent[] = ['done', 'failed', 'interrupted', 'retry']
const RESTING: State[] = ['committed', 'rolled-back', 'rollback-failed', 'restart-failed']

function follow(from: State, event: MachineEvent): State[] {
  const path = [from]
  for (let at = from; stepOf(at) !== null && path.length < 50; ) {
    at = next(at, event)
    path.push(at)
  }
  return path
}

test('goes from fetched to committed through every forward state', () => {
  const path = follow('fetched', 'done')
  assert.deepEqual(path, STATES.slice(0, STATES.indexOf('committed') + 1))
})

for (const state of STATES.filter((one) => stepOf(one) !== null)) {
  test(`${state}: whatever happens once, it comes to rest in a known end`, () => {
    for (const event of EVENTS) {
      const end = follow(next(state, event), 'done').at(-1)
      assert.ok(end !== undefined && RESTING.includes(end), `${event} → ${end}`)
      assert.ok(!isFailedRollback(end) || event === 'failed', `${event} → ${end}`)
    }
  })
}

test('a cut before the migration is done leads back, after it leads on', () => {
  const cutAt = (state: State) => follow(next(state, 'interrupted'), 'done').at(-1)
  for (const state of STATES.filter(isForward).filter((one) => one !== 'committed')) {
    const isLate = ['migrated', 'started', 'checked'].includes(state)
    assert.equal(cutAt(state), isLate ? 'committed' : 'rolled-back', state)
  }
})

for (const [state, retry] of [
  ['rollback-failed', 'rolling-back'],
  ['restart-failed', 'database-restored']
] as const) {
  test(`${state} can be tried again, and nothing else leaves it`, () => {
    assert.equal(next(state, 'retry'), retry)
    for (const event of ['done', 'failed', 'interrupted'] as const) assert.equal(next(state, event), state)
  })
}

test('on the way back a cut leads to the halt, until the database is back: then nothing is restored any more', () => {
  for (const state of ['rolling-back', 'halted', 'files-restored'] as const) {
    assert.equal(stepOf(next(state, 'interrupted')), 'halt')
  }
  for (const event of ['interrupted', 'retry'] as const) {
    assert.ok(!follow(next('database-restored', event), 'done').includes('files-restored'))
  }
})

test('once checked there is no way back: users may be in again', () => {
  for (const event of EVENTS) assert.ok(isForward(next('checked', event)))
})
