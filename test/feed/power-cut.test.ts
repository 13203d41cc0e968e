// A power cut at the publisher in the middle of a publish, with a branch online that has already seen the blocks: what
// was not synced is gone, and the same bytes are appended again, so that nothing forks.
import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Store } from '../../src/feed/store.ts'
import {
  closeFeed,
  connect,
  never,
  openBranch,
  openPublisher,
  temporaryFolder,
  text,
  usable
} from './support.ts'

const pack = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251))
const second = {
  put: [
    { path: '/packs/2', bytes: pack },
    { path: '/t', bytes: text('2') }
  ],
  remove: ['/old']
}

interface Scene {
  folder: string
  /** copy of the store's database as it was synced before the publish */
  synced: string
  database: string
}

async function publisherWithOneRelease(t: TestContext): Promise<Scene> {
  const folder = await temporaryFolder(t)
  const publisher = await openPublisher(t, join(folder, 'p'))
  await publisher.writer.publish({
    put: [
      { path: '/old', bytes: text('1') },
      { path: '/t', bytes: text('1') }
    ],
    remove: []
  })
  await closeFeed(publisher.feed)
  const scene = { folder, synced: join(folder, 'synced'), database: join(folder, 'p', 'cores', 'db') }
  await cp(scene.database, scene.synced, { recursive: true })
  return scene
}

async function losePower(scene: Scene): Promise<void> {
  for (const name of await readdir(scene.database)) await rm(join(scene.database, name), { recursive: true })
  await cp(scene.synced, scene.database, { recursive: true })
}

/** A store on which the sync after the append never happens: the process is gone by then. */
function withoutSync(store: Store): Store {
  return { ...store, flush: () => Promise.reject(new Error('power cut')) }
}

test('a branch that saw the blocks before the cut sees the same blocks after it', async (t) => {
  const scene = await publisherWithOneRelease(t)
  const cut = await openPublisher(t, join(scene.folder, 'p'), { wrap: withoutSync })
  const branch = await openBranch(t, join(scene.folder, 'b'), cut.feed.key)
  const disconnect = connect(cut.feed, branch)
  await usable(branch, 3)
  const publishing = cut.writer.publish(second)
  await assert.rejects(publishing, { code: 'PUBLISH_INTERRUPTED' })
  const seen = await usable(branch, 6)
  await branch.fetch(['/packs/2'], { signal: never })
  await disconnect()
  await closeFeed(cut.feed)
  await losePower(scene)

  const again = await openPublisher(t, join(scene.folder, 'p'))
  assert.deepEqual(again.feed.length(), { ...branch.length(), here: 6 })
  for (const name of ['db', 'blobs'] as const) {
    const [ours, theirs] = [again.feed.cores[name], branch.cores[name]]
    assert.deepEqual(await ours?.head(), await theirs?.head(), name)
    for (let i = 0; i < (ours?.length ?? 0); i++) {
      const block = await theirs?.block(i)
      if (block !== null) assert.deepEqual(await ours?.block(i), block)
    }
  }
  connect(again.feed, branch)
  const third = await again.writer.publish({ put: [{ path: '/t', bytes: text('3') }], remove: [] })
  const snapshot = await usable(branch, third.version)
  assert.deepEqual(await snapshot.read('/t', { limit: 9 }), text('3'))
  assert.deepEqual(await seen.read('/t', { limit: 9 }), text('2'))
  assert.equal(branch.conflict, null)
  assert.equal(again.feed.conflict, null)
  await closeFeed(branch)
  await closeFeed(again.feed)
})

/** What the cut leaves of the journal, and what must come of it. */
const journals: { name: string; damage(path: string): Promise<void>; version: number }[] = [
  { name: 'whole', damage: async () => undefined, version: 6 },
  { name: 'without its last byte', damage: (path) => cutFile(path, 1), version: 3 },
  { name: 'half', damage: (path) => cutFile(path, 150_000), version: 3 },
  { name: 'empty', damage: (path) => truncate(path, 0), version: 3 },
  { name: 'with a flipped byte', damage: flipByte, version: 3 }
]

async function cutFile(path: string, bytes: number): Promise<void> {
  await truncate(path, (await stat(path)).size - bytes)
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[1000] = (bytes[1000] ?? 0) ^ 1
  await writeFile(path, bytes)
}

for (const { name, damage, version } of journals) {
  test(`a journal that is ${name} after the cut gives version ${version}`, async (t) => {
    const scene = await publisherWithOneRelease(t)
    const cut = await openPublisher(t, join(scene.folder, 'p'), { wrap: withoutSync })
    await assert.rejects(cut.writer.publish(second), { code: 'PUBLISH_INTERRUPTED' })
    await closeFeed(cut.feed)
    await losePower(scene)
    const journal = join(scene.folder, 'p', 'publish.journal')
    await damage(journal)
    const again = await openPublisher(t, join(scene.folder, 'p'))
    assert.equal((await again.feed.snapshot())?.version, version)
    await assert.rejects(stat(journal), { code: 'ENOENT' })
    const next = await again.writer.publish(second)
    assert.equal((await again.feed.snapshot())?.version, next.version)
    await closeFeed(again.feed)
  })
}

test('a cut between the blobs and the entries leaves the old version, and the rest is appended', async (t) => {
  const scene = await publisherWithOneRelease(t)
  const cut = await openPublisher(t, join(scene.folder, 'p'))
  const append = cut.feed.db.append.bind(cut.feed.db)
  cut.feed.db.append = () => Promise.reject(new Error('power cut'))
  await assert.rejects(cut.writer.publish(second), { code: 'PUBLISH_INTERRUPTED' })
  assert.equal((await cut.feed.snapshot())?.version, 3)
  cut.feed.db.append = append
  await closeFeed(cut.feed)
  const again = await openPublisher(t, join(scene.folder, 'p'))
  const snapshot = await again.feed.snapshot()
  assert.equal(snapshot?.version, 6)
  assert.deepEqual(Buffer.from((await snapshot?.read('/packs/2', { limit: 1e6 })) ?? []), pack)
  await closeFeed(again.feed)
})

test('what was made before a cut publish was finished is not appended on top of it', async (t) => {
  const scene = await publisherWithOneRelease(t)
  const { feed, writer } = await openPublisher(t, join(scene.folder, 'p'))
  const append = feed.db.append.bind(feed.db)
  const cutOnce = async (): Promise<void> => {
    feed.db.append = () => Promise.reject(new Error('ENOSPC'))
    await assert.rejects(writer.publish(second), { code: 'PUBLISH_INTERRUPTED' })
    feed.db.append = append
  }
  const third = { put: [{ path: '/t', bytes: text('3') }], remove: [] }
  await cutOnce()
  await assert.rejects(writer.publish(third), { code: 'PUBLISH_INTERRUPTED', hint: /run this command again/ })
  assert.deepEqual(await (await feed.snapshot())?.read('/t', { limit: 9 }), text('2'))
  await writer.publish(third)
  await cutOnce()
  await writer.settle()
  assert.deepEqual(await (await feed.snapshot())?.read('/t', { limit: 9 }), text('2'))
  const { version } = await writer.publish(third)
  assert.equal((await feed.snapshot())?.version, version)
  await closeFeed(feed)
})

test('packs that a cut publish gives up go when it is finished', async (t) => {
  const scene = await publisherWithOneRelease(t)
  const { feed, writer } = await openPublisher(t, join(scene.folder, 'p'))
  await writer.publish(second)
  const { offset, length } = (await (await feed.snapshot())?.blocks('/packs/2')) ?? { offset: 0, length: 0 }
  const append = feed.db.append.bind(feed.db)
  feed.db.append = () => Promise.reject(new Error('ENOSPC'))
  const removing = writer.publish({ put: [{ path: '/t', bytes: text('3') }], remove: ['packs/2'] })
  await assert.rejects(removing, { code: 'PUBLISH_INTERRUPTED' })
  feed.db.append = append
  assert.equal(await feed.open.blobs.has(offset, offset + length), true)
  await writer.settle()
  const left = await Promise.all(Array.from({ length }, (_, i) => feed.open.blobs.has(offset + i)))
  assert.ok(length > 2 && left.filter(Boolean).length <= 1)
  assert.equal((await feed.snapshot())?.version, feed.db.length)
  await closeFeed(feed)
})

test('what is left of a publish in a feed that was put back is finished once the feed has caught up', async (t) => {
  const scene = await publisherWithOneRelease(t)
  const publisher = await openPublisher(t, join(scene.folder, 'p'))
  const branch = await openBranch(t, join(scene.folder, 'b'), publisher.feed.key)
  const disconnect = connect(publisher.feed, branch)
  const { version } = await publisher.writer.publish(second)
  await usable(branch, version)
  await disconnect()
  const append = publisher.feed.db.append.bind(publisher.feed.db)
  publisher.feed.db.append = () => Promise.reject(new Error('power cut'))
  const third = { put: [{ path: '/t', bytes: text('3') }], remove: [] }
  await assert.rejects(publisher.writer.publish(third), { code: 'PUBLISH_INTERRUPTED' })
  publisher.feed.db.append = append
  await closeFeed(publisher.feed)
  await losePower(scene)
  const { feed, writer } = await openPublisher(t, join(scene.folder, 'p'))
  await writer.settle()
  assert.ok(feed.db.length < version)
  connect(feed, branch)
  await usable(feed, version)
  await assert.rejects(writer.publish({ ...third, put: [{ path: '/t', bytes: text('4') }] }), {
    code: 'PUBLISH_INTERRUPTED'
  })
  assert.deepEqual(await (await feed.snapshot())?.read('/t', { limit: 9 }), text('3'))
  await closeFeed(feed)
})

test('a publish that fails before its journal is synced leaves nothing, and the next one works', async (t) => {
  const scene = await publisherWithOneRelease(t)
  const publisher = await openPublisher(t, join(scene.folder, 'p'))
  const missing = { put: [{ path: '/x', file: join(scene.folder, 'none') }], remove: [] }
  await assert.rejects(publisher.writer.publish(missing), { code: 'FILE_UNREADABLE' })
  const { version } = await publisher.writer.publish(second)
  assert.equal(version, 6)
  await closeFeed(publisher.feed)
})
