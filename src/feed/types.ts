// What the rest of Chasqui sees of a feed. The implementation is feed.ts (branches and publishers) and writer.ts.
import type { Duplex } from 'node:stream'
import type { BlockCore } from './block-core.ts'
import type { BulkCore, FetchBlocks } from './bulk-core.ts'
import type { HeadComparison, SignedHead } from './heads.ts'

/** Bytes that can be read at random; never waits for the network. Throws BLOCK_MISSING. */
export interface FeedSource {
  /** bytes */
  size: number
  read(position: number, length: number): Promise<Uint8Array>
}

/** One version of the feed, whole and consistent. Paths are drive paths; a missing leading `/` is added. */
export interface FeedSnapshot {
  /** length of the db core that this version is */
  readonly version: number
  /** The file (metadata decompressed), or null when there is none. Throws BLOCK_MISSING, FILE_TOO_LARGE, FEED_DAMAGED. */
  read(path: string, options: { limit: number }): Promise<Uint8Array | null>
  /** bytes as stored; null when there is no such file */
  size(path: string): Promise<number | null>
  /** Throws FEED_NO_FILE. */
  source(path: string): Promise<FeedSource>
  /** Where the bytes of a file are in the blobs core; null when there is no such file. */
  blocks(path: string): Promise<BlockRange | null>
  /** Is the whole file here? false also when it does not exist. */
  has(path: string): Promise<boolean>
  /** Paths below a folder, in order. */
  list(folder: string): Promise<string[]>
  /** The same with where the bytes of each are, in one pass: to ask for each takes ten times as long and more. */
  files(folder: string): Promise<FeedFile[]>
  /** Paths below a folder that are new, other or gone against an earlier version of the same feed; 0: nothing was there. */
  changed(folder: string, since: number): Promise<string[]>
}

export interface BlockRange {
  /** index of the first block */
  offset: number
  /** blocks */
  length: number
}

export interface FeedFile {
  path: string
  /** in the blobs core */
  blocks: BlockRange
}

export interface FetchFilesOptions {
  signal: AbortSignal
  onProgress?(progress: FetchProgress): void
  /** packs of a signed critical release: pauses and hours of the links do not hold them up */
  isCritical?: boolean
}

export interface FetchProgress {
  /** bytes that were missing and are here now */
  done: number
  /** bytes that were missing at the start */
  total: number
}

/** Two signed histories of one feed were seen: it is frozen, what was here stays readable. */
export interface FeedConflict {
  core: 'db' | 'blobs'
  /** length for which two signatures exist */
  length: number
}

export interface Feed {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly writable: boolean
  readonly conflict: FeedConflict | null
  /** `blobs` is null on a branch that has not heard anything of this feed yet. */
  readonly cores: { readonly db: BlockCore; readonly blobs: BlockCore | null }
  /** `cores.blobs`, opened as soon as the db core's manifest is known; waits for that as long as it takes. */
  openBlobs(): Promise<BlockCore | null>
  /** The blobs core block by block, for an exchange with peers; null like `cores.blobs`. */
  readonly bulk: BulkCore | null
  /** When set, `fetch` gets its blocks by it in place of Hypercore's own download, which cannot choose its peers. */
  fetcher: FetchBlocks | null
  /** blocks that are known to exist, and how many of the db's are here without a gap */
  length(): { db: number; blobs: number; here: number }
  /** What the feed's key signed last about each core, as far as it is here. */
  heads(): Promise<SignedHead[]>
  /** Holds another member's head against this feed; a proof of a second history freezes it. */
  compareHead(head: SignedHead): Promise<HeadComparison>
  /** Exchanges this feed's two cores with a member. Does nothing after a conflict. */
  replicate(stream: Duplex): void
  /** The newest version whose db and required files are here; null when there is none yet. */
  snapshot(): Promise<FeedSnapshot | null>
  /** Looks for a newer usable version now: after blocks came in by another way than replication. */
  advance(): Promise<void>
  /** Calls after each move of the usable version, and on a conflict. Returns the way to stop. */
  onUpdate(listener: () => void): () => void
  /** Gets files of the usable version from peers; waits for them. Throws FEED_NO_FILE, CANCELLED. */
  fetch(paths: string[], options: FetchFilesOptions): Promise<void>
  /** bytes of these files that are not here */
  missing(paths: string[]): Promise<number>
  /**
   * Gives back the room of packs (drive paths `/packs/…`): they count as missing then and can be fetched again. Returns
   * the bytes of each: 0 for what is being fetched and for what the feed does not have. On a branch only.
   */
  free(paths: string[], options?: { dryRun?: boolean }): Promise<number[]>
  close(): Promise<void>
}
