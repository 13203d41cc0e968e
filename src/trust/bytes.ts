// Small helpers that trust and what is above it share: hashes, hex, times, canonical JSON, and Ed25519 with domain
// separation.
import { canonicalize } from '@tufjs/canonical-json'
import b4a from 'b4a'
import sodium from 'sodium-native'

export function sha256(bytes: Uint8Array): Uint8Array {
  const output = new Uint8Array(32)
  sodium.crypto_hash_sha256(output, bytes)
  return output
}

export function toHex(bytes: Uint8Array): string {
  return b4a.toString(bytes, 'hex')
}

/** Lower-case hex of exactly `length` bytes, or null. */
export function fromHex(text: string, length: number): Uint8Array | null {
  return text.length === length * 2 && /^[0-9a-f]*$/.test(text) ? new Uint8Array(b4a.from(text, 'hex')) : null
}

export function sha256Hex(bytes: Uint8Array): string {
  return toHex(sha256(bytes))
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return b4a.equals(a, b)
}

/** The canonical JSON of a plain value, UTF-8. */
export function canonicalBytes(value: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(canonicalize(value), 'utf8'))
}

/** What is signed outside TUF: "chasqui/<what>/1", a zero byte, the message. FORMAT 1. */
export function signedMessage(what: string, message: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from(`chasqui/${what}/1\0`, 'utf8'), message]))
}

/** True when `signature` over `signedMessage(what, message)` was made by the key; false for anything malformed. */
export function verifySignature(
  what: string,
  message: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array
): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false
  return sodium.crypto_sign_verify_detached(signature, signedMessage(what, message), publicKey)
}

/** RFC 3339 UTC without a fraction, as TUF writes times. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** Milliseconds since the epoch of a time that `formatTime` writes, or null for anything else. */
export function parseTime(text: unknown): number | null {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text)) return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) || formatTime(ms) !== text ? null : ms
}

/** Percent-encoding of everything but letters, digits, `_ . - ~`. */
export function percentEncode(name: string): string {
  return encodeURIComponent(name).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

const FILE_NAME_LIMIT = 200 // bytes: file systems take 255, and what is written durably has an ending of its own

/** A name from outside as a file name; one that is too long keeps its beginning and gets its hash. */
export function fileNameFor(name: string): string {
  const encoded = percentEncode(name)
  if (encoded.length <= FILE_NAME_LIMIT) return encoded
  return `${encoded.slice(0, FILE_NAME_LIMIT - 65)}-${sha256Hex(Buffer.from(name))}`
}
