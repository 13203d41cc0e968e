// Blocks also come by other ways than the exchange: a stick, Hypercore's own replication. Looks which of those that a download
// waits for are here by now; one look at a time.
import type { BulkCore } from '../../feed/bulk-core.ts'

interface Waiting {
  core(): BulkCore | null
  missing(): Iterable<number>
  /** a block that was waited for is here */
  found(index: number): void
}

export class OtherWays {
  #waiting: Waiting
  #isLooking = false
  #again = false

  constructor(waiting: Waiting) {
    this.#waiting = waiting
  }

  async look(): Promise<void> {
    this.#again = true
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      while (this.#again) {
        this.#again = false
        await this.#lookOnce()
      }
    } catch {
      // the feed is closing: the downloads from it end too
    } finally {
      this.#isLooking = false
    }
  }

  async #lookOnce(): Promise<void> {
    for (const index of this.#waiting.missing()) {
      const core = this.#waiting.core()
      if (core === null) return
      const isHere = await core.has(index)
      // another core may have taken its place meanwhile: an index means another block then
      if (isHere && core === this.#waiting.core()) this.#waiting.found(index)
    }
  }
}
