// Appends a publish to the publisher's own feed: journal, blobs, then the entries in one db append, which is the moment
// when readers see it. Only one process has the home, and only one publish runs at a time.
import { join } from 'node:path'
import type Hyperdrive from 'hyperdrive'
import { ChasquiError } from '../errors.ts'
import { removeTree } from '../system/durable.ts'
import type { FileSystem } from '../system/file-system.ts'
import { Turns } from '../system/turns.ts'
import { toHex } from '../trust/bytes.ts'
import type { DriveFeed } from './feed.ts'
import { freeBlocks } from './free.ts'
import { type Journal, type JournalHead, openJournal, writeJournal } from './journal.ts'
import { allBlocks, encodeEntries, measure, type PutFile } from './publish-blocks.ts'
import { BLOCK_SIZE, drivePath } from './snapshot.ts'
import type { BlockRange } from './types.ts'
import { endOfPublish, isRequired } from './usable-version.ts'

const JOURNAL = 'publish.journal'
const APPEND_SIZE = 64 // blocks at once
const CATCH_UP = 'run "publisher run" with a branch online, or import a stick, until the feed is whole again'
const HEADER = 1 // db blocks of a new feed: Hyperbee's header

export interface PublishChanges {
  /** At least one. */
  put: PutFile[]
  /** Paths that the new version no longer has; the bytes of packs among them are given up. */
  remove: string[]
}

export interface FeedWriter {
  /**
   * One atomic step for readers; returns when it survives a power cut.
   * Throws FEED_BEHIND, FEED_CONFLICT; PUBLISH_INTERRUPTED when it was begun and is to be finished, or when one before it
   * had to be finished first: what was made before that would undo it.
   */
  publish(changes: PublishChanges): Promise<{ version: number }>
  /**
   * Finishes a publish that was cut, unless the feed has to catch up first. To be called before anything is read that
   * the next publish is made of. Throws PUBLISH_INTERRUPTED when it is cut again.
   */
  settle(): Promise<void>
  /** Throws what `publish` would throw before it begins. */
  check(): Promise<void>
}

/**
 * The writer of a feed that has a key pair. Finishes a publish that was cut, unless the feed has to catch up first.
 * `journal`: two feeds in one store need journals of their own.
 */
export async function openWriter(feed: DriveFeed, fs: FileSystem, journal = JOURNAL): Promise<FeedWriter> {
  const path = join(feed.store.directory, journal)
  await settleNow(feed, fs, path)
  const turns = new Turns()
  return {
    publish: (changes) => turns.take(() => publishNow(feed, fs, path, changes)),
    settle: () => turns.take(() => settleNow(feed, fs, path)),
    check: () => turns.ended().then(() => refuseToFork(feed))
  }
}

/** Starts an empty feed: to be called once, by the one who made its key pair. */
export async function startFeed(feed: DriveFeed): Promise<void> {
  if (feed.db.length > 0) return
  const batch = feed.open.drive.batch()
  await (batch.db as Hyperdrive.BeeBatch).getRoot(true)
  await batch.close()
  await feed.store.flush()
}

async function publishNow(
  feed: DriveFeed,
  fs: FileSystem,
  path: string,
  changes: PublishChanges
): Promise<{ version: number }> {
  if (await finishPublish(feed, fs, path)) {
    throw new ChasquiError('PUBLISH_INTERRUPTED', 'a publish that was cut before had to be finished first', {
      hint: 'it is done now: run this command again'
    })
  }
  await refuseToFork(feed)
  const unused = await packBlocks(feed, changes.remove)
  const files = await Promise.all(changes.put.map((file) => measure(fs, file)))
  const entries = await encodeEntries(feed, files, changes.remove)
  const head: JournalHead = {
    feed: toHex(feed.key),
    blobs: { start: feed.open.blobs.length, blocks: files.reduce((sum, { blocks }) => sum + blocks, 0) },
    db: { start: feed.db.length, blocks: entries.length },
    ...(unused.length > 0 && { free: unused.map(({ offset, length }): [number, number] => [offset, length]) })
  }
  try {
    await writeJournal(fs, path, head, allBlocks(fs, files, entries))
  } catch (error) {
    await removeTree(fs, path)
    throw error
  }
  await finishPublish(feed, fs, path)
  return { version: feed.db.length }
}

async function settleNow(feed: DriveFeed, fs: FileSystem, path: string): Promise<void> {
  await finishPublish(feed, fs, path).catch((error: unknown) => {
    if (!(error instanceof ChasquiError && error.code === 'FEED_BEHIND')) throw error
  })
  await feed.advance()
}

/**
 * Appends what a journal holds and the cores do not, syncs, frees what it gives up, and removes the journal; true when there
 * was one.
 */
async function finishPublish(feed: DriveFeed, fs: FileSystem, path: string): Promise<boolean> {
  const journal = await openJournal(fs, path)
  if (journal === null) {
    await removeTree(fs, path)
    return false
  }
  // one that a former feed of this home has left belongs to nobody any more
  const isOurs = journal.head.feed === toHex(feed.key)
  try {
    if (isOurs) await append(feed, journal)
    await feed.store.flush()
    if (isOurs) await freeUnused(feed, journal.head.free ?? [])
  } catch (cause) {
    if (cause instanceof ChasquiError) throw cause
    throw new ChasquiError('PUBLISH_INTERRUPTED', `the publish was cut: ${String(cause)}`, {
      cause,
      hint: 'make space if the disk is full; the next publisher command finishes it'
    })
  } finally {
    await journal.close()
  }
  await removeTree(fs, path)
  await fs.syncDirectory(feed.store.directory)
  await feed.advance()
  return isOurs
}

async function append(feed: DriveFeed, journal: Journal): Promise<void> {
  const { blobs, db } = journal.head
  const cores = [
    { core: feed.open.blobs, part: blobs },
    { core: feed.db, part: db }
  ]
  for (const { core, part } of cores) {
    if (core.length < part.start) throw behind(part.start, core.length)
  }
  const blocks = journal.blocks()
  for (const { core, part } of cores) {
    let index = part.start
    for await (const group of inGroups(blocks, part.blocks)) {
      const missing = group.slice(Math.max(0, core.length - index))
      index += group.length
      if (missing.length > 0) await core.append(missing)
    }
  }
}

/** Not simply with a core's `clear`: what stays must still be provable to others. */
async function freeUnused(feed: DriveFeed, ranges: readonly [number, number][]): Promise<void> {
  for (const [offset, length] of ranges)
    await freeBlocks(feed.open.blobs, { offset, length }, length * BLOCK_SIZE, false)
  if (ranges.length > 0) await feed.store.reclaim()
}

async function* inGroups(blocks: AsyncGenerator<Uint8Array>, count: number): AsyncGenerator<Uint8Array[]> {
  for (let left = count; left > 0; ) {
    const group: Uint8Array[] = []
    while (group.length < Math.min(APPEND_SIZE, left)) group.push((await blocks.next()).value as Uint8Array)
    left -= group.length
    yield group
  }
}

/**
 * A publisher that has less of its feed than it had before (a restored disk, a new machine) would sign a second history:
 * it appends only on top of a whole db, at the end of a publish, and of everything that it was shown a signed head of.
 * What peers merely claim does not count: a liar could stop every publish.
 */
async function refuseToFork(feed: DriveFeed): Promise<void> {
  if (feed.conflict !== null) {
    throw new ChasquiError('FEED_CONFLICT', 'the feed is frozen: two signed histories of it were seen', {
      hint: 'start a new feed with "publisher keys rotate feed"'
    })
  }
  const { drive, blobs } = feed.open
  const { db, heard } = feed
  const heardDb = Math.max(HEADER, heard.db)
  if (db.length < heardDb || db.contiguousLength < db.length) throw behind(heardDb, db.contiguousLength)
  const end = db.length === HEADER ? { blobs: 0 } : await endOfPublish(drive, db.length)
  if (end === null) {
    throw new ChasquiError('FEED_BEHIND', 'the feed here ends in the middle of a publish', { hint: CATCH_UP })
  }
  const heardBlobs = Math.max(end.blobs, heard.blobs)
  if (blobs.length < heardBlobs) throw behind(heardBlobs, blobs.length)
}

function behind(expected: number, found: number): ChasquiError {
  return new ChasquiError(
    'FEED_BEHIND',
    `the feed here has ${found} blocks, ${expected} were published before`,
    {
      hint: CATCH_UP
    }
  )
}

/** Where the packs among these paths are: their room is given back when they are removed. */
async function packBlocks(feed: DriveFeed, paths: readonly string[]): Promise<BlockRange[]> {
  const snapshot = await feed.snapshot()
  const packs = paths.map(drivePath).filter((path) => !isRequired(path))
  const ranges = await Promise.all(packs.map((path) => snapshot?.blocks(path)))
  return ranges.filter((range) => range !== null && range !== undefined)
}
