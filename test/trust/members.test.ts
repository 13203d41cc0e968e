import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../../src/trust/bytes.ts'
import { openGrant, readGrant } from '../../src/trust/grant.ts'
import { encodeInvite, encodeInviteWithPin, parseInvite, requireUsable } from '../../src/trust/invite.ts'
import { findClones, isEntitled, verifyMembership, withGrant } from '../../src/trust/membership.ts'
import { discoveryTopic, responderKeyPair } from '../../src/trust/topic.ts'
import { DAY, pair, START, seedOf } from './test-fleet.ts'
import {
  CHEAP,
  check,
  FLEET,
  grantOf,
  inviteOf,
  membershipOf,
  RANDOM,
  signedCertificateOf
} from './test-members.ts'

test('an invite comes back whole from its text, however a mail program breaks it', () => {
  const text = encodeInvite(inviteOf())
  assert.match(text, /^chasqui1[a-z0-9]+$/)
  const broken = `  ${text.toUpperCase().replace(/(.{40})/g, '$1\r\n ')}\n`
  for (const written of [text, broken]) {
    const invite = parseInvite(written)
    assert.equal(toHex(invite.fleetSecret), toHex(seedOf('fleet secret')))
    assert.equal(invite.details.name, 'Sucursal Norte')
    assert.deepEqual(invite.peers, ['10.8.0.12:49800'])
  }
})

test('an invite with a PIN opens with the PIN only', () => {
  const text = encodeInviteWithPin(inviteOf(), '4711', RANDOM, CHEAP)
  assert.equal(parseInvite(text, '4711').details.name, 'Sucursal Norte')
  assert.throws(() => parseInvite(text), { code: 'INVITE_PIN_NEEDED' })
  assert.throws(() => parseInvite(text, '4712'), { code: 'INVITE_PIN_WRONG' })
})

test('an invite ends at its time, to the millisecond', () => {
  const invite = parseInvite(encodeInvite(inviteOf()))
  requireUsable(invite, START + 30 * DAY)
  assert.throws(() => requireUsable(invite, START + 30 * DAY + 1), { code: 'INVITE_EXPIRED' })
})

test('a member is verified offline from enrolment key to node key', () => {
  const member = verifyMembership(membershipOf(), check())
  assert.deepEqual(member, {
    node: toHex(pair('node').publicKey),
    invite: toHex(seedOf('invite id').subarray(0, 16)),
    name: 'Sucursal Norte',
    groups: ['norte'],
    modules: ['pos_*'],
    role: 'branch',
    granted: false,
    expires: START + 30 * DAY
  })
  assert.ok(isEntitled(member, 'pos_base'))
  assert.ok(!isEntitled(member, 'accounting'))
})

test('without a grant a membership ends with its invite; with one it goes on; records from the past stay good', () => {
  const later = START + 31 * DAY
  assert.throws(() => verifyMembership(membershipOf(), check({ now: later })), { code: 'INVITE_EXPIRED' })
  const granted = verifyMembership(withGrant(membershipOf(), grantOf()), check({ now: later }))
  assert.ok(granted.granted)
  assert.equal(verifyMembership(membershipOf(), check({ now: null })).granted, false)
})

test('a grant brings the feed key to its node and newer groups and modules', () => {
  const certificate = signedCertificateOf({ groups: ['sur'], modules: ['*'], issued: START + DAY })
  const bytes = grantOf({ certificate, generation: 2 })
  const grant = readGrant(bytes, [pair('enrolment').publicKey])
  assert.deepEqual(openGrant(grant, pair('node')), seedOf('feed encryption'))
  const member = verifyMembership(withGrant(membershipOf(), bytes), check())
  assert.deepEqual([member.groups, member.modules], [['sur'], ['*']])
})

test('two node keys on one invite are seen as clones', () => {
  const members = ['node', 'other node'].map((node) => verifyMembership(membershipOf({ node }), check()))
  const clones = findClones([...members, { invite: 'ab', node: 'cd' }])
  assert.deepEqual([...clones.keys()], [members[0]?.invite])
  assert.equal(clones.get(members[0]?.invite ?? '')?.length, 2)
})

test('former enrolment keys count while root lists them', () => {
  const keys = [pair('new enrolment').publicKey, pair('enrolment').publicKey]
  assert.equal(verifyMembership(membershipOf(), check({ enrolmentKeys: keys })).name, 'Sucursal Norte')
})

test('topic and listener key follow from the fleet secret alone', () => {
  assert.deepEqual(discoveryTopic(seedOf('a')), discoveryTopic(seedOf('a')))
  assert.notDeepEqual(discoveryTopic(seedOf('a')), discoveryTopic(seedOf('b')))
  assert.notDeepEqual(responderKeyPair(seedOf('a')).publicKey, discoveryTopic(seedOf('a')))
  assert.equal(FLEET.length, 32)
})
