// When peers are told what this node is after: at once when a download begins, a moment later when one ends, since the next
// one often begins right then and one message says both. It keeps below what a peer answers in a minute (interest-rate.ts),
// and always says what holds when it goes out.
import { TokenBucket } from '../pacing.ts'
import { BLOCK_LIMITS } from './wire.ts'

export const TELLING = {
  /** ms after the end of a download */
  gather: 250,
  /** so many messages may follow one another at once */
  burst: 500,
  /** a second, for as long as it takes: 500 and 60 × 20 are less than 1,800 */
  rate: 20
}

export class Telling {
  #tell: () => void
  #now: () => number
  #bucket: TokenBucket
  #timer: NodeJS.Timeout | null = null
  /** blocks that came since */
  #gained = 0

  constructor(tell: () => void, now: () => number) {
    this.#tell = tell
    this.#now = now
    this.#bucket = new TokenBucket(TELLING.burst, now())
  }

  /** At once, or as soon as it may be. */
  now(): void {
    this.close()
    const wait = this.#bucket.take(1, TELLING.rate, this.#now())
    if (wait > 0) this.#in(wait)
    else {
      this.#gained = 0
      this.#tell()
    }
  }

  /** A block came. What was told may have been too long for one message: then the rest is told in time. */
  gained(): void {
    if (++this.#gained >= BLOCK_LIMITS.ranges) this.now()
  }

  /** In a moment, or with what is told before. */
  soon(): void {
    if (this.#timer === null) this.#in(TELLING.gather)
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #in(ms: number): void {
    this.#timer = setTimeout(() => this.now(), ms)
  }
}
