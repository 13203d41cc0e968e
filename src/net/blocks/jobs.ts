// The downloads that are under way: which blocks each still misses, and its end.
import { ChasquiError } from '../../errors.ts'
import type { LinkClass } from '../peer.ts'

export interface BlockOrigin {
  /** node key in hex */
  peer: string
  class: LinkClass
  bytes: number
}

export interface FetchOptions {
  signal: AbortSignal
  /** @param from null: it came by another way than from a peer */
  onBlock?(index: number, from: BlockOrigin | null): void
  /** a signed critical release: passes pauses and hours */
  isCritical?: boolean
}

interface Job {
  missing: Set<number>
  options: FetchOptions
  finish(error?: Error): void
}

export class Jobs {
  #jobs = new Set<Job>()
  #onDropped: (indexes: number[]) => void

  /** @param onDropped told of blocks that nobody waits for any more, though they did not come */
  constructor(onDropped: (indexes: number[]) => void) {
    this.#onDropped = onDropped
  }

  get isEmpty(): boolean {
    return this.#jobs.size === 0
  }

  /** Calls `begun` when it counts; resolves when all blocks are here. @throws ChasquiError CANCELLED */
  add(indexes: readonly number[], options: FetchOptions, begun: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (options.signal.aborted) {
        reject(cancelled())
        return
      }
      const stop = () => job.finish(cancelled())
      const job: Job = {
        missing: new Set(indexes),
        options,
        finish: (error) => {
          if (!this.#jobs.delete(job)) return
          options.signal.removeEventListener('abort', stop)
          this.#onDropped([...job.missing].filter((index) => !this.isMissing(index)))
          if (error === undefined) resolve()
          else reject(error)
        }
      }
      options.signal.addEventListener('abort', stop, { once: true })
      this.#jobs.add(job)
      begun()
    })
  }

  gained(index: number, from: BlockOrigin | null): void {
    for (const job of [...this.#jobs]) {
      if (!job.missing.delete(index)) continue
      job.options.onBlock?.(index, from)
      if (job.missing.size === 0) job.finish()
    }
  }

  cancelAll(): void {
    for (const job of [...this.#jobs]) job.finish(cancelled())
  }

  missing(): Set<number> {
    return new Set([...this.#jobs].flatMap((job) => [...job.missing]))
  }

  isMissing(index: number): boolean {
    return [...this.#jobs].some(({ missing }) => missing.has(index))
  }

  isCritical(index: number): boolean {
    return [...this.#jobs].some(({ options, missing }) => options.isCritical === true && missing.has(index))
  }
}

function cancelled(): ChasquiError {
  return new ChasquiError('CANCELLED', 'the download was stopped')
}
