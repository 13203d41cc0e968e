// Appends a publish to the publisher's own feed: journal, blobs, then the entries in one db append, which is the moment
// when readers see it. Only one process has the home, and only one publish runs at a time.
import { join } from 'node:path'
import type Hyperdrive from 'hyperdrive'
import { ChasquiError } from '../errors.ts'
import { removeTree } from '../system/durable.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { DriveFeed } from './feed.ts'
import { type Journal, type JournalHead, openJournal, writeJournal } from './journal.ts'
import { compress, isCompressed } from './metadata-files.ts'
import { BLOCK_SIZE, drivePath } from './snapshot.ts'
import type { BlockRange, FeedSource } from './types.ts'
import { type EndOfPublish, endOfPublish, isRequired } from './usable-head.ts'

const JOURNAL = 'publish.journal'
const APPEND_SIZE = 64 // blocks at once
const CATCH_UP = 'run "publisher run" with a branch online, or import a stick, until the feed is whole again'
const HEADER = 1 // db blocks of a new feed: Hyperbee's header

/** One file of a publish (metadata is compressed on the way); `file` names one on disk, which must not change. */
export type LocalFile = { path: string } & ({ bytes: Uint8Array } | { file: string })
/** `source`: out of another feed. */
export type PutFile = LocalFile | { path: string; source: FeedSource }

export interface PublishChanges {
  /** At least one. */
  put: PutFile[]
  /** Paths that the new version no longer has; the bytes of packs among them are given up. */
  remove: string[]
}

export interface FeedWriter {
  /**
   * One atomic step for readers; returns when it survives a power cut.
   * Throws FEED_BEHIND, FEED_CONFLICT; PUBLISH_INTERRUPTED when it was begun and the next opening will finish it.
   */
  publish(changes: PublishChanges): Promise<{ version: number }>
  /** Throws what `publish` would throw before it begins. */
  check(): Promise<void>
}

/**
 * The writer of a feed that has a key pair. Finishes a publish that was cut, unless the feed has to catch up first.
 * `journal`: two feeds in one store need journals of their own.
 */
export async function openWriter(feed: DriveFeed, fs: FileSystem, journal = JOURNAL): Promise<FeedWriter> {
  const path = join(feed.store.directory, journal)
  await finishPublish(feed, fs, path).catch((error: unknown) => {
    if (!(error instanceof ChasquiError && error.code === 'FEED_BEHIND')) throw error
  })
  let last: Promise<unknown> = Promise.resolve()
  return {
    publish(changes) {
      const publish = last.then(() => publishNow(feed, fs, path, changes))
      last = publish.catch(() => undefined)
      return publish
    },
    check: () => last.then(() => refuseToFork(feed))
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
  await finishPublish(feed, fs, path)
  await refuseToFork(feed)
  const unused = await packBlocks(feed, changes.remove)
  const files = await Promise.all(changes.put.map((file) => measure(fs, file)))
  const entries = await encodeEntries(feed, files, changes.remove)
  const head: JournalHead = {
    feed: Buffer.from(feed.key).toString('hex'),
    blobs: { start: feed.open.blobs.length, blocks: files.reduce((sum, { blocks }) => sum + blocks, 0) },
    db: { start: feed.db.length, blocks: entries.length }
  }
  try {
    await writeJournal(fs, path, head, allBlocks(fs, files, entries))
  } catch (error) {
    await removeTree(fs, path)
    throw error
  }
  await finishPublish(feed, fs, path)
  for (const { offset, length } of unused) await feed.open.blobs.clear(offset, offset + length)
  if (unused.length > 0) await feed.store.reclaim()
  return { version: feed.db.length }
}

/** Appends what a journal holds and the cores do not, syncs, and removes the journal. */
async function finishPublish(feed: DriveFeed, fs: FileSystem, path: string): Promise<void> {
  const journal = await openJournal(fs, path)
  if (journal === null) return removeTree(fs, path)
  try {
    // one that a former feed of this home has left belongs to nobody any more
    if (journal.head.feed === Buffer.from(feed.key).toString('hex')) await append(feed, journal)
    await feed.store.flush()
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
  const packs = paths.filter((path) => !isRequired(path))
  const ranges = await Promise.all(packs.map((path) => snapshot?.blocks(path)))
  return ranges.filter((range) => range !== null && range !== undefined)
}

interface MeasuredFile {
  put: PutFile
  /** bytes */
  size: number
  blocks: number
}

async function measure(fs: FileSystem, given: PutFile): Promise<MeasuredFile> {
  const isSmall = 'bytes' in given && isCompressed(drivePath(given.path))
  const put = isSmall ? { path: given.path, bytes: compress(given.bytes) } : given
  const size = await sizeOf(fs, put)
  if (size === undefined) throw new ChasquiError('FILE_UNREADABLE', `there is no ${put.path} to publish`)
  return { put, size, blocks: Math.ceil(size / BLOCK_SIZE) }
}

async function sizeOf(fs: FileSystem, put: PutFile): Promise<number | undefined> {
  if ('bytes' in put) return put.bytes.length
  return 'source' in put ? put.source.size : (await fs.stat(put.file))?.size
}

/** The exact db blocks of the publish. */
async function encodeEntries(
  feed: DriveFeed,
  files: readonly MeasuredFile[],
  remove: readonly string[]
): Promise<Uint8Array[]> {
  const { drive, blobs } = feed.open
  const batch = drive.batch()
  try {
    for (const path of remove) await batch.del(path)
    let blockOffset = blobs.length
    const end: EndOfPublish = {
      publish: 1,
      blobs: files.reduce((length, { blocks }) => length + blocks, blockOffset)
    }
    let byteOffset = blobs.byteLength
    for (const [i, { put, size, blocks }] of files.entries()) {
      const blob = { blockOffset, blockLength: blocks, byteOffset, byteLength: size }
      await batch.putEntry(put.path, { blob, metadata: i === files.length - 1 ? end : null })
      blockOffset += blocks
      byteOffset += size
    }
    return (batch.db as Hyperdrive.BeeBatch).toBlocks()
  } finally {
    await batch.close()
  }
}

async function* allBlocks(
  fs: FileSystem,
  files: readonly MeasuredFile[],
  entries: readonly Uint8Array[]
): AsyncGenerator<Uint8Array> {
  for (const { put, size } of files) {
    if ('bytes' in put) {
      for (let at = 0; at < size; at += BLOCK_SIZE) yield put.bytes.subarray(at, at + BLOCK_SIZE)
    } else if ('source' in put) {
      for (let at = 0; at < size; at += BLOCK_SIZE) {
        yield await put.source.read(at, Math.min(BLOCK_SIZE, size - at))
      }
    } else {
      yield* fileBlocks(fs, put.file, size)
    }
  }
  yield* entries
}

async function* fileBlocks(fs: FileSystem, file: string, size: number): AsyncGenerator<Uint8Array> {
  const reader = await fs.openFile(file)
  try {
    for (let at = 0; at < size; at += BLOCK_SIZE) {
      const block = await reader.read(at, Math.min(BLOCK_SIZE, size - at))
      if (block.length < Math.min(BLOCK_SIZE, size - at)) {
        throw new ChasquiError('FILE_CHANGED', `${file} became shorter while it was published`)
      }
      yield block
    }
  } finally {
    await reader.close()
  }
}
