// The exact blocks of a publish, for the blobs and for the db, from the files that it puts.
import type Hyperdrive from 'hyperdrive'
import { ChasquiError } from '../errors.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { DriveFeed } from './feed.ts'
import { compress, isCompressed } from './metadata-files.ts'
import { BLOCK_SIZE, drivePath } from './snapshot.ts'
import type { FeedSource } from './types.ts'
import type { EndOfPublish } from './usable-version.ts'

/** One file of a publish (metadata is compressed on the way); `file` names one on disk, which must not change. */
export type LocalFile = { path: string } & ({ bytes: Uint8Array } | { file: string })
/** `source`: out of another feed. */
export type PutFile = LocalFile | { path: string; source: FeedSource }

export interface MeasuredFile {
  put: PutFile
  /** bytes */
  size: number
  blocks: number
}

/** What a file takes in the feed, compressed if it is metadata. Throws FILE_UNREADABLE. */
export async function measure(fs: FileSystem, given: PutFile): Promise<MeasuredFile> {
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
export async function encodeEntries(
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

/** The blocks of the blobs core, then those of the db, in the order in which they are appended. Throws FILE_CHANGED. */
export async function* allBlocks(
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
