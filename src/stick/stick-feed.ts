// A feed as the stick sees it: two cores of blocks.
import { setTimeout as delay } from 'node:timers/promises'
import type { Feed } from '../feed/types.ts'
import type { StickFeed } from './home.ts'

const OPENING = 5000 // milliseconds that the blobs core may take to open once the db core's manifest is known

export function stickFeed(feed: Feed): StickFeed {
  return {
    get db() {
      return feed.cores.db
    },
    async blobs() {
      if ((await feed.cores.db.manifest()) === null) return null
      for (let waited = 0; feed.cores.blobs === null && waited < OPENING; waited += 10) await delay(10)
      return feed.cores.blobs
    }
  }
}
