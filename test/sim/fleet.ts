// A simulated fleet for gossip: real reconciliation code (src/fleet/reconcile.ts) and real message sizes over record sets
// that are only version numbers, so that 10,000 branches fit into memory. No network, no clock, no cryptography.
import {
  type Comparable,
  type Comparison,
  compare,
  type Item,
  openComparison,
  type Summary
} from '../../src/fleet/reconcile.ts'
import { encodedLength } from '../../src/net/codec.ts'
import { comparisonCodec, itemsCodec, keysCodec } from '../../src/net/gossip-wire.ts'

/** Bytes of one report as it travels: what a branch with four apps writes, sealed body included. */
export const RECORD_BYTES = 1400
const FRAME = 25 // bytes that a message costs besides its content: length, cipher, channel

const PART = 64 // items in one message
const BUCKETS = 256

export interface Meeting {
  /** all bytes, both ways */
  bytes: number
  /** of these, bytes that only served to find out what differs */
  comparing: number
  moved: number
}

/** Knowledge of all nodes about all authors: node × author → version, 0 for unknown. */
export class SimulatedFleet {
  readonly size: number
  readonly #keys: string[]
  readonly #bucketStart: Uint32Array
  readonly #nodes: SimulatedNode[]
  readonly #position = new Map<string, number>()

  constructor(size: number, random: () => number) {
    this.size = size
    const hex = () =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0')
    this.#keys = Array.from({ length: size }, () => hex() + hex()).sort()
    for (const [at, key] of this.#keys.entries()) this.#position.set(key, at)
    this.#bucketStart = new Uint32Array(BUCKETS + 1)
    for (let bucket = 0; bucket <= BUCKETS; bucket++) {
      const first = this.#keys.findIndex((key) => Number.parseInt(key.slice(0, 2), 16) >= bucket)
      this.#bucketStart[bucket] = first === -1 ? size : first
    }
    this.#nodes = Array.from(
      { length: size },
      () => new SimulatedNode(this.#keys, this.#bucketStart, this.#position)
    )
  }

  /** The version of `author` that `node` knows. */
  known(node: number, author: number): number {
    return this.#node(node).version(author)
  }

  /** How many authors a node knows anything of. */
  count(node: number): number {
    return this.#node(node).summary('').count
  }

  /** A node writes a new record of its own. */
  write(node: number, version: number): void {
    this.#node(node).learn(node, version)
  }

  /** Two nodes bring their sets into agreement, message by message. `limit`: bytes after which they part. */
  meet(one: number, two: number, limit = Number.POSITIVE_INFINITY): Meeting {
    let [speaker, listener] = [this.#node(one), this.#node(two)]
    const meeting: Meeting = { bytes: 0, comparing: 0, moved: 0 }
    let message: Comparison | null = openComparison(speaker)
    while (message !== null && meeting.bytes < limit) {
      const cost = FRAME + encodedLength(comparisonCodec, message)
      meeting.bytes += cost
      meeting.comparing += cost
      const { reply, want, offer } = compare(listener, message)
      this.#move(speaker, listener, want, false, meeting, limit)
      this.#move(listener, speaker, offer, true, meeting, limit)
      message = reply
      ;[speaker, listener] = [listener, speaker]
    }
    return meeting
  }

  #move(
    from: SimulatedNode,
    to: SimulatedNode,
    items: Item[],
    isOffered: boolean,
    meeting: Meeting,
    limit: number
  ): void {
    for (let at = 0; at < items.length && meeting.bytes < limit; at += PART) {
      const part = items.slice(at, at + PART)
      const keys = part.map((item) => item.key)
      const offered = isOffered ? FRAME + encodedLength(itemsCodec, part) : 0
      const asking = offered + FRAME + encodedLength(keysCodec, keys)
      meeting.comparing += asking
      meeting.bytes += asking + part.length * (RECORD_BYTES + FRAME)
      meeting.moved += part.length
      for (const item of part)
        to.learn(this.#position.get(item.key) as number, from.version(this.#position.get(item.key) as number))
    }
  }

  #node(node: number): SimulatedNode {
    return this.#nodes[node] as SimulatedNode
  }
}

class SimulatedNode implements Comparable {
  readonly #keys: string[]
  readonly #bucketStart: Uint32Array
  readonly #position: Map<string, number>
  readonly #versions: Uint8Array
  readonly #counts = new Uint16Array(BUCKETS)
  readonly #highs = new Uint32Array(BUCKETS)
  readonly #lows = new Uint32Array(BUCKETS)

  constructor(keys: string[], bucketStart: Uint32Array, position: Map<string, number>) {
    this.#keys = keys
    this.#bucketStart = bucketStart
    this.#position = position
    this.#versions = new Uint8Array(keys.length)
  }

  version(author: number): number {
    return this.#versions[author] as number
  }

  learn(author: number, version: number): void {
    const before = this.#versions[author] as number
    if (version <= before) return
    const bucket = Number.parseInt((this.#keys[author] as string).slice(0, 2), 16)
    if (before === 0) this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    else this.#toggle(bucket, author, before)
    this.#toggle(bucket, author, version)
    this.#versions[author] = version
  }

  summary(prefix: string): Summary {
    const total = { count: 0, high: 0, low: 0 }
    if (prefix.length > 2) {
      for (const author of this.#authors(prefix)) {
        total.count++
        total.high ^= mark(author, this.version(author), 1)
        total.low ^= mark(author, this.version(author), 2)
      }
    } else {
      const [first, last] = bucketsOf(prefix)
      for (let bucket = first; bucket < last; bucket++) {
        total.count += this.#counts[bucket] as number
        total.high ^= this.#highs[bucket] as number
        total.low ^= this.#lows[bucket] as number
      }
    }
    return { count: total.count, high: total.high >>> 0, low: total.low >>> 0 }
  }

  items(prefix: string): Item[] {
    return [...this.#authors(prefix)].map((author) => this.#item(author))
  }

  find(key: string): Item | undefined {
    const author = this.#position.get(key)
    return author === undefined || this.version(author) === 0 ? undefined : this.#item(author)
  }

  *#authors(prefix: string): Generator<number> {
    const [first, last] = bucketsOf(prefix.slice(0, 2))
    for (
      let author = this.#bucketStart[first] as number;
      author < (this.#bucketStart[last] as number);
      author++
    ) {
      if (this.#versions[author] !== 0 && (this.#keys[author] as string).startsWith(prefix)) yield author
    }
  }

  #item(author: number): Item {
    const sequence = this.version(author)
    return {
      key: this.#keys[author] as string,
      type: 'report',
      epoch: 1,
      sequence,
      check: mark(author, sequence, 2)
    }
  }

  #toggle(bucket: number, author: number, version: number): void {
    this.#highs[bucket] = (this.#highs[bucket] as number) ^ mark(author, version, 1)
    this.#lows[bucket] = (this.#lows[bucket] as number) ^ mark(author, version, 2)
  }
}

function bucketsOf(prefix: string): [first: number, last: number] {
  const width = 16 ** (2 - prefix.length)
  const first = prefix === '' ? 0 : Number.parseInt(prefix, 16) * width
  return [first, first + width]
}

/** 32 bits that look random, of an author's record of one version. */
function mark(author: number, version: number, half: number): number {
  let bits = Math.imul(author + 1, 0x9e3779b1) ^ Math.imul(version * 4 + half, 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad)
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97)
  return (bits ^ (bits >>> 15)) >>> 0
}

/** A small seeded generator (mulberry32), so that every run of a simulation is the same. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}
