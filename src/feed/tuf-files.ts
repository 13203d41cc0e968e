// Where trust metadata stands in the feed, and how the trust workflow reads it from there.
import type { FeedSnapshot } from './types.ts'

/** The drive path of a metadata file, `5.snapshot.json` → `/tuf/5.snapshot.json`. */
export function tufPath(name: string): string {
  return `/tuf/${name}`
}

/** Reads trust metadata out of one version of the feed; names as in TUF (`timestamp.json`, `2.root.json`). */
export function feedMetadataSource(snapshot: FeedSnapshot): {
  /** The raw metadata bytes, or null when there is no such file. Throws FILE_TOO_LARGE, FEED_DAMAGED, BLOCK_MISSING. */
  read(name: string, limit: number): Promise<Uint8Array | null>
} {
  return { read: (name, limit) => snapshot.read(tufPath(name), { limit }) }
}
