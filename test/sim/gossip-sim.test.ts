import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedFleet, seeded } from './fleet.ts'
import { everybodyMeets, mixedFleet, type Round, spread } from './rounds.ts'

const BRANCHES = 300

for (const scenario of [everybodyMeets(BRANCHES), mixedFleet(BRANCHES)]) {
  test(`everybody comes to know everybody's report: ${scenario.name}`, () => {
    const rounds = [...spread(scenario, 1)]
    assert.equal(rounds.at(-1)?.known, 1)
  })
}

test('random meetings need no more rounds than push-pull theory allows', () => {
  const rounds: Round[] = [...spread(everybodyMeets(BRANCHES), 2)]
  // every node starts a meeting in every round: knowledge at least doubles until the last stragglers
  assert.ok(rounds.length <= Math.ceil(Math.log2(BRANCHES)) + 4, `${rounds.length} rounds`)
})

test('a meeting of two simulated nodes that agree is short', () => {
  const fleet = new SimulatedFleet(1000, seeded(1))
  for (let node = 0; node < 1000; node++) {
    fleet.write(node, 1)
    fleet.meet(0, node === 0 ? 1 : node)
  }
  fleet.meet(0, 1)
  assert.equal(fleet.count(1), 1000)
  const { bytes, moved } = fleet.meet(0, 1)
  assert.deepEqual([moved, bytes < 100], [0, true])
})

test('a meeting that is cut off by its budget goes on the next time', () => {
  const fleet = new SimulatedFleet(500, seeded(1))
  for (let node = 0; node < 500; node++) {
    fleet.write(node, 1)
    if (node > 1) fleet.meet(0, node)
  }
  let meetings = 0
  while (fleet.count(1) < 499 && meetings < 100) {
    fleet.meet(1, 0, 100_000)
    meetings++
  }
  assert.ok(meetings > 1 && meetings < 100, `${meetings} meetings`)
})
