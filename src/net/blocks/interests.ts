// What the peers of an exchange are after: answers which of it is here, one interest of a peer at a time and the newest only,
// and tells them when more has come.
import { createHash } from 'node:crypto'
import { holdingOf, isIn } from './ranges.ts'
import type { BlockSession, BulkCore } from './session.ts'
import type { Interest } from './wire.ts'

const GATHER = 4 // ms in which gained blocks are gathered into one message

interface Entry {
  /** what it said last, also when we had no core to answer for */
  interest: Interest
  isAnswering: boolean
  isNewer: boolean
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
    const entry = { interest, isAnswering, isNewer: true }
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
      while (entry.isNewer && this.#entries.get(session) === entry) {
        entry.isNewer = false
        await this.#tellHolding(session, entry)
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
      if (holding !== null && !session.tellHolding(holding)) await session.drained()
    }
  }

  #tellGained(): void {
    this.#timer = null
    const gained = this.#gained.splice(0)
    for (const session of this.#entries.keys()) {
      const news = gained.filter((index) => session.interests.some((range) => isIn(range, index)))
      if (news.length > 0) session.tellGained(news)
    }
  }
}

/** FORMAT 9.5: both sides must mean the same core. */
export function coreId(core: BulkCore): Uint8Array {
  return createHash('sha256').update('chasqui/blocks/1\0').update(core.key).digest().subarray(0, 16)
}
