import assert from 'node:assert/strict'
import { test } from 'node:test'
import sodium from 'sodium-native'
import type { ChasquiError } from '../../src/errors.ts'
import {
  decodeRecord,
  openBody,
  RECORD_LIMITS,
  RECORD_TYPES,
  sealBody,
  signRecord,
  verifyRecord
} from '../../src/fleet/record.ts'
import { RecordSet } from '../../src/fleet/record-set.ts'
import { TestFleet } from '../net/members.ts'

const NOW = 1_700_000_000_000
const DAY = 86_400_000
const fleet = new TestFleet('tienda')
const a = fleet.member('a')
const isInvalid = (error: ChasquiError) => error.code === 'RECORD_INVALID'

for (const type of RECORD_TYPES) {
  test(`a ${type} record reads back as it was signed`, () => {
    const signed = fleet.record(a, 7, { type, epoch: 3, body: 'what happened' })
    const read = verifyRecord(signed.bytes, fleet.verifyMembership)
    assert.equal(read.type, type)
    assert.deepEqual([read.epoch, read.sequence, read.at], [3, 7, NOW])
    assert.equal(Buffer.from(read.body).toString(), 'what happened')
    assert.equal(read.member.name, 'a')
  })
}

test('refuses a record with any one byte changed', () => {
  const { bytes } = fleet.record(a, 1)
  for (let at = 0; at < bytes.byteLength; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] as number) ^ 0x40
    assert.throws(() => verifyRecord(changed, fleet.verifyMembership), isInvalid, `byte ${at}`)
  }
})

test('refuses a record cut at any byte, or with bytes after it', () => {
  const { bytes } = fleet.record(a, 1)
  for (let length = 0; length < bytes.byteLength; length++) {
    assert.throws(() => verifyRecord(bytes.subarray(0, length), fleet.verifyMembership), isInvalid)
  }
  assert.throws(() => decodeRecord(Buffer.concat([bytes, Buffer.alloc(1)])), isInvalid)
})

const base = {
  type: 'report',
  author: a.keyPair.publicKey,
  membership: a.membership,
  epoch: 1,
  sequence: 1
} as const
const empty = { at: NOW, header: new Uint8Array(0), body: new Uint8Array(0) }

const unsound = [
  { name: 'a header that is too large', fields: { header: new Uint8Array(RECORD_LIMITS.header + 1) } },
  { name: 'a body that is too large', fields: { body: new Uint8Array(RECORD_LIMITS.body + 1) } },
  {
    name: 'a membership that is too large',
    fields: { membership: new Uint8Array(RECORD_LIMITS.membership + 1) }
  },
  { name: 'an author that is no key', fields: { author: new Uint8Array(31) } },
  { name: 'a sequence that is no safe integer', fields: { sequence: 2 ** 53 } },
  { name: 'a negative epoch', fields: { epoch: -1 } },
  { name: 'a time that is no number', fields: { at: Number.NaN } }
]
for (const { name, fields } of unsound) {
  test(`does not sign ${name}`, () => {
    assert.throws(() => signRecord({ ...base, ...empty, ...fields }, a.keyPair.secretKey), isInvalid)
  })
}

test('refuses a number that is not in its shortest form', () => {
  const { bytes } = fleet.record(a, 1)
  const long = Buffer.concat([Buffer.from([0xfd, 1, 0]), bytes.subarray(1)])
  assert.throws(() => decodeRecord(long), isInvalid)
})

test('refuses a record under the membership of another node', () => {
  const thief = { ...fleet.member('x'), membership: a.membership }
  assert.throws(() => verifyRecord(fleet.record(thief, 1).bytes, fleet.verifyMembership), isInvalid)
})

test('only the publisher can open a sealed body', () => {
  const keys = { publicKey: Buffer.alloc(32), secretKey: Buffer.alloc(32) }
  const other = { publicKey: Buffer.alloc(32), secretKey: Buffer.alloc(32) }
  sodium.crypto_box_seed_keypair(keys.publicKey, keys.secretKey, Buffer.alloc(32, 1))
  sodium.crypto_box_seed_keypair(other.publicKey, other.secretKey, Buffer.alloc(32, 2))
  const sealed = sealBody(Buffer.from('secret'), keys.publicKey)
  assert.equal(Buffer.from(openBody(sealed, keys) ?? []).toString(), 'secret')
  assert.equal(openBody(sealed, other), null)
  assert.equal(openBody(sealed.subarray(1), keys), null)
  assert.equal(openBody(new Uint8Array(3), keys), null)
})

const meetings = [
  { name: 'a newer sequence', first: [1, 1], second: [1, 2], outcome: 'added' },
  { name: 'a newer epoch with a lower sequence', first: [1, 9], second: [2, 1], outcome: 'added' },
  { name: 'an older sequence', first: [1, 2], second: [1, 1], outcome: 'older' },
  { name: 'an older epoch with a higher sequence', first: [2, 1], second: [1, 9], outcome: 'older' },
  { name: 'the same record', first: [1, 1], second: [1, 1], outcome: 'known' }
] as const
for (const { name, first, second, outcome } of meetings) {
  test(`a set that meets ${name} says ${outcome}`, () => {
    const set = fleet.records()
    assert.equal(set.add(fleet.record(a, first[1], { epoch: first[0] }).bytes, NOW).outcome, 'added')
    assert.equal(set.add(fleet.record(a, second[1], { epoch: second[0] }).bytes, NOW).outcome, outcome)
    assert.equal(set.size, 1)
  })
}

test('two records with one number: every set keeps the same one', () => {
  const one = fleet.record(a, 1, { body: 'one' }).bytes
  const two = fleet.record(a, 1, { body: 'two' }).bytes
  const kept = [
    [one, two],
    [two, one]
  ].map((order) => {
    const set = fleet.records()
    for (const bytes of order) set.add(bytes, NOW)
    return Buffer.from(set.list()[0]?.body ?? []).toString()
  })
  assert.equal(kept[0], kept[1])
})

test('forged and foreign records are refused and change nothing', () => {
  const set = fleet.records()
  const stranger = new TestFleet('otra')
  assert.equal(set.add(stranger.record(stranger.member('a'), 1).bytes, NOW).outcome, 'refused')
  assert.equal(set.add(Buffer.from('nonsense'), NOW).outcome, 'refused')
  assert.deepEqual([set.size, set.bytes, set.index.summary('').count], [0, 0, 0])
})

test('addresses expire, reports do not, and the records of the revoked go', () => {
  const set = fleet.records()
  const b = fleet.member('b')
  set.add(fleet.record(a, 1, { type: 'address' }).bytes, NOW)
  set.add(fleet.record(a, 1).bytes, NOW)
  set.add(fleet.record(b, 1).bytes, NOW)
  assert.equal(set.prune(NOW + 15 * DAY).length, 1)
  assert.equal(set.add(fleet.record(a, 1, { type: 'address' }).bytes, NOW + 15 * DAY).outcome, 'expired')
  assert.equal(set.prune(NOW, (member) => member.name === 'b').length, 1)
  assert.deepEqual([set.size, set.index.summary('').count], [1, 1])
  assert.equal(set.bytes, set.list()[0]?.bytes.byteLength)
})

test('a full set takes newer records of those it knows, and no new authors', () => {
  const set = new RecordSet({
    verify: (bytes) => verifyRecord(bytes, fleet.verifyMembership),
    limits: { records: 1 }
  })
  set.add(fleet.record(a, 1).bytes, NOW)
  assert.equal(set.add(fleet.record(fleet.member('b'), 1).bytes, NOW).outcome, 'full')
  assert.equal(set.add(fleet.record(a, 2).bytes, NOW).outcome, 'added')
})
