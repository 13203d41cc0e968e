// What a feed cannot be used without: metadata and release files, everything but packs. They go wherever its head goes.
import type { BlockRange, FeedSnapshot } from '../feed/types.ts'
import { isRequired } from '../feed/usable-version.ts'

/** Where they are in the blobs core. */
export async function smallFiles(snapshot: Pick<FeedSnapshot, 'files'> | null): Promise<BlockRange[]> {
  const files = (await snapshot?.files('/')) ?? []
  return files.filter(({ path }) => isRequired(path)).map(({ blocks }) => blocks)
}
