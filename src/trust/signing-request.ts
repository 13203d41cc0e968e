// A signing request: a change of the metadata that waits for more signatures, as one file that can travel by mail or by
// stick. Whoever is asked sees what is signed and adds a signature; the last one comes back and is published. FORMAT 5.6.
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { canonicalBytes, formatTime, sha256Hex } from './bytes.ts'
import type { FleetDraft } from './draft.ts'
import { addSignatures, type Envelope, type RootPart, type TargetsPart } from './envelope.ts'
import type { Signer } from './keys.ts'
import { LIMITS } from './limits.ts'

const signatures = z
  .array(z.strictObject({ keyid: z.string().max(128), sig: z.string().regex(/^[0-9a-f]{128}$/) }))
  .max(LIMITS.signatures)
const signers = z.strictObject({ keyids: z.array(z.string().max(128)), threshold: z.number().int().min(1) })

const requestFile = z.strictObject({
  schema: z.literal('chasqui/request/1'),
  /** fleet id, hex */
  fleet: z.string().regex(/^[0-9a-f]{64}$/),
  created: z.string(),
  /** what it is for, in one line */
  title: z.string().max(500),
  roles: z
    .array(
      z.strictObject({
        role: z.string().max(130),
        /** who may sign and how many must */
        signers: z.array(signers).min(1).max(2),
        envelope: z.looseObject({ signatures, signed: z.looseObject({ version: z.number().int().min(1) }) })
      })
    )
    .min(1)
    .max(2_000),
  /** the files that the change speaks of, in full: target path → text */
  files: z.record(z.string(), z.string())
})
export type SigningRequest = z.infer<typeof requestFile>

export interface RequestDetails {
  fleetId: string
  title: string
  /** release.json and other small targets of the change, so that signers see what they sign */
  files: ReadonlyMap<string, Uint8Array>
  now: number
}

/** The request for a draft, with the signatures that it has already. */
export function createRequest(draft: FleetDraft, details: RequestDetails): SigningRequest {
  return {
    schema: 'chasqui/request/1',
    fleet: details.fleetId,
    created: formatTime(details.now),
    title: details.title,
    roles: [...draft.envelopes()].map(([role, envelope]) => ({
      role,
      signers: draft.signersOf(role),
      envelope: envelope as unknown as SigningRequest['roles'][number]['envelope']
    })),
    files: Object.fromEntries(
      [...details.files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('utf8')])
    )
  }
}

export function encodeRequest(request: SigningRequest): Uint8Array {
  return new Uint8Array(Buffer.from(`${JSON.stringify(request, null, 2)}\n`, 'utf8'))
}

/** Throws REQUEST_INVALID: damaged, or a file in it is not the one that would be signed. */
export function decodeRequest(bytes: Uint8Array): SigningRequest {
  let request: SigningRequest
  try {
    if (bytes.length > LIMITS.requestBytes) throw new RangeError('too large')
    request = requestFile.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (cause) {
    throw invalid('it cannot be read', cause)
  }
  for (const [path, text] of Object.entries(request.files)) {
    const listed = request.roles
      .map(({ envelope }) => targetsOf(envelope)[path])
      .find((entry) => entry !== undefined)
    if (listed?.hashes.sha256 !== sha256Hex(Buffer.from(text, 'utf8')))
      throw invalid(`${path} is not what it lists`)
  }
  return request
}

/** What a signature would say yes to: targets that are listed, by role; root and delegations by name. */
export function describeRequest(
  request: SigningRequest
): { role: string; version: number; targets: string[] }[] {
  return request.roles.map(({ role, envelope }) => ({
    role,
    version: envelope.signed.version,
    targets: Object.keys(targetsOf(envelope)).sort()
  }))
}

/** Key ids that could still sign something in the request. */
export function openKeys(request: SigningRequest): string[] {
  const open = request.roles.flatMap(({ signers: sets, envelope }) =>
    sets.flatMap(({ keyids }) =>
      keyids.filter((id) => !envelope.signatures.some(({ keyid }) => keyid === id))
    )
  )
  return [...new Set(open)]
}

/** Adds signatures. Throws KEY_MISSING when none of these keys is asked for. */
export function signRequest(request: SigningRequest, keys: readonly Signer[]): SigningRequest {
  const wanted = openKeys(request)
  if (!keys.some((key) => wanted.includes(key.keyid))) {
    throw new ChasquiError('KEY_MISSING', 'none of the keys here is asked to sign this request', {
      hint: 'use the home that holds one of the keys that the request names'
    })
  }
  const roles = request.roles.map((entry) => {
    const ids = entry.signers.flatMap(({ keyids }) => keyids)
    const signed = addSignatures(entry.envelope as unknown as Envelope, ids, keys)
    return { ...entry, envelope: signed as unknown as typeof entry.envelope }
  })
  return { ...request, roles }
}

/** The signatures of two copies of one request together. Throws REQUEST_INVALID when they are not the same request. */
export function mergeRequests(one: SigningRequest, other: SigningRequest): SigningRequest {
  const roles = one.roles.map((entry, i) => {
    const match = other.roles[i]
    if (match?.role !== entry.role || !sameContent(entry.envelope.signed, match.envelope.signed)) {
      throw invalid('the two files ask for different things')
    }
    const known = new Set(entry.envelope.signatures.map(({ keyid }) => keyid))
    const added = match.envelope.signatures.filter(({ keyid }) => !known.has(keyid))
    return { ...entry, envelope: { ...entry.envelope, signatures: [...entry.envelope.signatures, ...added] } }
  })
  return { ...one, roles }
}

/**
 * Puts what was signed into a draft of the current metadata. Throws FLEET_MISMATCH, and REQUEST_OUTDATED when one of
 * its roles was published since: its versions would not follow.
 */
export function applyRequest(draft: FleetDraft, request: SigningRequest, fleetId: string): void {
  if (request.fleet !== fleetId) {
    throw new ChasquiError('FLEET_MISMATCH', 'the signing request belongs to another fleet')
  }
  for (const { role, envelope } of request.roles) {
    if (envelope.signed.version !== draft.nextVersion(role)) {
      throw new ChasquiError('REQUEST_OUTDATED', `${role} was published after this request was made`, {
        hint: 'publish again: it leaves a new request'
      })
    }
    draft.addEnvelope(role, envelope as unknown as Envelope<RootPart | TargetsPart>)
  }
}

function targetsOf(envelope: { signed: Record<string, unknown> }): TargetsPart['targets'] {
  const { targets } = envelope.signed
  return typeof targets === 'object' && targets !== null ? (targets as TargetsPart['targets']) : {}
}

function sameContent(a: unknown, b: unknown): boolean {
  return Buffer.compare(canonicalBytes(a), canonicalBytes(b)) === 0
}

function invalid(why: string, cause?: unknown): ChasquiError {
  return new ChasquiError('REQUEST_INVALID', `the signing request cannot be used: ${why}`, {
    cause,
    hint: 'ask for the file again'
  })
}
