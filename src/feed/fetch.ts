// Files of the usable version: what of them is not here, and getting it from peers.
import { ChasquiError } from '../errors.ts'
import { bulkCore, type FetchBlocks } from './bulk-core.ts'
import { downloadBlocks } from './download.ts'
import { BLOCK_SIZE, noFile, type OpenFeed } from './snapshot.ts'
import type { Feed, FetchFilesOptions } from './types.ts'
import { collectMissing } from './usable-version.ts'

type FetchingFeed = Pick<Feed, 'conflict' | 'fetcher' | 'snapshot'> & { readonly open: OpenFeed }

/** Gets the files' blocks that are not here. Throws FEED_NO_FILE, FEED_CONFLICT, FEED_EMPTY, CANCELLED. */
export async function fetchFiles(
  feed: FetchingFeed,
  paths: readonly string[],
  { signal, isCritical = false, onProgress }: FetchFilesOptions
): Promise<void> {
  const missing = await missingBlocks(feed, paths)
  const total = await missingBytes(feed, paths)
  let done = 0
  const onBlock = () => {
    done = Math.min(done + BLOCK_SIZE, total) // the last block of a file is rarely full
    onProgress?.({ done, total })
  }
  const get: FetchBlocks =
    feed.fetcher ?? ((_core, indexes, how) => downloadBlocks(feed.open.blobs, indexes, how))
  await get(bulkCore(feed.open.blobs), missing, { signal, isCritical, onBlock }).catch((cause: unknown) => {
    if (feed.conflict === null) throw cause
    throw new ChasquiError('FEED_CONFLICT', 'the feed was frozen: two signed histories of it were seen', {
      cause
    })
  })
}

/** Bytes of these files that are not here. Throws FEED_NO_FILE. */
export async function missingBytes(feed: FetchingFeed, paths: readonly string[]): Promise<number> {
  const snapshot = await feed.snapshot()
  let bytes = 0
  for (const path of paths) {
    const blocks = await missingBlocks(feed, [path])
    bytes += Math.min(blocks.length * BLOCK_SIZE, (await snapshot?.size(path)) ?? 0)
  }
  return bytes
}

/** Indexes of the files' blocks in the blobs core that are not here. Throws FEED_NO_FILE. */
export async function missingBlocks(feed: FetchingFeed, paths: readonly string[]): Promise<number[]> {
  const snapshot = await feed.snapshot()
  const missing: number[] = []
  for (const path of paths) {
    const range = await snapshot?.blocks(path)
    if (range === undefined || range === null) throw noFile(path)
    await collectMissing(feed.open.blobs, range, missing)
  }
  return missing
}
