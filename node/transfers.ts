// What is being fetched: how far, how fast, and when it will be here.
import type { FetchProgress } from '../src/feed/types.ts'

const WINDOW = 10_000 // milliseconds that the rate is taken over

export interface Transfer {
  /** what for: an app, or `carry` for others */
  app: string
  /** `module@version` */
  releases: string[]
  /** bytes that were missing and are here now */
  done: number
  /** bytes that were missing at the start */
  total: number
  /** bytes a second */
  rate: number
  /** seconds; null: nothing moves */
  eta: number | null
}

interface Sample {
  /** ms since the epoch */
  at: number
  done: number
}

export class Transfers {
  readonly #now: () => number
  readonly #meters = new Set<TransferMeter>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Shows a fetch for as long as it runs; `work` says how far it is by what it is given. */
  async follow<T>(
    what: Pick<Transfer, 'app' | 'releases'>,
    work: (update: (progress: FetchProgress) => Transfer) => Promise<T>
  ): Promise<T> {
    const meter = new TransferMeter(what, this.#now)
    this.#meters.add(meter)
    try {
      return await work((progress) => meter.update(progress))
    } finally {
      this.#meters.delete(meter)
    }
  }

  /** Those of which anything is known yet. */
  list(): Transfer[] {
    return [...this.#meters].map((meter) => meter.read()).filter(({ total }) => total > 0)
  }
}

class TransferMeter {
  readonly #what: Pick<Transfer, 'app' | 'releases'>
  readonly #now: () => number
  /** never empty */
  #samples: Sample[]
  #total = 0

  constructor(what: Pick<Transfer, 'app' | 'releases'>, now: () => number) {
    this.#what = what
    this.#now = now
    this.#samples = [{ at: now(), done: 0 }]
  }

  update({ done, total }: FetchProgress): Transfer {
    this.#total = total
    this.#samples.push({ at: this.#now(), done })
    return this.read()
  }

  read(): Transfer {
    const now = this.#now()
    // the newest sample before the window is where the window begins
    const start = this.#samples.findLastIndex(({ at }) => at <= now - WINDOW)
    if (start > 0) this.#samples = this.#samples.slice(start)
    const [first, last] = [this.#samples[0], this.#samples.at(-1)] as [Sample, Sample]
    const bytes = last.done - first.done
    const rate = bytes === 0 ? 0 : Math.round((bytes * 1000) / Math.max(1, now - first.at))
    const left = this.#total - last.done
    return { ...this.#what, done: last.done, total: this.#total, rate, eta: etaOf(left, rate) }
  }
}

function etaOf(left: number, rate: number): number | null {
  if (left <= 0) return 0
  return rate === 0 ? null : Math.ceil(left / rate)
}
