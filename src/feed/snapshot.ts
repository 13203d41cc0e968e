// Reads one version of a feed. Every read is `wait: false`: a block that is not here is BLOCK_MISSING, never a wait.
import type Hypercore from 'hypercore'
import type Hyperdrive from 'hyperdrive'
import { ChasquiError } from '../errors.ts'
import { COMPRESSION_OVERHEAD, decompress, isCompressed } from './metadata-files.ts'
import type { BlockRange, FeedFile, FeedSnapshot, FeedSource } from './types.ts'

/** Every block of a file but its last has this size, FORMAT 8. */
export const BLOCK_SIZE = 64 * 1024 // bytes

export interface OpenFeed {
  drive: Hyperdrive
  blobs: Hypercore
}

/** Does `work` with the open feed, and once more when the feed was opened anew in the middle of it. */
export type ReadFeed = <T>(work: (feed: OpenFeed) => Promise<T>) => Promise<T>

/** A version of the feed as a snapshot. Opens nothing that has to be closed. */
export function readVersion(readFeed: ReadFeed, version: number): FeedSnapshot {
  const find = (path: string) => readFeed((feed) => findBlob(feed, version, path))
  const readBlob = (path: string, blob: Hyperdrive.BlobId, position: number, length: number) =>
    readFeed((feed) => readBytes(feed, path, blob, position, length))
  return {
    version,
    async read(path, { limit }) {
      const blob = await find(path)
      if (blob === null) return null
      const compressed = isCompressed(drivePath(path))
      if (blob.byteLength > limit + (compressed ? COMPRESSION_OVERHEAD : 0)) {
        throw new ChasquiError('FILE_TOO_LARGE', `${path} in the feed is larger than ${limit} bytes`)
      }
      const stored = await readBlob(path, blob, 0, blob.byteLength)
      return compressed ? decompress(path, stored, limit) : stored
    },
    async size(path) {
      return (await find(path))?.byteLength ?? null
    },
    async source(path): Promise<FeedSource> {
      const blob = await find(path)
      if (blob === null) throw noFile(path)
      return {
        size: blob.byteLength,
        read: (position, length) => readBlob(path, blob, position, length)
      }
    },
    async blocks(path) {
      const blob = await find(path)
      return blob === null ? null : rangeOf(blob)
    },
    async has(path) {
      const blob = await find(path)
      return blob !== null && (await readFeed(({ blobs }) => hasRange(blobs, rangeOf(blob))))
    },
    list: async (folder) => {
      const files = await readFeed((feed) => listFiles(feed, version, folder))
      return files.map(({ path }) => path)
    },
    files: (folder) => readFeed((feed) => listFiles(feed, version, folder)),
    changed: (folder, since) => readFeed((feed) => changedFiles(feed, version, folder, since))
  }
}

/** A path as the drive has it, with its leading slash. */
export function drivePath(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

export function noFile(path: string): ChasquiError {
  return new ChasquiError('FEED_NO_FILE', `the feed has no ${path}`)
}

/** Where a file is in the blobs core. */
export function rangeOf(blob: Hyperdrive.BlobId): BlockRange {
  return { offset: blob.blockOffset, length: blob.blockLength }
}

/** Is every block of the range here? */
export async function hasRange(core: Hypercore, { offset, length }: BlockRange): Promise<boolean> {
  return length === 0 || core.has(offset, offset + length)
}

async function findBlob(
  { drive }: OpenFeed,
  version: number,
  path: string
): Promise<Hyperdrive.BlobId | null> {
  const entry = await drive.entry(path, { wait: false, checkout: version }).catch((cause: unknown) => {
    throw missingBlock(path, cause)
  })
  return entry?.value.blob ?? null
}

async function listFiles({ drive }: OpenFeed, version: number, folder: string): Promise<FeedFile[]> {
  const files: FeedFile[] = []
  try {
    for await (const { key, value } of drive.list(folder, { wait: false, checkout: version })) {
      files.push({ path: key, blocks: value.blob === null ? NOTHING : rangeOf(value.blob) })
    }
  } catch (cause) {
    throw missingBlock(folder, cause)
  }
  return files
}

const NOTHING: BlockRange = { offset: 0, length: 0 }

async function changedFiles(
  { drive }: OpenFeed,
  version: number,
  folder: string,
  since: number
): Promise<string[]> {
  const paths: string[] = []
  const checkout = drive.checkout(version)
  try {
    for await (const { left, right } of checkout.diff(since, folder, { wait: false })) {
      paths.push((left ?? right)?.key ?? folder)
    }
  } catch (cause) {
    throw missingBlock(folder, cause)
  } finally {
    await checkout.close()
  }
  return paths
}

async function readBytes(
  { blobs }: OpenFeed,
  path: string,
  blob: Hyperdrive.BlobId,
  position: number,
  length: number
): Promise<Uint8Array> {
  const end = Math.min(position + length, blob.byteLength)
  const parts: Uint8Array[] = []
  for (let at = position; at < end; ) {
    const index = Math.floor(at / BLOCK_SIZE)
    const block = await blobs.get(blob.blockOffset + index, { wait: false })
    if (block === null) throw missingBlock(path)
    if (block.length !== Math.min(BLOCK_SIZE, blob.byteLength - index * BLOCK_SIZE)) {
      throw new ChasquiError('FEED_DAMAGED', `a block of ${path} has the wrong size`)
    }
    const part = block.subarray(at - index * BLOCK_SIZE, end - index * BLOCK_SIZE)
    parts.push(part)
    at += part.length
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
}

function missingBlock(path: string, cause?: unknown): ChasquiError {
  const code = (cause as { code?: string } | undefined)?.code
  if (cause !== undefined && code !== 'BLOCK_NOT_AVAILABLE' && !(cause instanceof TypeError)) {
    return new ChasquiError('FEED_DAMAGED', `the feed cannot be read at ${path}: ${String(cause)}`, { cause })
  }
  return new ChasquiError('BLOCK_MISSING', `${path} is not (or not whole) on this machine yet`, {
    cause,
    hint: 'it comes from a peer or a stick'
  })
}
