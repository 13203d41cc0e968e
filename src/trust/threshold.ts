// Did enough keys of a role sign a file?
import { createPublicKey, verify } from 'node:crypto'
import type { Key, Root, Snapshot, Targets, Timestamp } from '@tufjs/models'
import { ChasquiError } from '../errors.ts'
import { canonicalBytes } from './bytes.ts'
import type { Parsed } from './metadata.ts'

/** A role's signers: who may sign and how many must. */
export interface SigningRole {
  keyIDs: readonly string[]
  threshold: number
}

/** Throws TUF_SIGNATURES unless enough different keys of the role signed. A verifier that throws counts as "no". */
export function verifyThreshold(
  name: string,
  metadata: Parsed<Root | Snapshot | Targets | Timestamp>,
  role: SigningRole,
  keys: ReadonlyMap<string, Key>
): void {
  const signers = new Set<string>()
  for (const keyID of role.keyIDs) {
    const key = keys.get(keyID)
    if (key !== undefined && isSignedBy(metadata, key)) signers.add(`${key.scheme} ${key.keyVal.public}`)
  }
  if (signers.size >= role.threshold) return
  throw new ChasquiError(
    'TUF_SIGNATURES',
    `${name} is signed by ${signers.size} of the ${role.threshold} keys that it needs`,
    { hint: 'this copy does not come from the publisher; nothing was changed' }
  )
}

function isSignedBy(metadata: Parsed<Root | Snapshot | Targets | Timestamp>, key: Key): boolean {
  try {
    if (key.scheme === 'rsa-pkcs1v15-sha256') return isSignedByPkcs1(metadata, key)
    key.verifySignature({ signed: metadata.signed, signatures: metadata.signatures })
    return true
  } catch {
    return false
  }
}

/** A scheme of older repositories that @tufjs/models does not know; fleets of Chasqui have Ed25519 only. */
function isSignedByPkcs1(metadata: Parsed<Root | Snapshot | Targets | Timestamp>, key: Key): boolean {
  const { sig = '' } = metadata.signatures[key.keyID] ?? {}
  const publicKey = createPublicKey(String(key.keyVal.public))
  if (key.keyType !== 'rsa' || publicKey.asymmetricKeyType !== 'rsa') return false
  return verify('sha256', canonicalBytes(metadata.raw), publicKey, Buffer.from(sig, 'hex'))
}
