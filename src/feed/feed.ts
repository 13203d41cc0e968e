// One fleet's feed on this machine: an encrypted Hyperdrive whose db core is always fetched whole, so that every read can
// be answered without waiting. Opens its cores, exchanges them with peers, and freezes them when a second history is seen.
import type { Duplex } from 'node:stream'
import type Hypercore from 'hypercore'
import type Hyperdrive from 'hyperdrive'
import { ChasquiError } from '../errors.ts'
import { realFileSystem } from '../system/real-file-system.ts'
import { type BlockCore, blockCore } from './block-core.ts'
import { type BulkCore, bulkCore, type FetchBlocks } from './bulk-core.ts'
import { ConflictFile, loadConflict } from './conflict.ts'
import { downloadBlocks } from './download.ts'
import { fetchFiles, missingBlocks, missingBytes } from './fetch.ts'
import { freeBlocks } from './free.ts'
import { compareHead, type HeadComparison, headOf, type SignedHead } from './heads.ts'
import { type AdvancingFeed, NewestVersion } from './newest-version.ts'
import { type FeedIdentity, openBlobs, openDb, openDrive } from './open.ts'
import { type OpenFeed, readVersion } from './snapshot.ts'
import type { Store } from './store.ts'
import type { Feed, FeedConflict, FeedSnapshot, FetchFilesOptions } from './types.ts'
import { isRequired } from './usable-version.ts'

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
  readonly #streams = new Set<Duplex & { userData?: unknown }>()
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  /** files that are being fetched, once for each fetch */
  readonly #fetching: string[][] = []
  #wholeDb: Hypercore.Download | null = null
  readonly #newest: NewestVersion

  constructor(store: Store, identity: FeedIdentity, db: Hypercore, conflict: FeedConflict | null) {
    this.store = store
    this.identity = identity
    this.db = db
    this.conflict = conflict
    this.#conflictFile = new ConflictFile(realFileSystem, store.directory, identity.key)
    this.#newest = new NewestVersion(this.#advancing())
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
    await this.#newest.recall()
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
    const { version } = this.#newest
    if (this.#open === null || version === 0) return null
    return readVersion((work) => this.#read(work), version)
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
      const signal = AbortSignal.any([options.signal, this.#closing.signal])
      await fetchFiles(this, paths, { ...options, signal })
    } finally {
      this.#fetching.splice(this.#fetching.indexOf(paths), 1)
    }
  }

  missing(paths: string[]): Promise<number> {
    return missingBytes(this, paths)
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
    this.#newest.stop()
    await this.#newest.settled()
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
    this.db.on('download', () => this.#newest.onBlock())
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
    this.#newest.stop()
    this.#detach()
    await this.#conflictFile.save(conflict)
    await this.#newest.settled()
    await this.#closeAll()
    this.db = await openDb(this.store, this.identity)
    await this.#openRest()
    this.#notify()
  }

  advance(): Promise<void> {
    return this.#newest.advance()
  }

  /** This feed as its version sees it: the cores are others after it was frozen. */
  #advancing(): AdvancingFeed {
    const feed = this
    return {
      get db() {
        return feed.db
      },
      get usable() {
        return feed.conflict !== null || feed.#closing.signal.aborted ? null : feed.#open
      },
      isPublisher: this.identity.keyPair !== undefined,
      moved: () => {
        if (this.writable && this.heard.db > 0) this.#fetchPacks().catch(() => undefined)
        this.#notify()
      },
      warn
    }
  }

  /** A publisher that had to catch up also gets back what packs its peers still have. */
  async #fetchPacks(): Promise<void> {
    const missing = await missingBlocks(this, (await (await this.snapshot())?.list('/packs')) ?? [])
    await downloadBlocks(this.open.blobs, missing, { signal: this.#closing.signal })
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
