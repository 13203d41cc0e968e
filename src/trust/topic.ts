// What the fleet secret opens: the topic under which members find one another, and the key that a member's TCP listener
// answers with, so that only those who hold the secret can speak to it (Noise IK). FORMAT 7.5.
import sodium from 'sodium-native'
import { keyPairOf, type SigningKeyPair } from './keys.ts'

/** 32 bytes for one purpose: BLAKE2b-256 of "chasqui/<purpose>/1", keyed with the fleet secret. */
function deriveFromFleetSecret(fleetSecret: Uint8Array, purpose: string): Uint8Array {
  const output = new Uint8Array(32)
  sodium.crypto_generichash(output, Buffer.from(`chasqui/${purpose}/1`, 'utf8'), fleetSecret)
  return output
}

/** Hyperswarm topic of the fleet. It does not depend on the feed, which may be replaced. */
export function discoveryTopic(fleetSecret: Uint8Array): Uint8Array {
  return deriveFromFleetSecret(fleetSecret, 'topic')
}

/** Ed25519 key pair of every member's TCP listener. */
export function responderKeyPair(fleetSecret: Uint8Array): SigningKeyPair {
  return keyPairOf(deriveFromFleetSecret(fleetSecret, 'lan-responder'))
}
