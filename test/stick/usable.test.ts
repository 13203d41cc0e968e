// A feed looks for a newer version by itself while a stick is being read: what it waits for then comes by the stick, not by
// a peer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportAll, holdsReleases, importAll, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder } from './support.ts'

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
  await importAll({ ...branch, feed: { ...feed, db, blobs } }, stick)
  assert.deepEqual(seen, [true])
})

const withoutFiles = ({ feed }: TestHome) => ({
  version: feed.db.length,
  files: async () => []
})

for (const held of [0, 1]) {
  test(`a branch that holds ${held || 'nothing'} takes the newest release that is whole, though a later head came along`, async (t) => {
    const publisher = await openTestHome(t, { seed: 1 })
    const branch = await openTestHome(t, { key: publisher.feed.db.key })
    await publish(publisher, 1)
    const first = await temporaryFolder(t)
    await exportAll(publisher, first)
    if (held > 0) await importAll(branch, first)
    await publish(publisher, 2)
    const stick = await temporaryFolder(t)
    await exportAll(publisher, stick)
    for (const later of [3, 4]) await publish(publisher, later)
    // a writer that has the newest head and none of its files
    const headOnly = {
      ...publisher,
      feed: { ...publisher.feed, snapshot: async () => withoutFiles(publisher) }
    }
    await exportAll(headOnly, stick, tools, { modules: ['x'], channel: null, branches: [], latest: false })
    await importAll(branch, stick)
    assert.ok(await holdsReleases(branch, 2))
    assert.equal(await branch.read('/releases/m/default/3/release.json'), null)
    const newest = await temporaryFolder(t)
    await exportAll(publisher, newest)
    await importAll(branch, newest)
    assert.ok(await holdsReleases(branch, 4))
  })
}
