// A feed at its publisher and at its branches: versions, reads, fetching, closing and opening again.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
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

const pack = Buffer.alloc(200_000, 'pack')

test('a publish is one step: a branch sees all of it or nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const publisher = await openPublisher(t, join(folder, 'p'))
  const branch = await openBranch(t, join(folder, 'b'), publisher.feed.key)
  assert.equal(await branch.snapshot(), null)
  connect(publisher.feed, branch)
  const first = await publisher.writer.publish({
    put: [
      { path: '/a', bytes: text('a1') },
      { path: '/b', bytes: text('b1') }
    ],
    remove: []
  })
  const one = await usable(branch, first.version)
  const second = await publisher.writer.publish({
    put: [{ path: '/b', bytes: text('b2') }],
    remove: ['/a']
  })
  const two = await usable(branch, second.version)
  const limit = 100
  assert.deepEqual(await one.read('/a', { limit }), text('a1'))
  assert.deepEqual(await one.read('b', { limit }), text('b1'))
  assert.equal(await two.read('/a', { limit }), null)
  assert.deepEqual(await two.read('/b', { limit }), text('b2'))
  assert.deepEqual(await one.list('/'), ['/a', '/b'])
  assert.deepEqual(await two.list('/'), ['/b'])
  for (const snapshot of [one, two]) {
    for (const { path, blocks } of await snapshot.files('/'))
      assert.deepEqual(blocks, await snapshot.blocks(path))
    assert.deepEqual(
      (await snapshot.files('/')).map(({ path }) => path),
      await snapshot.list('/')
    )
  }
  await closeFeed(branch)
  await closeFeed(publisher.feed)
})

test('a pack is fetched when it is asked for, and never waited for by a read', async (t) => {
  const folder = await temporaryFolder(t)
  const publisher = await openPublisher(t, join(folder, 'p'))
  const branch = await openBranch(t, join(folder, 'b'), publisher.feed.key)
  const { version } = await publisher.writer.publish({
    put: [
      { path: '/packs/1', bytes: pack },
      { path: '/t', bytes: text('t') }
    ],
    remove: []
  })
  connect(publisher.feed, branch)
  const snapshot = await usable(branch, version)
  const source = await snapshot.source('/packs/1')
  assert.equal(source.size, pack.length)
  await assert.rejects(source.read(0, 10), { code: 'BLOCK_MISSING' })
  assert.equal(await snapshot.has('/packs/1'), false)
  assert.equal(await branch.missing(['/packs/1']), pack.length)
  const progress: number[] = []
  await branch.fetch(['/packs/1'], { signal: never, onProgress: ({ done }) => progress.push(done) })
  assert.equal(progress.at(-1), pack.length)
  assert.deepEqual(await source.read(0, pack.length), pack)
  assert.deepEqual(await source.read(65_530, 70_000), pack.subarray(65_530, 135_530))
  assert.deepEqual(await source.read(199_990, 100), pack.subarray(199_990))
  assert.equal(await branch.missing(['/packs/1']), 0)
  await assert.rejects(branch.fetch(['/packs/2'], { signal: never }), { code: 'FEED_NO_FILE' })
  await assert.rejects(snapshot.read('/packs/1', { limit: 100 }), { code: 'FILE_TOO_LARGE' })
  await closeFeed(branch)
  await closeFeed(publisher.feed)
})

test('a fetch without a peer can be stopped', async (t) => {
  const folder = await temporaryFolder(t)
  const publisher = await openPublisher(t, join(folder, 'p'))
  const branch = await openBranch(t, join(folder, 'b'), publisher.feed.key)
  const { version } = await publisher.writer.publish({
    put: [
      { path: '/packs/1', bytes: pack },
      { path: '/t', bytes: text('t') }
    ],
    remove: []
  })
  const cut = connect(publisher.feed, branch)
  await usable(branch, version)
  await cut()
  const abort = new AbortController()
  const fetching = branch.fetch(['/packs/1'], { signal: abort.signal })
  abort.abort()
  await assert.rejects(fetching, { code: 'CANCELLED' })
  await closeFeed(branch)
  await closeFeed(publisher.feed)
})

test('a branch that starts again has its version at once, offline, and goes on from it', async (t) => {
  const folder = await temporaryFolder(t)
  const publisher = await openPublisher(t, join(folder, 'p'))
  const { version } = await publisher.writer.publish({ put: [{ path: '/a', bytes: text('1') }], remove: [] })
  const first = await openBranch(t, join(folder, 'b'), publisher.feed.key)
  connect(publisher.feed, first)
  await usable(first, version)
  await closeFeed(first)
  const again = await openBranch(t, join(folder, 'b'), publisher.feed.key)
  const snapshot = await again.snapshot()
  assert.equal(snapshot?.version, version)
  assert.deepEqual(await snapshot?.read('/a', { limit: 9 }), text('1'))
  const next = await publisher.writer.publish({ put: [{ path: '/a', bytes: text('2') }], remove: [] })
  connect(publisher.feed, again)
  await usable(again, next.version)
  await closeFeed(again)
  await closeFeed(publisher.feed)
})

test('an empty file, a file of one block and one byte more are read back', async (t) => {
  const folder = await temporaryFolder(t)
  const publisher = await openPublisher(t, join(folder, 'p'))
  const sizes = [0, 1, 65_535, 65_536, 65_537, 300_000]
  const put = sizes.map((size) => ({ path: `/f${size}`, bytes: Buffer.alloc(size, 'x') }))
  await publisher.writer.publish({ put, remove: [] })
  const snapshot = await publisher.feed.snapshot()
  for (const { path, bytes } of put) {
    assert.deepEqual(Buffer.from((await snapshot?.read(path, { limit: 400_000 })) ?? []), bytes, path)
    assert.equal(await snapshot?.has(path), true)
  }
  await closeFeed(publisher.feed)
})

test('both replicators of a branch refuse forks', async (t) => {
  const folder = await temporaryFolder(t)
  const publisher = await openPublisher(t, join(folder, 'p'))
  await publisher.writer.publish({ put: [{ path: '/a', bytes: text('1') }], remove: [] })
  const branch = await openBranch(t, join(folder, 'b'), publisher.feed.key)
  connect(publisher.feed, branch)
  await usable(branch, 2)
  for (const core of [branch.db, branch.open.blobs, branch.open.drive.core]) {
    assert.equal(core.core.replicator.allowFork, false)
  }
  const blobs = await branch.open.drive.getBlobs()
  assert.equal(blobs.core.core.replicator.allowFork, false)
  await closeFeed(branch)
  await closeFeed(publisher.feed)
})
