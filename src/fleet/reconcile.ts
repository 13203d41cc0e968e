// How two nodes find out, with few bytes, which of their records differ (FORMAT 9.3). Records are ordered by an 8-byte
// key; a summary of all records under a prefix of the key is their count and the XOR of their marks. Equal summaries end
// the matter; unequal ones are split in sixteen, down to short lists. Pure: the network and the simulation both use it.
import type { RecordType } from './record.ts'

/** Records under one prefix: how many, and the XOR of their 64-bit marks in two halves. */
export interface Summary {
  count: number
  high: number
  low: number
}

/** What one needs to know of a record to tell whether it is missing or older. */
export interface Item {
  /** 16 hex digits: from type and author */
  key: string
  type: RecordType
  epoch: number
  sequence: number
  /** 32 bits of the mark: tells apart two records with the same epoch and sequence */
  check: number
}

/** A set of records as the comparison sees it. */
export interface Comparable {
  summary(prefix: string): Summary
  items(prefix: string): Item[]
  find(key: string): Item | undefined
}

export interface Range {
  /** hex digits, none for everything */
  prefix: string
  summary: Summary
}

export interface Comparison {
  /** summaries for the other side to look at */
  ranges: Range[]
  /** everything that the sender has under these prefixes */
  lists: { prefix: string; items: Item[] }[]
}

export interface Outcome {
  /** the next message, or null when nothing is left to compare */
  reply: Comparison | null
  /** what the other side has newer or alone */
  want: Item[]
  /** what this side has newer or alone */
  offer: Item[]
}

/** Up to this many items are listed rather than summarised again. */
const SHORT_LIST = 16
const DIGITS = '0123456789abcdef'

/** The first message: 12 bytes, whatever the size of the set. */
export function openComparison(own: Comparable): Comparison {
  return { ranges: [{ prefix: '', summary: own.summary('') }], lists: [] }
}

/** Takes one message of the other side. Both sides run this until neither has a reply. */
export function compare(own: Comparable, message: Comparison): Outcome {
  const outcome: Outcome = { reply: null, want: [], offer: [] }
  const reply: Comparison = { ranges: [], lists: [] }
  for (const range of message.ranges) compareRange(own, range, reply, outcome)
  for (const list of message.lists) compareList(own, list, outcome)
  if (reply.ranges.length + reply.lists.length > 0) outcome.reply = reply
  return outcome
}

function compareRange(own: Comparable, range: Range, reply: Comparison, outcome: Outcome): void {
  const { prefix, summary } = range
  const mine = own.summary(prefix)
  if (mine.count === summary.count && mine.high === summary.high && mine.low === summary.low) return
  if (summary.count === 0) outcome.offer.push(...own.items(prefix))
  else if (mine.count <= SHORT_LIST || prefix.length === 16) {
    reply.lists.push({ prefix, items: own.items(prefix) })
  } else {
    for (const digit of DIGITS) {
      reply.ranges.push({ prefix: prefix + digit, summary: own.summary(prefix + digit) })
    }
  }
}

function compareList(own: Comparable, list: { prefix: string; items: Item[] }, outcome: Outcome): void {
  const theirs = new Map(list.items.map((item) => [item.key, item]))
  for (const item of own.items(list.prefix)) {
    const other = theirs.get(item.key)
    if (other === undefined || isNewer(item, other)) outcome.offer.push(item)
  }
  outcome.want.push(...missing(own, list.items))
}

/** Of what the other side offers, what this side lacks. */
export function missing(own: Comparable, offered: Item[]): Item[] {
  return offered.filter((item) => {
    const mine = own.find(item.key)
    return mine === undefined || isNewer(item, mine)
  })
}

function isNewer(a: Item, b: Item): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch
  return a.sequence !== b.sequence ? a.sequence > b.sequence : a.check > b.check
}
