// Keys in memory: Ed25519 pairs from 32-byte seeds, their TUF form and id, signing, and the X25519 pair that reports
// are sealed to. Seeds come from outside (random bytes are passed in); nothing is read or written here.
import sodium from 'sodium-native'
import { canonicalBytes, sha256Hex, signedMessage, toHex } from './bytes.ts'

export interface SigningKeyPair {
  publicKey: Uint8Array
  secretKey: Uint8Array
}

/** The pair of a 32-byte seed. */
export function keyPairOf(seed: Uint8Array): SigningKeyPair {
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  return { publicKey, secretKey }
}

/** The X25519 pair of a 32-byte seed. */
export function sealingPairOf(seed: Uint8Array): SigningKeyPair {
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(32)
  sodium.crypto_box_seed_keypair(publicKey, secretKey, seed)
  return { publicKey, secretKey }
}

/** 64 bytes: Ed25519 over the message as it is. */
export function signBytes(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  sodium.crypto_sign_detached(signature, message, secretKey)
  return signature
}

/** False for anything malformed too. */
export function verifyBytes(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false
  return sodium.crypto_sign_verify_detached(signature, message, publicKey)
}

/** A signature outside TUF, with domain separation. FORMAT 1. */
export function signAs(what: string, message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return signBytes(signedMessage(what, message), secretKey)
}

/** A public key as TUF metadata has it. */
export interface TufKey {
  keytype: 'ed25519'
  scheme: 'ed25519'
  keyval: { public: string }
}

/** A public key (32 bytes) as metadata writes it. */
export function tufKey(publicKey: Uint8Array): TufKey {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: toHex(publicKey) } }
}

/** TUF 4.2: the id of a key is the hex SHA-256 of its canonical JSON. */
export function keyId(publicKey: Uint8Array): string {
  return sha256Hex(canonicalBytes(tufKey(publicKey)))
}

/** Someone who can sign metadata. */
export interface Signer {
  keyid: string
  publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

export function signerOf(pair: SigningKeyPair): Signer {
  return {
    keyid: keyId(pair.publicKey),
    publicKey: pair.publicKey,
    sign: (message) => signBytes(message, pair.secretKey)
  }
}

/** Overwrites secrets that are no longer needed. */
export function wipe(...secrets: Uint8Array[]): void {
  for (const secret of secrets) sodium.sodium_memzero(secret)
}
