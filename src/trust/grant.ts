// The publisher's answer to a node that joined: this node key now owns this invite, and here is the key of the current
// feed, sealed to the node. One small record per node that travels by gossip and by stick. FORMAT 7.4.
import sodium from 'sodium-native'
import { ChasquiError } from '../errors.ts'
import { equalBytes, verifySignature } from './bytes.ts'
import { signAs } from './keys.ts'
import { LIMITS } from './limits.ts'
import {
  bytes16,
  bytes32,
  bytes64,
  bytesUpTo,
  constant,
  decodeWith,
  encodeWith,
  integer,
  structure
} from './wire.ts'

export interface Grant {
  fleet: Uint8Array
  invite: Uint8Array
  /** the one node key that may use the invite */
  node: Uint8Array
  /** ms since the epoch */
  issued: number
  /** which feed: as in root's `x-chasqui.feed` */
  generation: number
  feed: Uint8Array
  /** the feed's encryption key, sealed to the node (crypto_box_seal) */
  sealedKey: Uint8Array
  /** a newer certificate for this invite (other groups, other modules, another enrolment key), or empty */
  certificate: Uint8Array
}

const wireForm = structure<Grant & { format: number }>({
  format: constant(1),
  fleet: bytes32,
  invite: bytes16,
  node: bytes32,
  issued: integer,
  generation: integer,
  feed: bytes32,
  sealedKey: bytesUpTo(80),
  certificate: bytesUpTo(LIMITS.membershipBytes)
})
const signedForm = structure<{ body: Uint8Array; signature: Uint8Array }>({
  body: bytesUpTo(LIMITS.grantBytes + LIMITS.membershipBytes),
  signature: bytes64
})

/** Encrypts a feed key for the owner of an Ed25519 node key; only that node can open it. */
export function sealForNode(secret: Uint8Array, nodePublicKey: Uint8Array): Uint8Array {
  const recipient = new Uint8Array(32)
  sodium.crypto_sign_ed25519_pk_to_curve25519(recipient, nodePublicKey)
  const box = new Uint8Array(secret.length + 48)
  sodium.crypto_box_seal(box, secret, recipient)
  return box
}

/** The bytes of a grant. FORMAT 7.4. */
export function signGrant(grant: Grant, enrolmentSecretKey: Uint8Array): Uint8Array {
  const body = encodeWith(wireForm, { ...grant, format: 1 })
  return encodeWith(signedForm, { body, signature: signAs('grant', body, enrolmentSecretKey) })
}

/** Throws GRANT_INVALID unless one of the enrolment keys signed it. */
export function readGrant(bytes: Uint8Array, enrolmentKeys: readonly Uint8Array[]): Grant {
  try {
    const { body, signature } = decodeWith(signedForm, bytes)
    if (enrolmentKeys.some((key) => verifySignature('grant', body, signature, key))) {
      const { format: _, ...grant } = decodeWith(wireForm, body)
      return grant
    }
  } catch (cause) {
    throw new ChasquiError('GRANT_INVALID', 'a grant is damaged', { cause })
  }
  throw new ChasquiError('GRANT_INVALID', "a grant was not signed by this fleet's publisher")
}

/** The feed encryption key that a grant carries for this node. Throws GRANT_INVALID when it is for another node. */
export function openGrant(grant: Grant, node: { publicKey: Uint8Array; secretKey: Uint8Array }): Uint8Array {
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(32)
  sodium.crypto_sign_ed25519_pk_to_curve25519(publicKey, node.publicKey)
  sodium.crypto_sign_ed25519_sk_to_curve25519(secretKey, node.secretKey)
  const opened = new Uint8Array(Math.max(0, grant.sealedKey.length - 48))
  const isOpen =
    equalBytes(grant.node, node.publicKey) &&
    opened.length === 32 &&
    sodium.crypto_box_seal_open(opened, grant.sealedKey, publicKey, secretKey)
  sodium.sodium_memzero(secretKey)
  if (isOpen) return opened
  throw new ChasquiError('GRANT_INVALID', 'a grant was made for another node')
}

/** Where the feed holds the grant of an invite (hex). */
export function grantPath(invite: string): string {
  return `/fleet/grants/${invite}`
}
