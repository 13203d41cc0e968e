// Proof that a node belongs to the fleet, verified offline: enrolment key → certificate → invite key → node key, and
// the publisher's grant once it has seen the node. FORMAT 7.3.
import { ChasquiError } from '../errors.ts'
import { equalBytes, formatTime, toHex, verifySignature } from './bytes.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import { type Grant, readGrant } from './grant.ts'
import { keyPairOf, signAs } from './keys.ts'
import { LIMITS } from './limits.ts'
import { matchesPattern } from './path-pattern.ts'
import { bytes32, bytes64, bytesUpTo, constant, decodeWith, encodeWith, structure } from './wire.ts'

export interface Member {
  /** node public key, hex */
  node: string
  /** invite id, hex */
  invite: string
  name: string
  groups: string[]
  /** patterns of modules that it is entitled to */
  modules: string[]
  role: 'branch' | 'publisher'
}

export interface VerifiedMember extends Member {
  /** the publisher has countersigned this node key; until then the membership ends with the invite */
  granted: boolean
  /** ms since the epoch: the end of a membership that was not granted */
  expires: number
}

/** Who is out, by invite id and by node key (hex). */
export interface Revoked {
  invites: ReadonlySet<string>
  nodes: ReadonlySet<string>
}

export const NOBODY_REVOKED: Revoked = { invites: new Set(), nodes: new Set() }

export interface MembershipCheck {
  /** fleet id, 32 bytes */
  fleetId: Uint8Array
  /** the enrolment keys that root names */
  enrolmentKeys: readonly Uint8Array[]
  revoked: Revoked
  /** ms since the epoch; null for records from the past, whose invite may have run out since */
  now: number | null
}

const wireForm = structure<{
  format: number
  certificate: Uint8Array
  node: Uint8Array
  signature: Uint8Array
  grant: Uint8Array
}>({
  format: constant(1),
  certificate: bytesUpTo(LIMITS.membershipBytes),
  node: bytes32,
  signature: bytes64,
  grant: bytesUpTo(LIMITS.grantBytes + LIMITS.membershipBytes)
})

/** What a node makes when it joins: the invite's key vouches for the node's key. `grant`: when it has one. */
export function createMembership(
  certificate: Uint8Array,
  inviteSeed: Uint8Array,
  nodePublicKey: Uint8Array,
  grant: Uint8Array = new Uint8Array(0)
): Uint8Array {
  const pair = keyPairOf(inviteSeed)
  const signature = signAs('membership', Buffer.concat([certificate, nodePublicKey]), pair.secretKey)
  return encodeWith(wireForm, { format: 1, certificate, node: nodePublicKey, signature, grant })
}

/** The same membership with the publisher's grant, once it came. */
export function withGrant(membership: Uint8Array, grant: Uint8Array): Uint8Array {
  return encodeWith(wireForm, { ...decode(membership), grant })
}

/** The certificate that a membership carries, not verified. Throws MEMBERSHIP_INVALID. */
export function certificateIn(membership: Uint8Array): Uint8Array {
  return decode(membership).certificate
}

/** Throws MEMBERSHIP_INVALID, FLEET_MISMATCH, INVITE_EXPIRED, GRANT_INVALID, MEMBER_REVOKED. */
export function verifyMembership(membership: Uint8Array, check: MembershipCheck): VerifiedMember {
  const parts = decode(membership)
  const certificate = readCertificate(parts.certificate, check.enrolmentKeys)
  if (!equalBytes(certificate.fleet, check.fleetId)) {
    throw new ChasquiError('FLEET_MISMATCH', `${certificate.name} belongs to another fleet`)
  }
  const message = Buffer.concat([parts.certificate, parts.node])
  if (!verifySignature('membership', message, parts.signature, certificate.inviteKey)) {
    throw new ChasquiError(
      'MEMBERSHIP_INVALID',
      `the invite of ${certificate.name} does not vouch for this node`
    )
  }
  const grant = parts.grant.length === 0 ? null : readGrant(parts.grant, check.enrolmentKeys)
  if (grant !== null) requireFit(grant, certificate, parts.node)
  requireTime(certificate, grant, check.now)
  const newest = newestCertificate(certificate, grant, check)
  const member: VerifiedMember = {
    node: toHex(parts.node),
    invite: toHex(certificate.invite),
    name: newest.name,
    groups: newest.groups,
    modules: newest.modules,
    role: newest.role,
    granted: grant !== null,
    expires: certificate.expires
  }
  requireLive(member, check.revoked)
  return member
}

/** True when the member's entitlement covers a module. */
export function isEntitled(member: Pick<Member, 'modules'>, module: string): boolean {
  return member.modules.some((pattern) => matchesPattern(module, pattern))
}

/** Throws MEMBER_CLONED when the invite of a member without a grant belongs to another node. */
export function requireOwner(
  { node, name, granted }: Pick<VerifiedMember, 'node' | 'name' | 'granted'>,
  owner: string | null
): void {
  if (granted || owner === null || owner === node) return
  throw cloned(name)
}

/** An invite that more than one node used belongs to the one that the publisher countersigned. */
export function cloned(name: string): ChasquiError {
  return new ChasquiError('MEMBER_CLONED', `the invite of ${name} belongs to another node`, {
    hint: 'join with an invite of its own ("node join INVITE"), or have the publisher run "grant NODE --replace"'
  })
}

/**
 * The list of revocations cannot shut out the publisher: a thief of the online key, which signs the list, could cut every
 * branch off from the repair. Throws MEMBER_REVOKED.
 */
function requireLive(member: Member, revoked: Revoked): void {
  if (member.role === 'publisher') return
  if (!revoked.invites.has(member.invite) && !revoked.nodes.has(member.node)) return
  throw new ChasquiError('MEMBER_REVOKED', `${member.name} was revoked by the publisher`, {
    hint: 'ask the publisher for a new invite, and give it to "node join" in this home'
  })
}

/** Invites that more than one node key uses (a copied home, a leaked invite): invite id → node keys, all hex. */
export function findClones(members: Iterable<Pick<Member, 'node' | 'invite'>>): Map<string, string[]> {
  const nodes = new Map<string, Set<string>>()
  for (const { invite, node } of members) nodes.set(invite, (nodes.get(invite) ?? new Set()).add(node))
  return new Map(
    [...nodes].filter(([, set]) => set.size > 1).map(([invite, set]) => [invite, [...set].sort()])
  )
}

function decode(membership: Uint8Array) {
  try {
    return decodeWith(wireForm, membership)
  } catch (cause) {
    throw new ChasquiError('MEMBERSHIP_INVALID', 'a membership is damaged', { cause })
  }
}

function requireFit(grant: Grant, certificate: Certificate, node: Uint8Array): void {
  const fits =
    equalBytes(grant.node, node) &&
    equalBytes(grant.invite, certificate.invite) &&
    equalBytes(grant.fleet, certificate.fleet)
  if (!fits) throw new ChasquiError('GRANT_INVALID', `the grant is not for this node of ${certificate.name}`)
}

function requireTime(certificate: Certificate, grant: Grant | null, now: number | null): void {
  if (now === null || grant !== null || now <= certificate.expires) return
  throw new ChasquiError(
    'INVITE_EXPIRED',
    `the invite of ${certificate.name} ended ${formatTime(certificate.expires)} before the publisher saw this node`,
    { hint: 'ask the publisher for a grant or a new invite, and check the clock of this machine' }
  )
}

/** A grant may bring a later certificate of the same invite, with other groups or modules. */
function newestCertificate(own: Certificate, grant: Grant | null, check: MembershipCheck): Certificate {
  if (grant === null || grant.certificate.length === 0) return own
  const newer = readCertificate(grant.certificate, check.enrolmentKeys)
  const fits = equalBytes(newer.invite, own.invite) && equalBytes(newer.fleet, own.fleet)
  if (!fits)
    throw new ChasquiError('GRANT_INVALID', `the grant of ${own.name} carries another invite's certificate`)
  return newer.issued >= own.issued ? newer : own
}
