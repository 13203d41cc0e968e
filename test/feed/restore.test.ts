// A publisher whose disk was put back to an older state: it must not sign a second history. It appends again when it has
// everything that its branches hold.
import assert from 'node:assert/strict'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeFeed, connect, openBranch, openPublisher, temporaryFolder, text, usable } from './support.ts'

const publish = (value: string) => ({
  put: [
    { path: `/packs/${value}`, bytes: Buffer.alloc(100_000, value) },
    { path: '/t', bytes: text(value) }
  ],
  remove: []
})

for (const lost of [1, 2, 5]) {
  test(`restored from before its last ${lost} publishes, it refuses to append until it has caught up`, async (t) => {
    const folder = await temporaryFolder(t)
    const [home, database, backup] = ['p', join('p', 'cores', 'db'), 'backup'].map((name) =>
      join(folder, name)
    )
    const first = await openPublisher(t, home as string)
    await first.writer.publish(publish('0'))
    await closeFeed(first.feed)
    await cp(database as string, backup as string, { recursive: true })

    const second = await openPublisher(t, home as string)
    const branch = await openBranch(t, join(folder, 'b'), second.feed.key)
    const cut = connect(second.feed, branch)
    for (let i = 1; i <= lost; i++) await second.writer.publish(publish(String(i)))
    await usable(branch, second.feed.length().db)
    await branch.fetch([`/packs/${lost}`], { signal: new AbortController().signal })
    await cut()
    await closeFeed(second.feed)
    for (const name of await readdir(database as string))
      await rm(join(database as string, name), { recursive: true })
    await cp(backup as string, database as string, { recursive: true })

    const restored = await openPublisher(t, home as string)
    assert.equal(restored.feed.length().db, 3)
    for (const head of await branch.heads()) assert.equal(await restored.feed.compareHead(head), 'behind')
    await assert.rejects(restored.writer.publish(publish('x')), { code: 'FEED_BEHIND' })
    connect(restored.feed, branch, { heads: true })
    await usable(restored.feed, branch.length().db)
    const next = await restored.writer.publish(publish('n'))
    const snapshot = await usable(branch, next.version)
    assert.deepEqual(await snapshot.read('/t', { limit: 9 }), text('n'))
    assert.equal(branch.conflict, null)
    assert.equal(restored.feed.conflict, null)
    await closeFeed(branch)
    await closeFeed(restored.feed)
  })
}

test('a key pair on a new machine with an empty store cannot append before the feed came back', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await openPublisher(t, join(folder, 'p'))
  await first.writer.publish(publish('0'))
  const branch = await openBranch(t, join(folder, 'b'), first.feed.key)
  const cut = connect(first.feed, branch)
  await usable(branch, 3)
  await cut()
  await closeFeed(first.feed)
  const fresh = await openPublisher(t, join(folder, 'new'), { start: false })
  await assert.rejects(fresh.writer.publish(publish('x')), { code: 'FEED_BEHIND' })
  connect(fresh.feed, branch, { heads: true })
  await usable(fresh.feed, 3)
  await fresh.writer.publish(publish('y'))
  await usable(branch, 5)
  assert.equal(branch.conflict, null)
  await closeFeed(branch)
  await closeFeed(fresh.feed)
})
