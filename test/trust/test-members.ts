// Invites, certificates, memberships and grants of a pretend fleet, from fixed seeds.
import { type Certificate, signCertificate } from '../../src/trust/certificate.ts'
import { type Grant, sealForNode, signGrant } from '../../src/trust/grant.ts'
import type { Invite } from '../../src/trust/invite.ts'
import { createMembership, type MembershipCheck, NOBODY_REVOKED } from '../../src/trust/membership.ts'
import { DAY, pair, START, seedOf } from './test-fleet.ts'

export const FLEET = seedOf('fleet id')
export const INVITE_ID = seedOf('invite id').subarray(0, 16)
export const CHEAP = { passes: 1, memory: 8192 }
export const RANDOM = {
  salt: seedOf('salt').subarray(0, 16),
  nonce: Buffer.concat([seedOf('nonce')]).subarray(0, 24)
}

function certificateOf(over: Partial<Certificate> = {}): Certificate {
  return {
    invite: INVITE_ID,
    fleet: FLEET,
    inviteKey: pair('invite').publicKey,
    role: 'branch',
    name: 'Sucursal Norte',
    groups: ['norte'],
    modules: ['pos_*'],
    issued: START,
    expires: START + 30 * DAY,
    ...over
  }
}

export function signedCertificateOf(over: Partial<Certificate> = {}, enrolment = 'enrolment'): Uint8Array {
  return signCertificate(certificateOf(over), pair(enrolment).secretKey)
}

export function inviteOf(over: Partial<Invite> = {}): Invite {
  return {
    fleetId: FLEET,
    fleetSecret: seedOf('fleet secret'),
    feedKey: seedOf('feed key'),
    feedEncryptionKey: seedOf('feed encryption'),
    generation: 1,
    enrolmentKey: pair('enrolment').publicKey,
    inviteSeed: seedOf('invite'),
    certificate: signedCertificateOf(),
    peers: ['10.8.0.12:49800'],
    bootstrap: [],
    ...over
  }
}

export function membershipOf(
  over: { certificate?: Uint8Array; inviteSeed?: Uint8Array; node?: string; grant?: Uint8Array } = {}
): Uint8Array {
  return createMembership(
    over.certificate ?? signedCertificateOf(),
    over.inviteSeed ?? seedOf('invite'),
    pair(over.node ?? 'node').publicKey,
    over.grant
  )
}

export function grantOf(over: Partial<Grant> = {}, enrolment = 'enrolment'): Uint8Array {
  const node = over.node ?? pair('node').publicKey
  const grant: Grant = {
    fleet: FLEET,
    invite: INVITE_ID,
    node,
    issued: START,
    generation: 1,
    feed: seedOf('feed key'),
    sealedKey: sealForNode(seedOf('feed encryption'), node),
    certificate: new Uint8Array(0),
    ...over
  }
  return signGrant(grant, pair(enrolment).secretKey)
}

export function check(over: Partial<MembershipCheck> = {}): MembershipCheck {
  return {
    fleetId: FLEET,
    enrolmentKeys: [pair('enrolment').publicKey],
    revoked: NOBODY_REVOKED,
    now: START,
    ...over
  }
}
