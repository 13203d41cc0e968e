// Every vector of docs/vectors/{trust,invite,membership}, read by Chasqui and by a second reader that was written from
// FORMAT.md alone: both must come to the verdict that the file carries.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'
import { formatTime, fromHex, toHex } from '../../src/trust/bytes.ts'
import { parseInvite } from '../../src/trust/invite.ts'
import { verifyMembership } from '../../src/trust/membership.ts'
import { refreshTrust } from '../../src/trust/refresh.ts'
import { readVectors } from '../independent/read-vectors.ts'
import { Refused } from '../independent/refused.ts'
import {
  followFleet,
  type MembershipVector,
  readInvite,
  readMembership,
  type TrustVector
} from './independent-reader.ts'
import { MemoryStore, utf8 } from './test-fleet.ts'

/** The value, or the code with which it was refused. */
async function verdict<T>(read: () => T | Promise<T>): Promise<{ code: string; value: T | null }> {
  try {
    return { code: 'OK', value: await read() }
  } catch (error) {
    if (error instanceof ChasquiError || error instanceof Refused) return { code: error.code, value: null }
    throw error
  }
}

const files = (texts: Record<string, string>) =>
  new Map(Object.entries(texts).map(([name, text]) => [name, utf8(text)]))

for (const vector of readVectors<TrustVector & { expect: string; found?: boolean; stale?: boolean }>(
  'trust'
)) {
  test(`trust/${vector.file}: ${vector.comment} → ${vector.expect}`, async () => {
    const ours = await verdict(async () => {
      const store = new MemoryStore()
      await store.save(files(vector.stored))
      const served = files(vector.served)
      const source = { read: async (name: string) => served.get(name) ?? null }
      const trust = await refreshTrust({ store, source, now: Date.parse(vector.now), fleetId: vector.fleet })
      const found = (await trust.target(vector.look)) !== null
      return { found, stale: trust.freshness.stale }
    })
    const theirs = await verdict(() => followFleet(vector))
    assert.deepEqual(ours, theirs, 'the two readers agree')
    assert.equal(ours.code, vector.expect)
    if (vector.expect === 'OK') assert.deepEqual(ours.value, { found: vector.found, stale: vector.stale })
    assert.equal(formatTime(Date.parse(vector.now)), vector.now)
  })
}

interface InviteVector {
  expect: string
  text: string
  pin?: string
  fields?: object
}

for (const vector of readVectors<InviteVector>('invite')) {
  test(`invite/${vector.file}: ${vector.comment} → ${vector.expect}`, async () => {
    const ours = await verdict(() => describeInvite(vector))
    assert.equal(ours.code, vector.expect)
    if (vector.expect === 'OK') assert.deepEqual(ours.value, vector.fields)
    // the second reader has no argon2id
    if (vector.pin === undefined) assert.deepEqual(await verdict(() => readInvite(vector.text)), ours)
  })
}

function describeInvite({ text, pin }: InviteVector): object {
  const { details, certificate: _, peers, bootstrap, generation, ...keys } = parseInvite(text, pin)
  const { fleet: _fleet, inviteKey: _key, invite, ...rest } = details
  const hex = Object.fromEntries(Object.entries(keys).map(([name, bytes]) => [name, toHex(bytes)]))
  return { ...hex, generation, peers, bootstrap, ...rest, invite: toHex(invite) }
}

for (const vector of readVectors<MembershipVector & { expect: string; member?: object }>('membership')) {
  test(`membership/${vector.file}: ${vector.comment} → ${vector.expect}`, async () => {
    const ours = await verdict(() =>
      verifyMembership(new Uint8Array(Buffer.from(vector.bytes, 'hex')), {
        fleetId: fromHex(vector.fleet, 32) as Uint8Array,
        enrolmentKeys: vector.enrolmentKeys.map((key) => fromHex(key, 32) as Uint8Array),
        revoked: { invites: new Set(vector.revokedInvites), nodes: new Set(vector.revokedNodes) },
        now: vector.now
      })
    )
    assert.deepEqual(await verdict(() => readMembership(vector)), ours, 'the two readers agree')
    assert.equal(ours.code, vector.expect)
    if (vector.expect === 'OK') assert.deepEqual(ours.value, vector.member)
  })
}
