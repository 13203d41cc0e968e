// What to ask of one peer for, of all that it says it has: a few records at a time, more while it delivers, as far as the
// budget reaches. A record is asked of one peer at a time. Pure: items and time come in, keys to ask for come out.
import type { Item } from '../fleet/reconcile.ts'
import { RECORD_LIMITS, type RecordType } from '../fleet/record.ts'
import { BY_IMPORTANCE, type GossipBudget } from './gossip-budget.ts'
import type { LinkClass } from './peer.ts'

const MINUTE = 60_000 // ms

const ASKING = {
  /** records asked for and not here yet: at first, and at most */
  window: { first: 16, most: 512 },
  /** ms without any of them after which they may be asked for elsewhere */
  patience: 15_000,
  /** items that a peer may say it has without delivering one: no set of records is larger */
  offered: 65_536,
  /** records of one peer in one minute that are refused, after which nothing is asked of it for the rest of that minute */
  refused: 64
}

export interface AskingParts {
  linkClass: LinkClass
  budget: GossipBudget
  /** who is asked for a record now, of all peers */
  askedOf: Map<string, Asking>
  /** is it newer than what is here? */
  isMissing(item: Item): boolean
  /** goes first, and passes a spent budget: the peer's word about itself */
  isFree(item: Item): boolean
}

export class Asking {
  #parts: AskingParts
  #own = new Map<string, Item>()
  #queue = new Map<RecordType, Map<string, Item>>(BY_IMPORTANCE.map((type) => [type, new Map()]))
  #asked = new Set<string>()
  /** no longer waited for, welcome when they come */
  #late = new Set<string>()
  #window = ASKING.window.first
  #offered = 0
  #refused = 0
  #refusedSince = 0
  #lastNews = 0

  constructor(parts: AskingParts) {
    this.#parts = parts
  }

  /** The peer says that it has these. False: it says more than can be, and delivers nothing. */
  offer(items: Item[]): boolean {
    this.#offered += items.length
    if (this.#offered > ASKING.offered) return false
    for (const item of items) {
      const queue = this.#parts.isFree(item) ? this.#own : this.#queue.get(item.type)
      queue?.set(item.key, item)
    }
    return true
  }

  /** What to ask for now; every key that is returned counts as asked for. */
  next(now: number): string[] {
    if (this.#asked.size > this.#window / 2 || this.#isTiresome(now)) return []
    if (this.#asked.size === 0) this.#lastNews = now
    const keys: string[] = []
    for (const items of [this.#own, ...this.#queue.values()]) {
      for (const item of items.values()) {
        if (this.#asked.size >= this.#window) return keys
        if (this.#parts.askedOf.has(item.key)) continue
        const isMissing = this.#parts.isMissing(item)
        if (isMissing && !this.#mayAsk(item, now)) continue
        items.delete(item.key)
        if (isMissing) keys.push(this.#ask(item.key))
      }
    }
    return keys
  }

  /** A record came. False: nobody asked for it. */
  take(key: string, now: number): boolean {
    if (this.#late.delete(key)) return true
    if (!this.#asked.has(key)) return false
    this.#release(key)
    this.#lastNews = now
    this.#offered = 0
    if (this.#asked.size === 0) this.#window = Math.min(ASKING.window.most, this.#window * 2)
    return true
  }

  /** What came was not taken, and the peer may not be at fault. Many of these make it be asked for less. */
  refuse(now: number): void {
    if (Math.abs(now - this.#refusedSince) > MINUTE) {
      this.#refusedSince = now
      this.#refused = 0
    }
    if (++this.#refused > ASKING.refused) this.#window = ASKING.window.first
  }

  /** Gives up what has not come for too long. True: there was something. */
  expire(now: number): boolean {
    if (this.#asked.size === 0 || now - this.#lastNews < ASKING.patience) return false
    this.#late = new Set(this.#asked)
    this.close()
    this.#window = Math.max(1, this.#window >> 2)
    return true
  }

  /** Nothing more comes from this peer. True: something was still to come. */
  close(): boolean {
    const wasWaiting = this.#asked.size > 0
    for (const key of this.#asked) this.#release(key)
    return wasWaiting
  }

  #isTiresome(now: number): boolean {
    return this.#refused > ASKING.refused && Math.abs(now - this.#refusedSince) <= MINUTE
  }

  #mayAsk(item: Item, now: number): boolean {
    const { linkClass, budget, isFree } = this.#parts
    return isFree(item) || budget.allows(linkClass, item.type, RECORD_LIMITS.total, now)
  }

  #ask(key: string): string {
    this.#asked.add(key)
    this.#parts.askedOf.set(key, this)
    this.#parts.budget.reserve(this.#parts.linkClass, RECORD_LIMITS.total)
    return key
  }

  #release(key: string): void {
    this.#asked.delete(key)
    this.#parts.askedOf.delete(key)
    this.#parts.budget.reserve(this.#parts.linkClass, -RECORD_LIMITS.total)
  }
}
