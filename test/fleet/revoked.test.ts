import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  encodeRevoked,
  mergeRevoked,
  nobodyRevoked,
  parseRevoked,
  revokedSets
} from '../../src/fleet/revoked.ts'

const [A, B] = ['aa'.repeat(16), 'bb'.repeat(16)]
const NODE = 'cc'.repeat(32)
const [EARLY, LATE] = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z']
const known = {
  schema: 1 as const,
  invites: { [A]: { at: EARLY } },
  nodes: { [NODE]: { at: EARLY, invite: A } }
}

const lists = [
  { name: 'an empty list', heard: nobodyRevoked(), invites: [A] },
  {
    name: 'a list without them',
    heard: { ...nobodyRevoked(), invites: { [B]: { at: LATE } } },
    invites: [A, B]
  },
  {
    name: 'a list that dates them later',
    heard: { ...nobodyRevoked(), invites: { [A]: { at: LATE } } },
    invites: [A]
  }
]

for (const { name, heard, invites } of lists) {
  test(`only ever grows who is revoked: ${name}`, () => {
    const merged = mergeRevoked(known, parseRevoked(encodeRevoked(heard)))
    assert.deepEqual(revokedSets(merged), { invites: new Set(invites), nodes: new Set([NODE]) })
    assert.equal(merged.invites[A]?.at, EARLY)
    assert.deepEqual(mergeRevoked(merged, nobodyRevoked()), merged)
  })
}
