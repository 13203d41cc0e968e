import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { verifyRecord } from '../../src/fleet/record.ts'
import { RecordSet } from '../../src/fleet/record-set.ts'
import { TestFleet } from '../net/members.ts'

const NOW = 1_700_000_000_000
const END = NOW + 1000
const fleet = new TestFleet('tienda')
let set: RecordSet

beforeEach(() => {
  fleet.granted = new Set(['honest'])
  set = new RecordSet({
    verify: (bytes) => verifyRecord(bytes, (one) => ({ ...fleet.verifyMembership(one), expires: END })),
    limits: { records: 100 }
  })
})

const add = (name: string, at = NOW, sequence = 1) =>
  set.add(fleet.record(fleet.member(name), sequence, { at }).bytes, NOW)
const leak = () => Array.from({ length: 200 }, (_, n) => add(`leaked#${n}`).outcome)

test('a leaked invite does not fill the set: others have room', () => {
  assert.equal(leak().filter((outcome) => outcome === 'added').length, 4)
  assert.equal(add('honest').outcome, 'added')
  assert.equal(set.size, 5)
})

test('an author whom the publisher has confirmed takes the place of one whom it has not', () => {
  leak()
  fleet.granted?.add('leaked')
  assert.equal(add('leaked').outcome, 'added')
  assert.equal(set.size, 4)
  assert.ok(set.get('report', fleet.member('leaked').node))
})

test('a place is free again when its author is dropped, and a newer record needs none', () => {
  leak()
  assert.equal(add('leaked#0', NOW, 2).outcome, 'added')
  set.prune(NOW, (member) => member.name === 'leaked#1')
  assert.deepEqual([add('leaked#77').outcome, add('leaked#78').outcome], ['added', 'full'])
})

const times = [
  { who: 'an author that was never confirmed', name: 'branch', at: END, outcome: 'added' },
  { who: 'an author that was never confirmed', name: 'branch', at: END + 1000, outcome: 'refused' },
  { who: 'an author that the publisher has confirmed', name: 'honest', at: END + 1000, outcome: 'added' }
]
for (const { who, name, at, outcome } of times) {
  test(`${who} and speaks ${at > END ? 'after' : 'before'} its invite ends: ${outcome}`, () => {
    assert.equal(add(name, at).outcome, outcome)
  })
}
