// The version that a feed is read at: moves it on as blocks come in, one look at a time, and asks peers for what the next
// one requires. What makes a version usable is in usable-version.ts.
import type Hypercore from 'hypercore'
import { downloadBlocks } from './download.ts'
import type { OpenFeed } from './snapshot.ts'
import {
  missingRequired,
  newestWholeVersion,
  olderUsable,
  recallVersion,
  rememberVersion
} from './usable-version.ts'

const LOOK = 500 // milliseconds

/** What it needs of its feed. */
export interface AdvancingFeed {
  readonly db: Hypercore
  /** null: nothing of the feed is here, or it is frozen or closed */
  readonly usable: OpenFeed | null
  /** a publisher works on the newest version, or waits for it */
  readonly isPublisher: boolean
  /** the version has moved */
  moved(): void
  /** a look failed */
  warn(error: unknown): void
}

export class NewestVersion {
  readonly #feed: AdvancingFeed
  #version = 0
  #target: { version: number; stop: AbortController } | null = null
  #advancing: Promise<void> | null = null
  #again = false
  #look: NodeJS.Timeout | null = null
  /** the newest end of a publish among the db blocks up to `until` */
  #looked = { until: 0, version: 0 }

  constructor(feed: AdvancingFeed) {
    this.#feed = feed
  }

  /** The length of the db core that it is; 0: there is none yet. */
  get version(): number {
    return this.#version
  }

  /** Begins with the version that was remembered. */
  async recall(): Promise<void> {
    this.#version = await recallVersion(this.#feed.db)
  }

  /** While the db comes in block by block, a look now and then is enough; the last block is looked at once. */
  onBlock(): void {
    if (this.#feed.db.contiguousLength === this.#feed.db.length) void this.advance()
    else this.#look ??= setTimeout(() => void this.advance(), LOOK)
  }

  /** Looks for a newer one. Runs one at a time. */
  advance(): Promise<void> {
    this.#dropLook()
    if (this.#advancing !== null) {
      this.#again = true
      return this.#advancing
    }
    this.#advancing = this.#advanceUntilStill().finally(() => {
      this.#advancing = null
    })
    return this.#advancing
  }

  /** Asks peers for nothing more, and plans no look. */
  stop(): void {
    this.#dropLook()
    this.#stopTarget()
  }

  /** Returns when nothing is being looked at. */
  async settled(): Promise<void> {
    await this.#advancing
  }

  async #advanceUntilStill(): Promise<void> {
    do {
      this.#again = false
      const open = this.#feed.usable
      if (open === null) return
      try {
        await this.#step(open)
      } catch (error) {
        // closing and freezing take the cores away under a step; anything else keeps the version that there is
        if (this.#feed.usable !== null) this.#feed.warn(error)
      }
    } while (this.#again)
  }

  async #step(open: OpenFeed): Promise<void> {
    const { db } = this.#feed
    const whole = db.contiguousLength
    const found = await newestWholeVersion(open.drive, whole, Math.max(this.#version, this.#looked.until))
    this.#looked = { until: whole, version: Math.max(found, this.#looked.version) }
    const { version } = this.#looked
    if (version <= this.#version) return
    const missing = await missingRequired(open, this.#version, version)
    // what is being waited for may have come by another way than from a peer
    if (missing.length === 0 || version !== this.#target?.version) this.#stopTarget()
    if (missing.length > 0 && this.#target === null) this.#startTarget(open, version, missing)
    const usable = missing.length === 0 ? version : await this.#olderUsable(open, version)
    if (usable === 0) return
    await rememberVersion(db, usable)
    this.#version = usable
    this.#feed.moved()
  }

  async #olderUsable(open: OpenFeed, version: number): Promise<number> {
    return this.#feed.isPublisher ? 0 : olderUsable(open, this.#version, version)
  }

  #startTarget(open: OpenFeed, version: number, missing: number[]): void {
    const stop = new AbortController()
    this.#target = { version, stop }
    const again = () => {
      if (this.#target?.stop !== stop) return
      this.#target = null
      void this.advance()
    }
    downloadBlocks(open.blobs, missing, { signal: stop.signal }).then(again, () => undefined)
  }

  #stopTarget(): void {
    this.#target?.stop.abort()
    this.#target = null
  }

  #dropLook(): void {
    if (this.#look !== null) clearTimeout(this.#look)
    this.#look = null
  }
}
