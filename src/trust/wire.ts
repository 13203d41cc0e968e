// Strict compact-encoding: a value has one encoding only, nothing may follow it, and every text and list is bounded.
import type { State } from 'compact-encoding'
import c from 'compact-encoding'
import { equalBytes } from './bytes.ts'

export interface Codec<T> {
  preencode(state: State, value: T): void
  encode(state: State, value: T): void
  decode(state: State): T
}

/** One named field of a structure. */
type Fields<T> = { readonly [K in keyof T]: Codec<T[K]> }

/** A structure: its fields in the order in which they are written here. */
export function structure<T extends object>(fields: Fields<T>): Codec<T> {
  const entries = Object.entries(fields) as [keyof T, Codec<T[keyof T]>][]
  return {
    preencode(state, value) {
      for (const [name, codec] of entries) codec.preencode(state, value[name])
    },
    encode(state, value) {
      for (const [name, codec] of entries) codec.encode(state, value[name])
    },
    decode(state) {
      const value: Partial<T> = {}
      for (const [name, codec] of entries) value[name] = codec.decode(state)
      return value as T
    }
  }
}

function checked<T>(codec: Codec<T>, isRight: (value: T) => boolean, what: string): Codec<T> {
  const check = (value: T) => {
    if (!isRight(value)) throw new RangeError(`${what} is out of bounds`)
    return value
  }
  return {
    preencode: (state, value) => codec.preencode(state, check(value)),
    encode: (state, value) => codec.encode(state, value),
    decode: (state) => check(codec.decode(state))
  }
}

export const bytes32 = c.fixed(32) as Codec<Uint8Array>
export const bytes16 = c.fixed(16) as Codec<Uint8Array>
export const bytes64 = c.fixed(64) as Codec<Uint8Array>
export const integer = checked(c.uint, Number.isSafeInteger, 'a number')

/** Exactly this number: a format's version byte. */
export function constant(value: number): Codec<number> {
  return checked(c.uint, (found) => found === value, 'the format version')
}

/** Text of at most `limit` UTF-8 bytes, without control characters. */
export function text(limit: number): Codec<string> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  const isRight = (value: string) => Buffer.byteLength(value) <= limit && !/[\u0000-\u001f\u007f]/.test(value)
  return checked(c.utf8, isRight, 'a text')
}

/** At most `limit` bytes. */
export function bytesUpTo(limit: number): Codec<Uint8Array> {
  return checked(c.buffer, (value) => value !== null && value.length <= limit, 'a byte string')
}

/** At most `limit` items; more are refused before they are read. Coding throws RangeError. */
export function list<T>(item: Codec<T>, limit: number): Codec<T[]> {
  return {
    preencode(state, values) {
      if (values.length > limit) throw new RangeError('a list is too long')
      c.uint.preencode(state, values.length)
      for (const value of values) item.preencode(state, value)
    },
    encode(state, values) {
      c.uint.encode(state, values.length)
      for (const value of values) item.encode(state, value)
    },
    decode(state) {
      const length = c.uint.decode(state)
      if (length > limit) throw new RangeError('a list is too long')
      return Array.from({ length }, () => item.decode(state))
    }
  }
}

export function encodeWith<T>(codec: Codec<T>, value: T): Uint8Array {
  return new Uint8Array(c.encode(codec, value))
}

/** Throws for anything but the one encoding of a value. */
export function decodeWith<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const state = c.state(0, bytes.length, Buffer.from(bytes))
  const value = codec.decode(state)
  if (state.start !== state.end || !equalBytes(encodeWith(codec, value), bytes)) {
    throw new RangeError('not the one encoding of a value')
  }
  return value
}
