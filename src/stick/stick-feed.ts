// A feed as the stick sees it: two cores of blocks, and which version of it can be read.
import type { Feed } from '../feed/types.ts'
import type { StickFeed } from './home.ts'

export function stickFeed(feed: Feed): StickFeed {
  return {
    get db() {
      return feed.cores.db
    },
    blobs: () => feed.openBlobs(),
    snapshot: () => feed.snapshot()
  }
}
