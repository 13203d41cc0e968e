// A signing request: a change of the metadata that waits for more signatures, as one file that can travel by mail or by
// stick. It says nothing about itself: what it asks for, and of whom, is read from the metadata in it (request-review.ts).
// Here are its form, and how it comes together with other copies and with the feed. FORMAT 5.6.
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { canonicalBytes, equalBytes, formatTime, sha256Hex } from './bytes.ts'
import type { Current } from './current.ts'
import type { FleetDraft } from './draft.ts'
import type { Envelope } from './envelope.ts'
import { LIMITS } from './limits.ts'
import { envelope } from './request-parts.ts'

const requestFile = z.strictObject({
  schema: z.literal('chasqui/request/1'),
  /** fleet id, hex */
  fleet: z.string().regex(/^[0-9a-f]{64}$/),
  created: z.string().max(40),
  /** signed metadata that the change starts from, verbatim: whoever knows the fleet id can check it without a feed */
  base: z.strictObject({
    /** root, version 1 first */
    roots: z.array(z.string()).min(1).max(LIMITS.rootRotations),
    targets: z.string(),
    /** delegated roles of the change that exist already, by name */
    roles: z.record(z.string().max(130), z.string())
  }),
  roles: z
    .array(z.strictObject({ role: z.string().max(130), envelope }))
    .min(1)
    .max(2_000),
  /** the files that the change newly lists, in full: target path → text */
  files: z.record(z.string(), z.string())
})
export type SigningRequest = z.infer<typeof requestFile>

export interface RequestDetails {
  fleetId: string
  /** the root chain from version 1 on */
  roots: Iterable<Uint8Array>
  /** what the draft was made from */
  current: Current
  /** release.json and other small targets that the change newly lists */
  files: ReadonlyMap<string, Uint8Array>
  now: number
}

/** The request for a draft, with the signatures that it has already. */
export function createRequest(draft: FleetDraft, details: RequestDetails): SigningRequest {
  const { current } = details
  const changed = [...draft.envelopes()]
  const before = changed.flatMap(([role]) => {
    const bytes = current.roles.get(role)
    return bytes === undefined ? [] : [[role, textOf(bytes)] as const]
  })
  return {
    schema: 'chasqui/request/1',
    fleet: details.fleetId,
    created: formatTime(details.now),
    base: {
      roots: [...details.roots].map(textOf),
      targets: current.targets === undefined ? '' : textOf(current.targets),
      roles: Object.fromEntries(before)
    },
    roles: changed.map(([role, signed]) => ({ role, envelope: envelope.parse(signed) })),
    files: Object.fromEntries([...details.files].map(([path, bytes]) => [path, textOf(bytes)]))
  }
}

/** The file of a request: JSON for people to look at. FORMAT 5.6. */
export function encodeRequest(request: SigningRequest): Uint8Array {
  return new Uint8Array(Buffer.from(`${JSON.stringify(request, null, 2)}\n`, 'utf8'))
}

/** Throws REQUEST_INVALID: damaged, or with anything in it that has no meaning here. */
export function decodeRequest(bytes: Uint8Array): SigningRequest {
  let request: SigningRequest
  try {
    if (bytes.length > LIMITS.requestBytes) throw new RangeError('too large')
    request = requestFile.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (cause) {
    throw invalidRequest('it cannot be read', cause)
  }
  const names = request.roles.map(({ role }) => role)
  if (new Set(names).size !== names.length) throw invalidRequest('it names a role twice')
  return request
}

/** Two copies of one request have one id, whoever has signed them: 16 hex digits. */
export function requestId(request: SigningRequest): string {
  const content = request.roles.map(({ role, envelope: { signed } }) => [role, signed])
  return sha256Hex(canonicalBytes([request.fleet, content])).slice(0, 16)
}

/** Both ask for the same change: they may differ in when it expires, and in who has signed. */
export function isSameChange(one: SigningRequest, other: SigningRequest): boolean {
  return equalBytes(canonicalBytes(withoutTimes(one)), canonicalBytes(withoutTimes(other)))
}

function withoutTimes({ fleet, roles }: SigningRequest): unknown {
  return [fleet, roles.map(({ role, envelope: { signed } }) => [role, { ...signed, expires: '' }])]
}

/** The signatures of two copies of one request together. Throws REQUEST_INVALID when they are not the same request. */
export function mergeRequests(one: SigningRequest, other: SigningRequest): SigningRequest {
  if (requestId(one) !== requestId(other)) throw invalidRequest('the two files ask for different things')
  const roles = one.roles.map((entry, i) => {
    const added = other.roles[i]?.envelope.signatures ?? []
    return { ...entry, envelope: { ...entry.envelope, signatures: joined(entry.envelope.signatures, added) } }
  })
  return { ...one, roles }
}

type Signatures = Envelope['signatures']

/** A key may be there twice, with a wrong signature and a right one: which is which is for the review to find out. */
function joined(one: Signatures, other: Signatures): Signatures {
  const known = new Set(one.map(({ keyid, sig }) => keyid + sig))
  return [...one, ...other.filter(({ keyid, sig }) => !known.has(keyid + sig))]
}

/**
 * Puts what was signed into a draft of the current metadata. Throws FLEET_MISMATCH, and REQUEST_OUTDATED when one of
 * its roles was published since: its versions would not follow.
 */
export function applyRequest(draft: FleetDraft, request: SigningRequest, fleetId: string): void {
  if (request.fleet !== fleetId) {
    throw new ChasquiError('FLEET_MISMATCH', 'the signing request belongs to another fleet')
  }
  for (const { role, envelope: signed } of request.roles) {
    if (signed.signed.version !== draft.nextVersion(role)) throw outdatedRequest(role)
    draft.addEnvelope(role, signed)
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

export function outdatedRequest(role: string): ChasquiError {
  return new ChasquiError('REQUEST_OUTDATED', `${role} was changed after this request was made`, {
    hint: 'make the change again: it leaves a new request'
  })
}

export function invalidRequest(why: string, cause?: unknown): ChasquiError {
  return new ChasquiError('REQUEST_INVALID', `the signing request cannot be used: ${why}`, {
    cause,
    hint: 'do not sign it; ask the publisher for the file again'
  })
}
