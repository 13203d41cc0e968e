// Metadata as its author writes it: plain JSON objects, their TUF shape as types, and signatures over the canonical form.
import { canonicalBytes, fromHex, toHex } from './bytes.ts'
import { type Signer, type TufKey, verifyBytes } from './keys.ts'

export interface SignedPart {
  _type: 'root' | 'timestamp' | 'snapshot' | 'targets'
  spec_version: string
  version: number
  expires: string
}

export interface RoleKeys {
  keyids: string[]
  threshold: number
}

export interface RootPart extends SignedPart {
  _type: 'root'
  consistent_snapshot: boolean
  keys: Record<string, TufKey>
  roles: Record<TopLevelRole, RoleKeys>
  'x-chasqui': Record<string, unknown>
}
export type TopLevelRole = 'root' | 'targets' | 'snapshot' | 'timestamp'

export interface TargetsPart extends SignedPart {
  _type: 'targets'
  targets: Record<string, TargetEntry>
  delegations?: { keys: Record<string, TufKey>; roles: DelegationEntry[] }
}
export interface TargetEntry {
  length: number
  hashes: { sha256: string }
}
export interface DelegationEntry extends RoleKeys {
  name: string
  terminating: boolean
  paths: string[]
}

export interface SnapshotPart extends SignedPart {
  _type: 'snapshot'
  meta: Record<string, { version: number }>
}

export interface TimestampPart extends SignedPart {
  _type: 'timestamp'
  meta: { 'snapshot.json': { version: number; length: number; hashes: { sha256: string } } }
  /** `signed`: when it was signed, the source of the time floor */
  'x-chasqui': { signed: string }
}

export interface Envelope<T extends SignedPart = SignedPart> {
  signatures: { keyid: string; sig: string }[]
  signed: T
}

export const SPEC_VERSION = '1.0.34'

/** The file: JSON without white space, as compact as it travels. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(envelope), 'utf8'))
}

/** Only for bytes that a TrustedSet has accepted, or that this author wrote. */
export function decodeEnvelope<T extends SignedPart>(bytes: Uint8Array): Envelope<T> {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Envelope<T>
}

/** Adds the signatures of those signers whose keys are in `keyids`; each key signs once. */
export function addSignatures<T extends SignedPart>(
  envelope: Envelope<T>,
  keyids: readonly string[],
  signers: readonly Signer[]
): Envelope<T> {
  const message = canonicalBytes(envelope.signed)
  const fresh = signers.filter((signer) => keyids.includes(signer.keyid))
  const kept = envelope.signatures.filter(({ keyid }) => !fresh.some((signer) => signer.keyid === keyid))
  const added = fresh.map((signer) => ({ keyid: signer.keyid, sig: toHex(signer.sign(message)) }))
  return { ...envelope, signatures: [...kept, ...added].sort((a, b) => (a.keyid < b.keyid ? -1 : 1)) }
}

/** Ids of the role's keys whose signature over this file is right. */
export function validSignatures(
  envelope: Envelope,
  keyids: readonly string[],
  keys: Readonly<Record<string, TufKey>>
): string[] {
  const message = canonicalBytes(envelope.signed)
  const isRight = ({ keyid, sig }: { keyid: string; sig: string }) => {
    const publicKey = fromHex(keys[keyid]?.keyval.public ?? '', 32)
    const signature = fromHex(sig, 64)
    return publicKey !== null && signature !== null && verifyBytes(message, signature, publicKey)
  }
  const own = envelope.signatures.filter(
    (signature) => keyids.includes(signature.keyid) && isRight(signature)
  )
  return [...new Set(own.map(({ keyid }) => keyid))]
}
