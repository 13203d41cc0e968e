// The moment in which a publisher's home changes to the next feed. What the state says decides, so that a cut between two key
// files does not leave a home with the key of one feed and the encryption key of the other.
import type { DriveFeed } from '../../src/feed/feed.ts'
import { openWriter } from '../../src/feed/writer.ts'
import type { HomePaths } from '../../src/system/home.ts'
import type { KeyStore } from '../../src/system/key-store.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import type { StateStore } from '../../src/system/state.ts'
import type { PublisherApp } from '../app.ts'
import { NOT_RESTORED } from '../restored.ts'
import { settleKey } from './change.ts'

const MOVING = 'feed/moving'

/** Public keys (hex) that belong together. */
export interface FeedKeys {
  feed: string
  encryption: string
  /** when the online keys were replaced as well */
  online?: string
}

interface Home {
  keys: KeyStore
  paths: HomePaths
  state: StateStore
}

/** Ends a change of feeds that was cut; to be called before the keys are used. */
export async function finishMove(home: Home): Promise<void> {
  const keys = (await home.state.get(MOVING)) as FeedKeys | undefined
  if (keys === undefined) return
  for (const role of ['feed', 'encryption', 'online'] as const) {
    if (keys[role] === undefined) continue
    const formers = (await home.keys.list()).filter(
      (file) => file.role === role && file.public !== keys[role]
    )
    // without a former one the new key still takes its place
    for (const former of [...formers.map((file) => file.public), '']) await settleKey(home, role, former)
  }
  await home.state.put({ [MOVING]: null })
}

/** The keys change places, then the running parts of the home do. */
export async function goToFeed(app: PublisherApp, keys: FeedKeys, next: { feed: DriveFeed }): Promise<void> {
  await app.state.put({ [MOVING]: keys, ...NOT_RESTORED })
  await finishMove(app)
  const writer = await openWriter(next.feed, realFileSystem)
  await app.aroundMove(async () => {
    const former = app.feed
    app.feed = next.feed
    app.writer = writer
    await former.close()
  })
  await app.fleet.view()
}
