// How fast each class of link may go: token buckets whose rate can change by the hour. Pure: the time is passed in.
import type { LinkClass } from './peer.ts'

/** bytes a second; Infinity: no limit; 0: nothing at all */
export interface Rates {
  down: number
  up: number
  /** nothing for now (pause, outside the hours), but what is critical: that goes at these rates */
  isPaused?: boolean
}

/** What holds now for a class of link; asked anew every time, so that hours and pauses need no timers. */
export type RatePolicy = (linkClass: LinkClass, now: number) => Rates

const UNLIMITED: RatePolicy = () => ({
  down: Number.POSITIVE_INFINITY,
  up: Number.POSITIVE_INFINITY
})

/** A pause is looked at again after this many ms. */
const PAUSE_CHECK = 5000

/** Seconds of its rate that a bucket may save up: a busy machine comes late, and should not lose what it did not use. */
const SAVED = 0.25

/** Spends bytes at a rate; an idle bucket saves up at most `burst` bytes, or a quarter of a second's where that is more. */
export class TokenBucket {
  #tokens: number
  #last: number
  #burst: number
  #most: number

  constructor(burst: number, now: number) {
    this.#burst = burst
    this.#most = burst
    this.#tokens = burst
    this.#last = now
  }

  /** 0 when the bytes were taken; else how many ms to wait before asking again. */
  take(bytes: number, rate: number, now: number): number {
    if (rate === Number.POSITIVE_INFINITY) return 0
    if (rate <= 0) return PAUSE_CHECK
    this.#most = Math.max(this.#burst, rate * SAVED)
    this.#tokens = Math.min(this.#most, this.#tokens + (Math.max(0, now - this.#last) * rate) / 1000)
    this.#last = now
    // a debt is allowed, so that a block larger than the burst can pass; it is paid back before the next one
    if (this.#tokens <= 0) return Math.max(1, Math.ceil((-this.#tokens * 1000) / rate) + 1)
    this.#tokens -= bytes
    return 0
  }

  /** What was taken for nothing comes back; a negative number is taken too, into debt. */
  give(bytes: number): void {
    this.#tokens = Math.min(this.#most, this.#tokens + bytes)
  }
}

/** Both directions of every class. */
export class Pacer {
  #policy: RatePolicy
  #buckets = new Map<string, TokenBucket>()

  constructor(policy: RatePolicy = UNLIMITED) {
    this.#policy = policy
  }

  isPaused(linkClass: LinkClass, now: number): boolean {
    return this.#policy(linkClass, now).isPaused === true
  }

  /**
   * Takes bytes of bulk; 0 when they may go now, else ms to wait.
   * @param isCritical a signed critical release passes pauses and hours, not rates
   */
  take(
    linkClass: LinkClass,
    direction: 'down' | 'up',
    bytes: number,
    now: number,
    isCritical = false
  ): number {
    if (!isCritical && this.isPaused(linkClass, now)) return PAUSE_CHECK
    const rate = this.#policy(linkClass, now)[direction]
    const name = `${linkClass} ${direction}`
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      bucket = new TokenBucket(Math.min(bytes, 65_536), now)
      this.#buckets.set(name, bucket)
    }
    return bucket.take(bytes, rate, now)
  }

  /** `take` took more than went (or less, with a negative number of bytes). */
  correct(linkClass: LinkClass, direction: 'down' | 'up', bytes: number): void {
    this.#buckets.get(`${linkClass} ${direction}`)?.give(bytes)
  }
}
