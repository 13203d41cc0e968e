// A branch that reads a publisher's feed with a store of its own, to the last file.
import type { PublisherApp } from '../../publisher/app.ts'
import { feedMetadataSource } from '../../src/feed/tuf-files.ts'
import type { FeedSnapshot } from '../../src/feed/types.ts'
import { refreshTrust } from '../../src/trust/refresh.ts'
import { verifyTarget } from '../../src/trust/trust.ts'
import type { MemoryStore } from '../trust/test-fleet.ts'

/** Takes the newest version of the feed, or another one; the versions of all releases, in order. */
export async function takes(app: PublisherApp, store: MemoryStore, other?: FeedSnapshot): Promise<string[]> {
  const snapshot = other ?? ((await app.feed.snapshot()) as FeedSnapshot)
  const trust = await refreshTrust({
    store,
    source: feedMetadataSource(snapshot),
    now: app.now(),
    fleetId: app.fleet.id
  })
  for (const path of ['channels.json', 'fleet/revoked.json']) {
    const target = await trust.target(path)
    const bytes = await snapshot.read(path, { limit: 1_000_000 })
    if (target !== null) verifyTarget(target, bytes as Uint8Array)
  }
  return (await trust.listReleases()).map(({ version }) => version)
}
