// The signed record: the one envelope for everything that nodes tell one another about the fleet (FORMAT 10). It
// travels by gossip and by stick in the same bytes. Pure: keys and time come in, bytes and decisions go out.
import c from 'compact-encoding'
import sodium from 'sodium-native'
import { ChasquiError } from '../errors.ts'
import { toHex } from '../trust/bytes.ts'
import type { Member } from '../trust/membership.ts'

/** FORMAT 10: the number on the wire is the place in this list plus one. Only ever append. */
export const RECORD_TYPES = ['report', 'address', 'head', 'root', 'evidence'] as const
export type RecordType = (typeof RECORD_TYPES)[number]

export const RECORD_LIMITS = {
  membership: 16_384, // bytes
  header: 8192, // bytes, readable by every member
  body: 65_536, // bytes, sealed to the publisher
  total: 98_304 // bytes of a whole record
}

export interface RecordFields {
  type: RecordType
  /** Ed25519 public key of the node that speaks, 32 bytes */
  author: Uint8Array
  /** proof that the author belongs to the fleet; verified by trust/membership.ts */
  membership: Uint8Array
  /** grows when the author's state is restored or reset */
  epoch: number
  /** grows with every record of this type by this author */
  sequence: number
  /** ms since epoch by the author's clock, rounded down to a second */
  at: number
  header: Uint8Array
  body: Uint8Array
}

export interface SignedRecord extends RecordFields {
  signature: Uint8Array
  /** the exact bytes that travel */
  bytes: Uint8Array
}

/** A member as the author of records. */
export type Author = Member & {
  /** the publisher has countersigned its node key; absent: not known */
  granted?: boolean
  /** ms since epoch: the end of the invite of an author that is not granted */
  expires?: number
}

export interface VerifiedRecord extends SignedRecord {
  member: Author
}

const VERSION = 1
const DOMAIN = Buffer.from('chasqui/record/1\0')
const KEY = 32
const SIGNATURE = 64

/** A record signed by its author. @throws ChasquiError RECORD_INVALID when a field is out of its range */
export function signRecord(fields: RecordFields, secretKey: Uint8Array): SignedRecord {
  const rounded = { ...fields, at: Math.floor(fields.at / 1000) * 1000 }
  checkFields(rounded)
  const unsigned = encodeFields(rounded)
  const signature = Buffer.alloc(SIGNATURE)
  sodium.crypto_sign_detached(signature, Buffer.concat([DOMAIN, unsigned]), secretKey)
  return { ...rounded, signature, bytes: Buffer.concat([unsigned, signature]) }
}

/** Parses a record without judging its author. @throws ChasquiError RECORD_INVALID */
export function decodeRecord(bytes: Uint8Array): SignedRecord {
  if (bytes.byteLength > RECORD_LIMITS.total) throw invalid('it is too large')
  const fields = decodeFields(bytes)
  checkFields(fields)
  const unsigned = encodeFields(fields)
  const end = bytes.byteLength - SIGNATURE
  // one canonical form: what was read must encode to the very same bytes
  if (end !== unsigned.byteLength || Buffer.compare(unsigned, bytes.subarray(0, end)) !== 0) {
    throw invalid('it is not in canonical form')
  }
  return { ...fields, signature: bytes.slice(end), bytes: bytes.slice() }
}

/**
 * Parses a record and checks its signature and that its author is a member.
 * @throws ChasquiError RECORD_INVALID, or what `verifyMembership` throws
 */
export function verifyRecord(
  bytes: Uint8Array,
  verifyMembership: (membership: Uint8Array) => Author
): VerifiedRecord {
  const record = decodeRecord(bytes)
  const unsigned = record.bytes.subarray(0, record.bytes.byteLength - SIGNATURE)
  const message = Buffer.concat([DOMAIN, unsigned])
  if (!sodium.crypto_sign_verify_detached(record.signature, message, record.author)) {
    throw invalid('its signature does not verify')
  }
  const member = verifyMembership(record.membership)
  if (member.node !== toHex(record.author)) throw invalid('its membership belongs to another node')
  return { ...record, member }
}

/** Bytes that only the holder of the sealing key can read (libsodium crypto_box_seal). */
export function sealBody(plain: Uint8Array, sealingKey: Uint8Array): Uint8Array {
  const sealed = Buffer.alloc(plain.byteLength + sodium.crypto_box_SEALBYTES)
  sodium.crypto_box_seal(sealed, plain, sealingKey)
  return sealed
}

/** The plain body, or null when it was sealed to another key or is damaged. */
export function openBody(
  sealed: Uint8Array,
  keys: { publicKey: Uint8Array; secretKey: Uint8Array }
): Uint8Array | null {
  if (sealed.byteLength < sodium.crypto_box_SEALBYTES) return null
  const plain = Buffer.alloc(sealed.byteLength - sodium.crypto_box_SEALBYTES)
  return sodium.crypto_box_seal_open(plain, sealed, keys.publicKey, keys.secretKey) ? plain : null
}

/** Which of two records of one author and type is to be kept: positive when `a` is newer. Ties by content. */
export function compareRecords(a: SignedRecord, b: SignedRecord): number {
  return a.epoch - b.epoch || a.sequence - b.sequence || recordMark(a.bytes).low - recordMark(b.bytes).low
}

/** 64 bits that stand for the bytes of a record in a comparison (FORMAT 10.3): the first 8 of BLAKE2b-128. */
export function recordMark(bytes: Uint8Array): { high: number; low: number } {
  const hash = Buffer.alloc(16)
  sodium.crypto_generichash(hash, bytes)
  return { high: hash.readUInt32BE(0), low: hash.readUInt32BE(4) }
}

/** The place of a record in a set (FORMAT 10.3): 16 hex digits of BLAKE2b-128 over type and author. */
export function recordKey(type: RecordType, author: Uint8Array): string {
  const hash = Buffer.alloc(16)
  sodium.crypto_generichash_batch(hash, [Buffer.from(`${type}\0`), author])
  return hash.toString('hex', 0, 8)
}

function encodeFields(record: RecordFields): Uint8Array {
  const state = c.state()
  const write = (step: 'preencode' | 'encode') => {
    c.uint[step](state, VERSION)
    c.uint[step](state, RECORD_TYPES.indexOf(record.type) + 1)
    c.fixed(KEY)[step](state, record.author)
    c.buffer[step](state, record.membership)
    c.uint[step](state, record.epoch)
    c.uint[step](state, record.sequence)
    c.uint[step](state, record.at / 1000)
    c.buffer[step](state, record.header)
    c.buffer[step](state, record.body)
  }
  write('preencode')
  state.buffer = new Uint8Array(state.end)
  write('encode')
  return state.buffer
}

function decodeFields(bytes: Uint8Array): RecordFields {
  const state = c.state(0, bytes.byteLength, bytes)
  try {
    if (c.uint.decode(state) !== VERSION) throw invalid('its version is unknown')
    const type = RECORD_TYPES[c.uint.decode(state) - 1]
    if (type === undefined) throw invalid('its type is unknown')
    return {
      type,
      author: c.fixed(KEY).decode(state).slice(),
      membership: bytesOf(c.buffer.decode(state)),
      epoch: c.uint.decode(state),
      sequence: c.uint.decode(state),
      at: c.uint.decode(state) * 1000,
      header: bytesOf(c.buffer.decode(state)),
      body: bytesOf(c.buffer.decode(state))
    }
  } catch (cause) {
    throw cause instanceof ChasquiError ? cause : invalid('it is cut short or damaged', cause)
  }
}

/** compact-encoding gives null for an empty buffer. */
function bytesOf(decoded: Uint8Array | null): Uint8Array {
  return decoded === null ? new Uint8Array(0) : decoded.slice()
}

function checkFields(record: RecordFields): void {
  if (record.author.byteLength !== KEY) throw invalid('its author is not a key')
  for (const part of ['membership', 'header', 'body'] as const) {
    if (record[part].byteLength > RECORD_LIMITS[part]) throw invalid(`its ${part} is too large`)
  }
  const numbers = [record.epoch, record.sequence, record.at]
  if (!numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) throw invalid('a number is out of range')
}

function invalid(reason: string, cause?: unknown): ChasquiError {
  return new ChasquiError('RECORD_INVALID', `a record was refused: ${reason}`, {
    hint: 'the peer or stick that carries it is damaged or hostile; other records are not affected',
    cause
  })
}
