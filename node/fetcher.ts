// Gets packs from peers. Knows whether there is anybody to ask: without a peer it fails at once instead of waiting for
// ever. Packs that are here are never asked for.
import { ChasquiError } from '../src/errors.ts'
import type { Feed, FetchFilesOptions, FetchProgress } from '../src/feed/types.ts'
import type { Sources } from './sources.ts'
import { type LineState, StallGuard } from './stall.ts'

export interface FetcherParts extends LineState {
  /** the feed of now: it may become another one */
  feed(): Feed
  sources: Sources
  /** is anybody connected, or on the way? */
  hasPeers(): boolean
  /** do all links to peers carry nothing for now (hours, cap, metered)? */
  isPaused(): boolean
}

export class Fetcher {
  readonly #parts: FetcherParts
  /** by the plan of now: a critical release still misses packs */
  isCriticalDue = false
  /** critical downloads that somebody asked for and that run now */
  #critical = 0

  constructor(parts: FetcherParts) {
    this.#parts = parts
  }

  /** Is a pack of a critical release still missing? Then the internet is used whatever the hours say. */
  get isCriticalWanted(): boolean {
    return this.isCriticalDue || this.#critical > 0
  }

  /** Returns when all the files are here. Throws PLAN_NOT_HERE, LINKS_PAUSED, CANCELLED. */
  async fetch(paths: string[], options: FetchFilesOptions): Promise<void> {
    const { sources, hasPeers, isPaused } = this.#parts
    const feed = this.#parts.feed()
    const missing = await feed.missing(paths)
    if (missing === 0) return
    const isCritical = options.isCritical === true
    if (!hasPeers()) throw notHere(missing, 'no peer is connected')
    if (!isCritical && isPaused()) throw paused(missing)
    const snapshot = await feed.snapshot()
    const settle = snapshot === null ? null : await sources.watch(snapshot, paths)
    if (isCritical) this.#critical++
    const stall = new AbortController()
    const guard = new StallGuard(this.#parts, () => stall.abort())
    const onProgress = (progress: FetchProgress) => {
      guard.block()
      options.onProgress?.(progress)
    }
    try {
      const signal = AbortSignal.any([options.signal, stall.signal])
      await feed.fetch(paths, { signal, onProgress, isCritical })
    } catch (error) {
      if (!stall.signal.aborted || options.signal.aborted) throw error
      const left = await feed.missing(paths)
      if (!isCritical && isPaused()) throw paused(left)
      throw notHere(left, 'no peer that is connected has sent any of it')
    } finally {
      if (isCritical) this.#critical--
      guard.stop()
      await settle?.()
    }
  }
}

function paused(bytes: number): ChasquiError {
  const why = 'the links to those who may have them are paused now (by command, hours, cap or metered)'
  return new ChasquiError('LINKS_PAUSED', `${bytes} bytes of packs are not here, and ${why}`, {
    hint: 'see "chasqui node links"; what is critical passes, and a stick brings it too'
  })
}

function notHere(bytes: number, why: string): ChasquiError {
  return new ChasquiError('PLAN_NOT_HERE', `${bytes} bytes of packs are not here, and ${why}`, {
    hint: 'start the daemon with "chasqui node run", or bring a stick: "chasqui usb-sync import STICK"'
  })
}
