// What the peers of an exchange are after: answers which of it is here, one interest of a peer at a time and the newest only,
// and tells them when more has come, by the exchange or by another way.
import { createHash } from 'node:crypto'
import type { BulkCore } from '../../feed/bulk-core.ts'
import { holdingOf, indexesOf, isIn, newOf } from './ranges.ts'
import type { BlockSession } from './session.ts'
import { BLOCK_LIMITS, type BlockRange, type Interest } from './wire.ts'

const GATHER = 4 // ms in which gained blocks are gathered into one message

interface Entry {
  /** what it said last, also when we had no core to answer for */
  interest: Interest
  isAnswering: boolean
  isNewer: boolean
  /** blocks may have come that it was not told of */
  mayHaveMore: boolean
  /** start of each range that was answered → which of its blocks it knows to be here */
  told: Map<number, Uint8Array>
}

export class Interests {
  #core: () => BulkCore | null
  #entries = new Map<BlockSession, Entry>()
  #gained: number[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(core: () => BulkCore | null) {
    this.#core = core
  }

  set(session: BlockSession, interest: Interest): void {
    const known = this.#entries.get(session)
    const isAnswering = known?.isAnswering ?? false
    const entry: Entry = { interest, isAnswering, isNewer: true, mayHaveMore: false, told: new Map() }
    this.#entries.set(session, Object.assign(known ?? entry, entry))
    const core = this.#core()
    const isOurs = core !== null && Buffer.compare(interest.core, coreId(core)) === 0
    session.interests = isOurs ? interest.ranges : []
    if (!isAnswering) void this.#answer(session, this.#entries.get(session) as Entry)
  }

  /** Another core is exchanged now: all are answered anew. */
  answerAgain(): void {
    for (const [session, { interest }] of [...this.#entries]) this.set(session, interest)
  }

  /** Blocks may have come by another way than the exchange: who is after them hears of those that it was not told of. */
  lookAgain(): void {
    for (const [session, entry] of this.#entries) {
      entry.mayHaveMore = true
      if (!entry.isAnswering) void this.#answer(session, entry)
    }
  }

  remove(session: BlockSession): void {
    this.#entries.delete(session)
  }

  /** A block is here now. */
  gained(index: number): void {
    this.#gained.push(index)
    this.#timer ??= setTimeout(() => this.#tellGained(), GATHER)
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#entries.clear()
  }

  async #answer(session: BlockSession, entry: Entry): Promise<void> {
    entry.isAnswering = true
    try {
      while ((entry.isNewer || entry.mayHaveMore) && this.#entries.get(session) === entry) {
        const isNewer = entry.isNewer
        entry.isNewer = entry.mayHaveMore = false
        await (isNewer ? this.#tellHolding(session, entry) : this.#tellMore(session, entry))
      }
    } catch {
      // the feed is closing: whoever asks again is answered from the next one
    } finally {
      entry.isAnswering = false
    }
  }

  async #tellHolding(session: BlockSession, entry: Entry): Promise<void> {
    for (const range of session.interests) {
      const core = this.#core()
      const holding = core === null ? null : await holdingOf(core, range)
      if (entry.isNewer || session.isClosed) return
      entry.told.set(range.start, holding?.bits ?? new Uint8Array())
      if (holding !== null && !session.tellHolding(holding)) await session.drained()
    }
  }

  async #tellMore(session: BlockSession, entry: Entry): Promise<void> {
    for (const range of session.interests) {
      const core = this.#core()
      const holding = core === null ? null : await holdingOf(core, range)
      if (entry.isNewer || session.isClosed) return
      if (holding === null) continue
      const news = indexesOf(newOf(holding, entry.told.get(range.start)))
      entry.told.set(range.start, holding.bits)
      for (let at = 0; at < news.length; at += BLOCK_LIMITS.indexes) {
        if (!session.tellGained(news.slice(at, at + BLOCK_LIMITS.indexes))) await session.drained()
      }
    }
  }

  #tellGained(): void {
    this.#timer = null
    const gained = this.#gained.splice(0)
    for (const [session, { told }] of this.#entries) {
      const news = gained.filter((index) => noteTold(session.interests, told, index))
      if (news.length > 0) session.tellGained(news)
    }
  }
}

/** False when the block is in none of the ranges. */
function noteTold(ranges: readonly BlockRange[], told: Entry['told'], index: number): boolean {
  const range = ranges.find((one) => isIn(one, index))
  if (range === undefined) return false
  const [bits, at] = [told.get(range.start), index - range.start]
  if (bits !== undefined && at >> 3 < bits.length) bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7))
  return true
}

/** FORMAT 9.5: both sides must mean the same core. */
export function coreId(core: BulkCore): Uint8Array {
  return createHash('sha256').update('chasqui/blocks/1\0').update(core.key).digest().subarray(0, 16)
}
