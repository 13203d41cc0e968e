// How often one peer may say what it is after. What is above that is not lost, or its download would wait for an answer that
// never comes: the newest of it counts when the minute is over.
import type { Interest } from './wire.ts'

export const INTEREST_RATE = {
  /** ms */
  window: 60_000,
  /** in one window that count at once */
  most: 1800,
  /** in one window, after which a peer is to blame */
  patience: 2700
}

export class InterestRate {
  #pass: (interest: Interest) => void
  #count = 0
  #since = 0
  #late: NodeJS.Timeout | null = null
  #newest: Interest | null = null

  /** @param pass gets what counts now */
  constructor(pass: (interest: Interest) => void) {
    this.#pass = pass
  }

  /** False when it is more than any honest peer says. */
  take(interest: Interest, now: number): boolean {
    if (Math.abs(now - this.#since) > INTEREST_RATE.window) {
      this.#since = now
      this.#count = 0
    }
    this.#newest = interest
    if (++this.#count <= INTEREST_RATE.most) this.#passNewest()
    else this.#late ??= setTimeout(() => this.#passNewest(), this.#since + INTEREST_RATE.window - now)
    return this.#count <= INTEREST_RATE.patience
  }

  close(): void {
    if (this.#late !== null) clearTimeout(this.#late)
    this.#late = null
    this.#newest = null
  }

  #passNewest(): void {
    const newest = this.#newest
    this.close()
    if (newest !== null) this.#pass(newest)
  }
}
