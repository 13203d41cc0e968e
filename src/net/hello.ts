// What the two sides of an admission say, in bytes (FORMAT 9.2): the proof that one holds the fleet secret, then who one
// is. Both are bound to the handshake of the stream and to the side of it. Pure.
import { timingSafeEqual } from 'node:crypto'
import type { KeyPair } from '@hyperswarm/secret-stream'
import c from 'compact-encoding'
import sodium from 'sodium-native'

const DOMAIN = {
  proof: Buffer.from('chasqui/admission-proof/1\0'),
  hello: Buffer.from('chasqui/admission/1\0')
}

/** What one side says of itself. */
export interface Hello {
  /** random per start of the program: another instance of a node is another life of it */
  instance: Uint8Array
  /** counts the connections that this instance opened; says which of two is newer */
  counter: number
  node: Uint8Array
  membership: Uint8Array
}

export interface HelloIdentity {
  keyPair: KeyPair
  membership: Uint8Array
  instance: Uint8Array
  counter: number
}

/** Key of the proofs, known to all who hold the fleet secret. */
export function admissionKey(responderSecretKey: Uint8Array): Uint8Array {
  const key = Buffer.alloc(32)
  sodium.crypto_generichash(key, Buffer.from('chasqui/admission-key/1'), responderSecretKey.subarray(0, 32))
  return key
}

/** 32 bytes. @param isInitiator of the side that proves itself */
export function proofOf(key: Uint8Array, isInitiator: boolean, handshakeHash: Uint8Array): Uint8Array {
  const proof = Buffer.alloc(32)
  const role = Buffer.from([isInitiator ? 1 : 0])
  sodium.crypto_generichash(proof, Buffer.concat([DOMAIN.proof, role, handshakeHash]), key)
  return proof
}

/** Is it the proof of that side, for this handshake? Compared in constant time. */
export function verifyProof(
  proof: Uint8Array,
  key: Uint8Array,
  isInitiator: boolean,
  handshakeHash: Uint8Array
): boolean {
  const expected = proofOf(key, isInitiator, handshakeHash)
  return proof.byteLength === expected.byteLength && timingSafeEqual(proof, expected)
}

/** Says who this side is, signed for this handshake and this side of it. */
export function encodeHello(
  { keyPair, membership, instance, counter }: HelloIdentity,
  isInitiator: boolean,
  handshakeHash: Uint8Array
): Uint8Array {
  const signature = Buffer.alloc(64)
  sodium.crypto_sign_detached(
    signature,
    statement({ instance, counter, node: keyPair.publicKey, membership }, isInitiator, handshakeHash),
    keyPair.secretKey
  )
  const state = c.state()
  for (const step of ['preencode', 'encode'] as const) {
    if (step === 'encode') state.buffer = new Uint8Array(state.end)
    c.fixed(8)[step](state, instance)
    c.uint[step](state, counter)
    c.fixed(32)[step](state, keyPair.publicKey)
    c.buffer[step](state, membership)
    c.fixed(64)[step](state, signature)
  }
  return state.buffer as Uint8Array
}

/** Null when the signature is not that of the node, of this handshake and of this side. */
export function verifyHello(body: Uint8Array, isInitiator: boolean, handshakeHash: Uint8Array): Hello | null {
  const state = c.state(0, body.byteLength, body)
  const hello = {
    instance: c.fixed(8).decode(state).slice(),
    counter: c.uint.decode(state),
    node: c.fixed(32).decode(state).slice(),
    membership: c.buffer.decode(state).slice()
  }
  const signature = c.fixed(64).decode(state)
  const message = statement(hello, isInitiator, handshakeHash)
  return sodium.crypto_sign_verify_detached(signature, message, hello.node) ? hello : null
}

/** What is signed binds the identity to this very handshake and to this side of it. */
function statement(hello: Hello, isInitiator: boolean, handshakeHash: Uint8Array): Uint8Array {
  const state = c.state()
  for (const step of ['preencode', 'encode'] as const) {
    if (step === 'encode') state.buffer = new Uint8Array(state.end)
    c.uint[step](state, isInitiator ? 1 : 0)
    c.buffer[step](state, handshakeHash)
    c.fixed(8)[step](state, hello.instance)
    c.uint[step](state, hello.counter)
    c.buffer[step](state, hello.membership)
  }
  return Buffer.concat([DOMAIN.hello, state.buffer as Uint8Array])
}
