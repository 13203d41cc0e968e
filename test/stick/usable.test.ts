// A feed looks for a newer version by itself while a stick is being read: what it waits for then comes by the stick, not by
// a peer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportAll, holdsReleases, importAll, publish } from './scene.ts'
import { openTestHome, temporaryFolder } from './support.ts'

test('a version that waits for peers is usable as soon as the stick brought the rest', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  const { feed, drive } = branch
  const seen: boolean[] = []
  const flush = async () => {
    // every block is here, and nothing had the time to tell the feed
    seen.push(await holdsReleases(branch, 1))
  }
  const db = new Proxy(feed.db, { get: (core, name) => (name === 'flush' ? flush : Reflect.get(core, name)) })
  const blobs = async () => {
    const core = await feed.blobs()
    await drive.advance()
    return core
  }
  await importAll({ ...branch, feed: { db, blobs } }, stick)
  assert.deepEqual(seen, [true])
})
