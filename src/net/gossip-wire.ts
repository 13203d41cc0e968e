// The messages of the channel `chasqui/gossip` in bytes (FORMAT 9.3). Every list is bounded before it is read.
import c, { type State } from 'compact-encoding'
import type { Comparison, Item, Range } from '../fleet/reconcile.ts'
import { RECORD_LIMITS, RECORD_TYPES } from '../fleet/record.ts'
import { type Codec, codec, list } from './codec.ts'

export const WIRE_LIMITS = {
  ranges: 4096,
  items: 1024,
  /** ranges, or lists, in one message that this side sends */
  part: 512,
  /** items in all lists of a message */
  listed: 65_536
}

const KEY_BYTES = 8

/** Hex to bytes. A length does not need the bytes: budgets ask for many lengths. */
const key: Codec<string> = {
  preencode: (state) => {
    state.end += KEY_BYTES
  },
  encode: (state, value) => c.fixed(KEY_BYTES).encode(state, Buffer.from(value, 'hex')),
  decode: (state) => Buffer.from(c.fixed(KEY_BYTES).decode(state)).toString('hex')
}

/** Hex digits: how many, then two to a byte, the last one padded with 0. */
const prefix: Codec<string> = {
  preencode: (state, value) => {
    c.uint.preencode(state, value.length)
    state.end += bytesFor(value.length)
  },
  encode: (state, value) => {
    c.uint.encode(state, value.length)
    const digits = value.padEnd(value.length + (value.length % 2), '0')
    c.fixed(bytesFor(value.length)).encode(state, Buffer.from(digits, 'hex'))
  },
  decode: (state) => {
    const digits = c.uint.decode(state)
    if (digits > 2 * KEY_BYTES) throw new RangeError('a prefix is longer than a key')
    return Buffer.from(c.fixed(bytesFor(digits)).decode(state))
      .toString('hex')
      .slice(0, digits)
  }
}

const bytesFor = (digits: number) => Math.ceil(digits / 2)

const range = codec<Range>(
  (state, step, { prefix: at, summary }) => {
    prefix[step](state, at)
    c.uint[step](state, summary.count)
    if (summary.count === 0) return
    c.uint32[step](state, summary.high)
    c.uint32[step](state, summary.low)
  },
  (state) => {
    const at = prefix.decode(state)
    const count = c.uint.decode(state)
    if (count === 0) return { prefix: at, summary: { count, high: 0, low: 0 } }
    return { prefix: at, summary: { count, high: c.uint32.decode(state), low: c.uint32.decode(state) } }
  }
)

const item = codec<Item>(
  (state, step, value) => {
    key[step](state, value.key)
    c.uint[step](state, RECORD_TYPES.indexOf(value.type) + 1)
    c.uint[step](state, value.epoch)
    c.uint[step](state, value.sequence)
    c.uint32[step](state, value.check)
  },
  (state) => {
    const at = key.decode(state)
    const type = RECORD_TYPES[c.uint.decode(state) - 1]
    if (type === undefined) throw new RangeError('a record type is unknown')
    return {
      key: at,
      type,
      epoch: c.uint.decode(state),
      sequence: c.uint.decode(state),
      check: c.uint32.decode(state)
    }
  }
)

export const itemsCodec: Codec<Item[]> = list(item, WIRE_LIMITS.items)
export const keysCodec: Codec<string[]> = list(key, WIRE_LIMITS.items)

const ranges = list(range, WIRE_LIMITS.ranges)

type Listed = Comparison['lists'][number]

const listed = codec<Listed>(
  (state, step, value) => {
    prefix[step](state, value.prefix)
    itemsCodec[step](state, value.items)
  },
  (state) => ({ prefix: prefix.decode(state), items: itemsCodec.decode(state) })
)

/** Counts while it reads: the lists of one message are stopped at the one that is too much. */
function readLists(state: State): Listed[] {
  let left = WIRE_LIMITS.listed
  const counted = {
    ...listed,
    decode: () => {
      const one = listed.decode(state)
      left -= one.items.length
      if (left < 0) throw new RangeError('a comparison lists too much')
      return one
    }
  }
  return list(counted, WIRE_LIMITS.ranges).decode(state)
}

export const comparisonCodec: Codec<Comparison> = codec<Comparison>(
  (state, step, value) => {
    ranges[step](state, value.ranges)
    list(listed, WIRE_LIMITS.ranges)[step](state, value.lists)
  },
  (state) => {
    const message = { ranges: ranges.decode(state), lists: readLists(state) }
    requireApart(message.ranges)
    requireApart(message.lists)
    return message
  }
)

/** Ascending and none inside another: each record is looked at once, however the message was made. */
function requireApart(parts: { prefix: string }[]): void {
  let before: string | null = null
  for (const { prefix: next } of parts) {
    if (before !== null && (next <= before || next.startsWith(before))) {
      throw new RangeError('a comparison covers something twice')
    }
    before = next
  }
}

/** A comparison of two very different sets is more than one message may hold. */
export function splitComparison({ ranges: summaries, lists: listed }: Comparison): Comparison[] {
  const parts: Comparison[] = []
  for (let at = 0; at < Math.max(summaries.length, listed.length); at += WIRE_LIMITS.part) {
    const end = at + WIRE_LIMITS.part
    parts.push({ ranges: summaries.slice(at, end), lists: listed.slice(at, end) })
  }
  return parts
}

export const recordCodec: Codec<Uint8Array> = codec<Uint8Array>(
  (state, step, bytes) => c.raw[step](state, bytes),
  (state) => {
    if (state.end - state.start > RECORD_LIMITS.total) throw new RangeError('a record is too large')
    return c.raw.decode(state).slice()
  }
)
