// One fleet's feed on this machine: an encrypted Hyperdrive whose db core is always fetched whole, so that every read can
// be answered without waiting. Knows blocks and versions, not what the files mean.
import type { Duplex } from 'node:stream'
import type Hypercore from 'hypercore'
import type Hyperdrive from 'hyperdrive'
import { ChasquiError } from '../errors.ts'
import { realFileSystem } from '../system/real-file-system.ts'
import { type BlockCore, blockCore } from './block-core.ts'
import { type BulkCore, bulkCore, type FetchBlocks } from './bulk-core.ts'
import { ConflictFile, loadConflict } from './conflict.ts'
import { downloadBlocks } from './download.ts'
import { freeBlocks } from './free.ts'
import { compareHead, type HeadComparison, headOf, type SignedHead } from './heads.ts'
import { type FeedIdentity, openBlobs, openDb, openDrive } from './open.ts'
import { BLOCK_SIZE, noFile, type OpenFeed, readVersion } from './snapshot.ts'
import type { Store } from './store.ts'
import type { Feed, FeedConflict, FeedSnapshot, FetchFilesOptions } from './types.ts'
import {
  collectMissing,
  isRequired,
  missingRequired,
  newestWholeVersion,
  olderUsable,
  recallVersion,
  rememberVersion
} from './usable-head.ts'

const LOOK = 500 // milliseconds
/** What an event of a core starts has nobody to fail to, and must not end the program. */
const warn = (error: unknown) => process.emitWarning(error as Error)

/** Opens the feed `identity.key`; one without a key pair is a branch's copy. */
export async function openFeed(store: Store, identity: FeedIdentity): Promise<DriveFeed> {
  const conflict = await loadConflict(realFileSystem, store.directory, identity.key)
  const feed = new DriveFeed(store, identity, await openDb(store, identity), conflict)
  await feed.start()
  return feed
}

export class DriveFeed implements Feed {
  readonly store: Store
  readonly identity: FeedIdentity
  conflict: FeedConflict | null
  fetcher: FetchBlocks | null = null
  /** For src/feed only. */
  db: Hypercore
  /** lengths that the feed's key has signed, as heard from others. For src/feed only. */
  readonly heard = { db: 0, blobs: 0 }
  #open: OpenFeed | null = null
  #opening: Promise<void> | null = null
  #freezing: Promise<void> | null = null
  readonly #conflictFile: ConflictFile
  #version = 0
  readonly #streams = new Set<Duplex & { userData?: unknown }>()
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  /** files that are being fetched, once for each fetch */
  readonly #fetching: string[][] = []
  #wholeDb: Hypercore.Download | null = null
  #target: { version: number; stop: AbortController } | null = null
  #advancing: Promise<void> | null = null
  #again = false
  #look: NodeJS.Timeout | null = null
  /** the newest end of a publish among the db blocks up to `until` */
  #looked = { until: 0, version: 0 }

  constructor(store: Store, identity: FeedIdentity, db: Hypercore, conflict: FeedConflict | null) {
    this.store = store
    this.identity = identity
    this.db = db
    this.conflict = conflict
    this.#conflictFile = new ConflictFile(realFileSystem, store.directory, identity.key)
  }

  get key(): Uint8Array {
    return this.db.key
  }

  get discoveryKey(): Uint8Array {
    return this.db.discoveryKey
  }

  get writable(): boolean {
    return this.identity.keyPair !== undefined && this.conflict === null
  }

  get cores(): { db: BlockCore; blobs: BlockCore | null } {
    const flush = () => this.store.flush()
    return {
      db: blockCore(this.db, flush),
      blobs: this.#open === null ? null : blockCore(this.#open.blobs, flush)
    }
  }

  async openBlobs(): Promise<BlockCore | null> {
    if (this.#open === null) await this.#openOnce()
    return this.cores.blobs
  }

  get bulk(): BulkCore | null {
    return this.#open === null ? null : bulkCore(this.#open.blobs)
  }

  /** The open drive. For src/feed only. Throws FEED_EMPTY. */
  get open(): OpenFeed {
    if (this.#open === null)
      throw new ChasquiError('FEED_EMPTY', 'nothing of the feed is on this machine yet')
    return this.#open
  }

  /** For openFeed only. */
  async start(): Promise<void> {
    this.#version = await recallVersion(this.db)
    await this.#openRest()
    this.#watch()
    await this.advance()
  }

  length(): { db: number; blobs: number; here: number } {
    return { db: this.db.length, blobs: this.#open?.blobs.length ?? 0, here: this.db.contiguousLength }
  }

  async heads(): Promise<SignedHead[]> {
    const db = await headOf('db', this.db)
    const blobs = this.#open === null ? null : await headOf('blobs', this.#open.blobs)
    return [db, blobs].filter((head) => head !== null)
  }

  async compareHead(head: SignedHead): Promise<HeadComparison> {
    const core = head.core === 'db' ? this.db : this.#open?.blobs
    if (core === undefined) return 'unknown'
    const found = await compareHead(core, head)
    if (found === 'forked') await this.#freeze({ core: head.core, length: head.length })
    if (found === 'behind') this.heard[head.core] = Math.max(this.heard[head.core], head.length)
    return found
  }

  replicate(stream: Duplex): void {
    if (this.conflict !== null || this.#streams.has(stream)) return
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    this.db.replicate(stream)
    this.#open?.blobs.replicate(stream)
  }

  async snapshot(): Promise<FeedSnapshot | null> {
    if (this.#open === null || this.#version === 0) return null
    return readVersion((work) => this.#read(work), this.#version)
  }

  /** A feed that is being frozen is opened anew: a read waits for that, and one that was in the middle starts again. */
  async #read<T>(work: (feed: OpenFeed) => Promise<T>): Promise<T> {
    await this.#freezing
    const { open } = this
    try {
      return await work(open)
    } catch (error) {
      await this.#freezing
      if (this.open === open) throw error
      return work(this.open)
    }
  }

  onUpdate(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async fetch(paths: string[], options: FetchFilesOptions): Promise<void> {
    this.#fetching.push(paths)
    try {
      await this.#fetch(paths, options)
    } finally {
      this.#fetching.splice(this.#fetching.indexOf(paths), 1)
    }
  }

  async #fetch(paths: string[], options: FetchFilesOptions): Promise<void> {
    const missing = await this.#missingBlocks(paths)
    const total = await this.missing(paths)
    let done = 0
    const onBlock = () => {
      done = Math.min(done + BLOCK_SIZE, total) // the last block of a file is rarely full
      options.onProgress?.({ done, total })
    }
    const signal = AbortSignal.any([options.signal, this.#closing.signal])
    const isCritical = options.isCritical === true
    const get: FetchBlocks =
      this.fetcher ?? ((_core, indexes, how) => downloadBlocks(this.open.blobs, indexes, how))
    await get(bulkCore(this.open.blobs), missing, { signal, isCritical, onBlock }).catch((cause: unknown) => {
      if (this.conflict === null) throw cause
      throw new ChasquiError('FEED_CONFLICT', 'the feed was frozen: two signed histories of it were seen', {
        cause
      })
    })
  }

  async missing(paths: string[]): Promise<number> {
    const snapshot = await this.snapshot()
    let bytes = 0
    for (const path of paths) {
      const blocks = await this.#missingBlocks([path])
      bytes += Math.min(blocks.length * BLOCK_SIZE, (await snapshot?.size(path)) ?? 0)
    }
    return bytes
  }

  async free(paths: string[], { dryRun = false } = {}): Promise<number[]> {
    if (this.identity.keyPair !== undefined) throw new TypeError('a publisher keeps its packs')
    if (paths.some(isRequired)) throw new TypeError('only packs can be freed')
    const snapshot = this.conflict === null ? await this.snapshot() : null
    const freed: number[] = []
    for (const path of paths) {
      const range = (await snapshot?.blocks(path)) ?? null
      const size = (await snapshot?.size(path)) ?? 0
      const isBusy = this.#fetching.some((fetched) => fetched.includes(path))
      freed.push(range === null || isBusy ? 0 : await freeBlocks(this.open.blobs, range, size, dryRun))
    }
    if (!dryRun && freed.some((bytes) => bytes > 0)) await this.store.reclaim()
    return freed
  }

  async close(): Promise<void> {
    this.#closing.abort()
    if (this.#look !== null) clearTimeout(this.#look)
    this.#stopTarget()
    await this.#advancing
    await this.#freezing?.catch(() => undefined)
    await this.#conflictFile.close()
    await this.#closeAll()
  }

  /** Ends the exchange with every peer. */
  #detach(): void {
    for (const core of [this.db, this.#open?.blobs]) {
      for (const stream of this.#streams) core?.core.replicator.detachFrom(stream.userData)
      for (const peer of [...(core?.peers ?? [])]) peer.channel.close()
    }
    this.#streams.clear()
  }

  async #closeAll(): Promise<void> {
    this.#wholeDb?.destroy()
    await this.#open?.drive.close()
    await this.#open?.blobs.close()
    await this.db.close()
  }

  async #missingBlocks(paths: string[]): Promise<number[]> {
    const snapshot = await this.snapshot()
    const missing: number[] = []
    for (const path of paths) {
      const range = await snapshot?.blocks(path)
      if (range === undefined || range === null) throw noFile(path)
      await collectMissing(this.open.blobs, range, missing)
    }
    return missing
  }

  #openOnce(): Promise<void> {
    this.#opening ??= this.#openRest().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  async #openRest(): Promise<void> {
    const blobs = await openBlobs(this.store, this.identity, this.db)
    if (blobs === null) return
    const drive: Hyperdrive = await openDrive(this.store, this.identity)
    this.#open = { drive, blobs }
    blobs.once('conflict', (length: number) => void this.#freeze({ core: 'blobs', length }).catch(warn))
    for (const stream of this.#streams) blobs.replicate(stream)
  }

  #watch(): void {
    this.db.once('conflict', (length: number) => void this.#freeze({ core: 'db', length }).catch(warn))
    if (this.conflict === null) this.#wholeDb = this.db.download({ start: 0, end: -1 })
    const advance = () => void this.advance()
    this.db.on('append', advance)
    this.db.on('download', () => this.#onBlock())
    if (this.#open === null) this.db.once('manifest', () => void this.openBlobs().then(advance, warn))
  }

  /** Keeps what was here readable, stops exchanging, remembers: two histories have a valid signature. */
  #freeze(conflict: FeedConflict): Promise<void> {
    if (this.conflict !== null || this.#closing.signal.aborted) return this.#freezing ?? Promise.resolve()
    this.conflict = conflict
    this.#freezing = this.#openFrozen(conflict)
    return this.#freezing
  }

  async #openFrozen(conflict: FeedConflict): Promise<void> {
    this.#stopTarget()
    this.#detach()
    await this.#conflictFile.save(conflict)
    await this.#advancing
    await this.#closeAll()
    this.db = await openDb(this.store, this.identity)
    await this.#openRest()
    this.#notify()
  }

  /** While the db comes in block by block, a look now and then is enough; the last block is looked at once. */
  #onBlock(): void {
    if (this.db.contiguousLength === this.db.length) void this.advance()
    else this.#look ??= setTimeout(() => void this.advance(), LOOK)
  }

  /** Runs one at a time. */
  advance(): Promise<void> {
    if (this.#look !== null) clearTimeout(this.#look)
    this.#look = null
    if (this.#advancing !== null) {
      this.#again = true
      return this.#advancing
    }
    this.#advancing = this.#advanceUntilStill().finally(() => {
      this.#advancing = null
    })
    return this.#advancing
  }

  async #advanceUntilStill(): Promise<void> {
    do {
      this.#again = false
      if (this.#open === null || this.#stopped) return
      try {
        await this.#step(this.#open)
      } catch (error) {
        // closing and freezing take the cores away under a step; anything else keeps the version that there is
        if (!this.#stopped) warn(error)
      }
    } while (this.#again)
  }

  get #stopped(): boolean {
    return this.conflict !== null || this.#closing.signal.aborted
  }

  async #step(open: OpenFeed): Promise<void> {
    const whole = this.db.contiguousLength
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
    await rememberVersion(this.db, usable)
    this.#version = usable
    if (this.writable && this.heard.db > 0) this.#fetchPacks(open).catch(() => undefined)
    this.#notify()
  }

  /** A publisher works on the newest version, or waits for it. */
  async #olderUsable(open: OpenFeed, version: number): Promise<number> {
    return this.identity.keyPair === undefined ? olderUsable(open, this.#version, version) : 0
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

  /** A publisher that had to catch up also gets back what packs its peers still have. */
  async #fetchPacks(open: OpenFeed): Promise<void> {
    const missing = await this.#missingBlocks((await (await this.snapshot())?.list('/packs')) ?? [])
    await downloadBlocks(open.blobs, missing, { signal: this.#closing.signal })
  }

  #stopTarget(): void {
    this.#target?.stop.abort()
    this.#target = null
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
