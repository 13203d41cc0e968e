// Two signed histories of one feed meet: the branch keeps what it had, exchanges nothing more, and remembers it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type DriveFeed, openFeed } from '../../src/feed/feed.ts'
import { openStore } from '../../src/feed/store.ts'
import type { FeedSnapshot } from '../../src/feed/types.ts'
import {
  closeFeed,
  connect,
  frozen,
  openBranch,
  openPublisher,
  temporaryFolder,
  text,
  usable
} from './support.ts'

const forks = [
  { name: 'other bytes, same entries', path: '/t' },
  { name: 'other entries', path: '/u' }
]

for (const { name, path } of forks) {
  test(`a rewritten feed (${name}) freezes the branch, which keeps its version across a restart`, async (t) => {
    const folder = await temporaryFolder(t)
    const one = await openPublisher(t, join(folder, '1'))
    const two = await openPublisher(t, join(folder, '2'))
    const branch = await openBranch(t, join(folder, 'b'), one.feed.key)
    for (const value of ['a', 'b', 'c']) {
      await one.writer.publish({ put: [{ path: '/t', bytes: text(value) }], remove: [] })
    }
    const cut = connect(one.feed, branch)
    const snapshot = await usable(branch, 4)
    await cut()
    for (const value of ['x', 'y', 'z', 'Y', 'Z']) {
      await two.writer.publish({ put: [{ path, bytes: text(value) }], remove: [] })
    }
    const reads = readUntil(snapshot, frozen(branch))
    assert.deepEqual(await printedWhile(() => meet(two.feed, branch)), [])
    assert.deepEqual(await reads, ['c'])
    const { conflict } = branch
    assert.notEqual(conflict, null)
    assert.deepEqual(await snapshot.read('/t', { limit: 9 }), text('c'))
    await closeFeed(branch)

    const again = await openBranch(t, join(folder, 'b'), one.feed.key)
    assert.deepEqual(again.conflict, conflict)
    const kept = await again.snapshot()
    assert.deepEqual(await kept?.read('/t', { limit: 9 }), text('c'))
    connect(two.feed, again)
    connect(one.feed, again)
    await one.writer.publish({ put: [{ path: '/t', bytes: text('d') }], remove: [] })
    assert.equal(again.db.peers.length, 0)
    assert.equal((await again.snapshot())?.version, 4)
    for (const feed of [again, one.feed, two.feed]) await closeFeed(feed)
  })
}

test('a disk that refuses to note a second history ends nothing; the note is written before the feed is closed', async (t) => {
  const folder = await temporaryFolder(t)
  const one = await openPublisher(t, join(folder, '1'))
  const two = await openPublisher(t, join(folder, '2'))
  const branch = await openBranch(t, join(folder, 'b'), one.feed.key)
  for (const value of ['a', 'b']) {
    await one.writer.publish({ put: [{ path: '/t', bytes: text(value) }], remove: [] })
  }
  const cut = connect(one.feed, branch)
  const snapshot = await usable(branch, 3)
  await cut()
  for (const value of ['x', 'y', 'z', 'Y']) {
    await two.writer.publish({ put: [{ path: '/t', bytes: text(value) }], remove: [] })
  }
  const note = join(branch.store.directory, `conflict-${Buffer.from(one.feed.key).toString('hex')}.json`)
  await mkdir(join(note, 'in the way'), { recursive: true })
  const warned = once(process, 'warning')
  await printedWhile(() => meet(two.feed, branch))
  const [{ code }] = (await warned) as [NodeJS.ErrnoException]
  assert.notEqual(code, undefined)
  assert.deepEqual(await snapshot.read('/t', { limit: 9 }), text('b'))
  const { conflict } = branch
  assert.notEqual(conflict, null)
  await rm(note, { recursive: true })
  await closeFeed(branch)
  const again = await openBranch(t, join(folder, 'b'), one.feed.key)
  assert.deepEqual(again.conflict, conflict)
  for (const feed of [again, one.feed, two.feed]) await closeFeed(feed)
})

async function meet(publisher: DriveFeed, branch: DriveFeed): Promise<void> {
  const conflict = frozen(branch)
  connect(publisher, branch)
  await conflict
}

/** Reads again and again, also in the middle of a freeze; the values that were seen. */
async function readUntil(snapshot: FeedSnapshot, end: Promise<void>): Promise<string[]> {
  const seen = new Set<string>()
  let isOver = false
  void end.then(() => {
    isOver = true
  })
  while (!isOver) {
    seen.add(String(Buffer.from((await snapshot.read('/t', { limit: 9 })) ?? [])))
    await setImmediate()
  }
  return [...seen]
}

/** What Hypercore printed to stdout. */
async function printedWhile(work: () => Promise<void>): Promise<string[]> {
  const printed: string[] = []
  const write = process.stdout.write
  const record = (chunk: string | Uint8Array) => printed.push(String(chunk)) > 0
  process.stdout.write = record as typeof write
  try {
    await work()
  } finally {
    process.stdout.write = write
  }
  return printed.filter((chunk) => chunk.includes('hypercore'))
}

/**
 * Histories that replication alone does not tell apart. The longer side has the proof in its hands, and freezes. Other entries
 * come with other bytes: then both cores prove it, and whichever head is compared first is the one that is remembered.
 */
const heads = [
  {
    name: 'equally long, other bytes',
    path: '/t',
    values: ['a', 'b', 'X'],
    proofs: ['blobs'],
    froze: 'both'
  },
  {
    name: 'equally long, other entries',
    path: '/u',
    values: ['a', 'b', 'X'],
    proofs: ['db', 'blobs'],
    froze: 'both'
  },
  { name: 'shorter', path: '/u', values: ['a', 'X'], proofs: ['db', 'blobs'], froze: 'a' },
  { name: 'longer by one', path: '/u', values: ['a', 'b', 'X', 'Y'], proofs: ['db', 'blobs'], froze: 'b' }
]

for (const { name, path, values, proofs, froze } of heads) {
  test(`signed heads tell a second history that is ${name}`, async (t) => {
    const folder = await temporaryFolder(t)
    const one = await openPublisher(t, join(folder, '1'))
    const two = await openPublisher(t, join(folder, '2'))
    const [a, b] = [
      await openBranch(t, join(folder, 'a'), one.feed.key),
      await openBranch(t, join(folder, 'b'), one.feed.key)
    ]
    for (const value of ['a', 'b', 'c']) {
      await one.writer.publish({ put: [{ path: '/t', bytes: text(value) }], remove: [] })
    }
    for (const [i, value] of values.entries()) {
      const at = value === value.toUpperCase() ? path : '/t'
      await two.writer.publish({ put: [{ path: at, bytes: text(value) }], remove: [] })
      assert.equal(two.feed.length().db, i + 2)
    }
    const cuts = [connect(one.feed, a), connect(two.feed, b)]
    await usable(a, 4)
    await usable(b, values.length + 1)
    for (const cut of cuts) await cut()
    const kept = await a.snapshot()
    const isFrozen = Promise.all([
      ...(froze === 'b' ? [] : [frozen(a)]),
      ...(froze === 'a' ? [] : [frozen(b)])
    ])
    await printedWhile(async () => {
      connect(a, b, { heads: true })
      await isFrozen
    })
    if (froze !== 'b') assert.ok(proofs.includes(a.conflict?.core ?? ''), a.conflict?.core)
    if (froze !== 'a') assert.ok(proofs.includes(b.conflict?.core ?? ''), b.conflict?.core)
    assert.deepEqual(await kept?.read('/t', { limit: 9 }), text('c'))
    for (const feed of [a, b, one.feed, two.feed]) await closeFeed(feed)
  })
}

test('a head that the feed did not sign changes nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const one = await openPublisher(t, join(folder, '1'))
  await one.writer.publish({ put: [{ path: '/t', bytes: text('a') }], remove: [] })
  const [head] = await one.feed.heads()
  assert.ok(head !== undefined)
  assert.equal(await one.feed.compareHead(head), 'same')
  const forged = { ...head, treeHash: Buffer.alloc(32, 1) }
  const cases = [
    forged,
    { ...head, length: 999 },
    { ...head, fork: 1 },
    { ...head, signature: Buffer.alloc(3) }
  ]
  for (const each of cases) assert.equal(await one.feed.compareHead(each), 'invalid')
  assert.equal(one.feed.conflict, null)
  await one.writer.publish({ put: [{ path: '/t', bytes: text('b') }], remove: [] })
  assert.equal(await one.feed.compareHead(head), 'same')
  await closeFeed(one.feed)
})

test('a note of two histories that cannot be read is a damaged home, and no single history', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await openStore(folder)
  t.after(() => store.close())
  const key = Buffer.alloc(32, 1)
  for (const damaged of ['', '{"core":"db"', '{"core":"db","length":-1}']) {
    await writeFile(join(folder, `conflict-${key.toString('hex')}.json`), damaged)
    await assert.rejects(openFeed(store, { key, encryptionKey: Buffer.alloc(32, 2) }), {
      code: 'HOME_DAMAGED'
    })
  }
})
