// A clock that was years ahead (a dead battery) and was put right: nothing waits for the wrong time, and what is newest is said so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedBranch } from './simulated-branch.ts'

const AHEAD = Date.parse('2099-01-01T00:00:00Z')
const RIGHT = Date.parse('2026-11-27T02:00:00Z')
const v1 = { module: 'shop', version: '1.0.0', files: { 'version.txt': '1.0.0' } }
const v2 = { module: 'shop', version: '2.0.0', from: '1.0.0', files: { 'version.txt': '2.0.0' } }

test('the history is in the order of what happened', async () => {
  const branch = new SimulatedBranch()
  branch.now = AHEAD
  await branch.install(v1)
  branch.now = RIGHT
  branch.till.faults.sickVersion = '2.0.0'
  await branch.engine().apply(branch.request(v2))
  const history = await branch.engine().history()
  assert.deepEqual(
    history.map(({ result }) => result),
    ['rolled-back', 'committed']
  )
})

test('a way back that waits for a time in 2099 is tried when the clock is right again', async () => {
  const branch = new SimulatedBranch()
  await branch.install(v1)
  branch.now = AHEAD
  branch.till.faults = { sickVersion: '2.0.0', startFailsWith: '1.0.0' }
  const result = await branch.engine().apply(branch.request(v2))
  assert.equal(result.state, 'restart-failed')
  branch.till.faults = { sickVersion: '2.0.0' }
  branch.now = RIGHT
  await branch.engine().recover({}, { retry: 'due' })
  assert.equal(branch.till.running, true)
  assert.deepEqual(await branch.engine().pending(), [])
})
