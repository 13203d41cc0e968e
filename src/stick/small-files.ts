// What a feed cannot be used without: metadata and release files, everything but packs. They go wherever its head goes.
import type { FeedSnapshot } from '../feed/types.ts'
import { isRequired } from '../feed/usable-head.ts'
import type { BlockRange } from './home.ts'

/** Where they are in the blobs core. */
export async function smallFiles(
  snapshot: Pick<FeedSnapshot, 'list' | 'blocks'> | null
): Promise<BlockRange[]> {
  const ranges: BlockRange[] = []
  for (const path of (await snapshot?.list('/')) ?? []) {
    const range = isRequired(path) ? ((await snapshot?.blocks(path)) ?? null) : null
    if (range !== null) ranges.push(range)
  }
  return ranges
}
