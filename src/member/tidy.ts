// What V8 frees of its own accord it frees while it allocates. A daemon that has moved much and then rests would keep the
// buffers of that traffic for hours: it collects its garbage once, when nothing moves any more (decision 0004).

const TIDY = {
  /** ms between looks */
  look: 5000,
  /** bytes on the links that are worth tidying up after */
  much: 1_000_000,
  /** bytes between two looks that are no traffic to speak of */
  little: 50_000
}

/** Says when it is time; pure. */
export class Tidier {
  #last = 0
  #since = 0

  /** @param moved bytes that all links together have carried; less than before when one of them is gone */
  look(moved: number): boolean {
    const news = Math.max(0, moved - this.#last)
    this.#last = moved
    this.#since += news
    if (news > TIDY.little || this.#since < TIDY.much) return false
    this.#since = 0
    return true
  }
}

/**
 * Looks until it is stopped; returns the way to stop. `flush` writes what the store still holds in memory. Without the right
 * to ask for a collection (`--expose-gc`) nothing is collected.
 */
export function tidyAtRest(moved: () => number, flush: () => Promise<void>): () => void {
  const tidier = new Tidier()
  const tidy = async () => {
    await flush().catch(() => undefined)
    // "last resort": pages that are empty afterwards go back to the system, instead of being kept for the next burst
    globalThis.gc?.({ type: 'major', flavor: 'last-resort' })
  }
  const timer = setInterval(() => {
    if (tidier.look(moved())) void tidy()
  }, TIDY.look).unref()
  return () => clearInterval(timer)
}
