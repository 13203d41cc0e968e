// A second reader of the admission's messages and of names on the LAN (docs/FORMAT.md 9.2, 9.4), written from that text with
// libsodium. It shares no code with src; memberships are not judged.
import sodium from 'sodium-native'
import { demand } from './refused.ts'
import { Bytes } from './uint.ts'

const REFUSED = 'refused'
const FOREIGN = 'foreign'

function keyed(length: number, key: Uint8Array, ...parts: Uint8Array[]): Buffer {
  const hash = Buffer.alloc(length)
  sodium.crypto_generichash(hash, Buffer.concat(parts), Buffer.from(key))
  return hash
}

export interface AdmissionMessage {
  message: 'proof' | 'hello'
  side: 'initiator' | 'responder'
  handshakeHash: string
  bytes: string
}

/** FORMAT 9.2; `secret`: the first 32 bytes of the `lan-responder` secret key. */
export function readAdmission(one: AdmissionMessage, secret: Uint8Array): void {
  const [body, handshake] = [one.bytes, one.handshakeHash].map((text) => Buffer.from(text, 'hex')) as [
    Buffer,
    Buffer
  ]
  const side = Buffer.from([one.side === 'initiator' ? 1 : 0])
  if (one.message === 'proof') {
    const key = keyed(32, secret, Buffer.from('chasqui/admission-key/1'))
    const proof = keyed(32, key, Buffer.from('chasqui/admission-proof/1\0'), side, handshake)
    demand(proof.equals(body), REFUSED)
    return
  }
  const bytes = new Bytes(body, REFUSED)
  bytes.fixed(8)
  bytes.uint()
  const counterEnd = bytes.at
  const node = bytes.fixed(32)
  const membershipAt = bytes.at
  bytes.buffer()
  const membershipEnd = bytes.at
  const signature = bytes.fixed(64)
  bytes.end()
  const signed = Buffer.concat([
    Buffer.from('chasqui/admission/1\0'),
    side,
    Buffer.from([handshake.length]),
    handshake,
    body.subarray(0, counterEnd),
    body.subarray(membershipAt, membershipEnd)
  ])
  demand(sodium.crypto_sign_verify_detached(signature, signed, node), REFUSED)
}

/** FORMAT 9.4 */
export function readLanName(name: string, secret: Uint8Array): void {
  demand(/^[0-9a-f]{32}$/.test(name), FOREIGN)
  const bytes = Buffer.from(name, 'hex')
  const key = keyed(32, secret, Buffer.from('chasqui/lan-name/1'))
  demand(keyed(32, key, bytes.subarray(0, 8)).subarray(0, 8).equals(bytes.subarray(8)), FOREIGN)
}
