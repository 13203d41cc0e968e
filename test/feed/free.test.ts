import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { DriveFeed } from '../../src/feed/feed.ts'
import { BlockExchange } from '../../src/net/blocks/exchange.ts'
import type { Links } from '../../src/net/link-options.ts'
import { silentLog } from '../../src/system/log.ts'
import { TestFleet } from '../net/members.ts'
import {
  connect,
  never,
  openBranch,
  openPublisher,
  type Publisher,
  temporaryFolder,
  usable
} from './support.ts'

const BLOCK = 65_536
/** blocks of each pack: every position in a pair is met, short and long */
const LENGTHS = [1, 2, 1, 1, 3, 4, 1, 5, 2, 2, 3, 1, 8, 1]
const PATHS = LENGTHS.map((_, i) => `/packs/${i}`)
const isFreed = (_: string, i: number) => i % 3 !== 1
const FREED = PATHS.filter(isFreed)
const KEPT = PATHS.filter((path, i) => !isFreed(path, i))

/** A publisher with packs, and a branch that has them all. */
async function scene(t: TestContext): Promise<{ publisher: Publisher; branch: DriveFeed; folder: string }> {
  const folder = await temporaryFolder(t)
  const publisher = await openPublisher(t, join(folder, 'publisher'))
  const put = PATHS.map((path, i) => ({ path, bytes: randomBytes((LENGTHS[i] ?? 1) * BLOCK - 7) }))
  const { version } = await publisher.writer.publish({
    put: [...put, { path: '/channels.json', bytes: randomBytes(3000) }],
    remove: []
  })
  const branch = await openBranch(t, join(folder, 'branch'), publisher.feed.key)
  const cut = connect(publisher.feed, branch)
  await usable(branch, version)
  await branch.fetch(PATHS, { signal: never })
  await cut()
  return { publisher, branch, folder }
}

async function blocksOf(feed: DriveFeed, paths: readonly string[]): Promise<number[]> {
  const snapshot = await feed.snapshot()
  const found: number[] = []
  for (const path of paths) {
    const { offset, length } = (await snapshot?.blocks(path)) ?? { offset: 0, length: 0 }
    for (let at = 0; at < length; at++) found.push(offset + at)
  }
  return found
}

/** Blocks of these files that `feed` has and cannot prove to `late`, which has no packs. */
async function unprovable(feed: DriveFeed, late: DriveFeed, paths: readonly string[]): Promise<number[]> {
  const { bulk } = feed
  assert.ok(bulk !== null && late.bulk !== null)
  const bad: number[] = []
  for (const index of await blocksOf(feed, paths)) {
    if (!(await bulk.has(index))) continue
    const nodes = await late.bulk.missingNodes(index)
    const proven = await bulk.prove(index, nodes).catch(() => null)
    if (proven === null) bad.push(index)
  }
  return bad
}

/** Bytes of all files beneath a folder. */
const LOOKS = 50 // until the store's files are gone

/** The store deletes files in the background: one may go while it is looked at. */
async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = files
    .filter((file) => file.isFile())
    .map((file) =>
      stat(join(file.parentPath, file.name)).then(
        ({ size }) => size,
        () => 0
      )
    )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

/** The files beneath a folder, which had `before` bytes, come to have more than `bytes` less. */
async function shrinks(folder: string, before: number, bytes: number): Promise<void> {
  let after = await sizeOf(folder)
  for (let look = 0; look < LOOKS && before - after <= bytes; look++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    after = await sizeOf(folder)
  }
  assert.ok(before - after > bytes, `${before} → ${after} bytes`)
}

describe('freed packs', () => {
  it('leave every other block whole and provable', async (t) => {
    const { publisher, branch, folder } = await scene(t)
    const late = await openBranch(t, join(folder, 'late'), branch.key)
    const cut = connect(publisher.feed, late)
    await usable(late, (await branch.snapshot())?.version ?? 0)
    await cut()
    const whole = await branch.free(FREED, { dryRun: true })
    assert.equal(await branch.missing(PATHS), 0, 'a dry run frees nothing')
    assert.deepEqual(await branch.free(FREED), whole)
    const sizes = LENGTHS.filter((_, i) => isFreed('', i)).map((length) => length * BLOCK - 7)
    // at most the first block of a pack has to stay
    for (const [i, size] of sizes.entries()) assert.ok((whole[i] ?? 0) >= size - BLOCK, `${i}: ${whole[i]}`)
    assert.equal(await branch.missing(KEPT), 0)
    assert.ok((await branch.missing(FREED)) > 0)
    assert.deepEqual(await unprovable(branch, late, [...PATHS, '/channels.json']), [])
    assert.deepEqual(
      await branch.free(FREED),
      FREED.map(() => 0),
      'nothing is freed twice'
    )
  })

  it('give their room back to the disk at once', async (t) => {
    const folder = await temporaryFolder(t)
    const publisher = await openPublisher(t, join(folder, 'publisher'))
    const paths = Array.from({ length: 8 }, (_, i) => `/packs/${i}`)
    const put = paths.map((path) => ({ path, bytes: randomBytes(8 * BLOCK) }))
    const { version } = await publisher.writer.publish({ put, remove: [] })
    const branch = await openBranch(t, join(folder, 'branch'), publisher.feed.key)
    connect(publisher.feed, branch)
    await usable(branch, version)
    for (const path of paths) {
      await branch.fetch([path], { signal: never })
      await branch.store.flush()
    }
    const before = await sizeOf(join(folder, 'branch'))
    await branch.free(paths.slice(0, 6))
    await shrinks(join(folder, 'branch'), before, 5 * 8 * BLOCK)
    const kept = await branch.snapshot()
    for (const { path, bytes } of put.slice(6))
      assert.deepEqual(await kept?.read(path, { limit: 9 * BLOCK }), bytes)
  })

  it('are refused politely and can be fetched again', async (t) => {
    const { publisher, branch } = await scene(t)
    await branch.free(FREED)
    for (const index of await blocksOf(branch, FREED)) {
      const proven = await branch.bulk?.prove(index, 5)
      assert.equal(proven !== null, await branch.bulk?.has(index))
    }
    connect(publisher.feed, branch)
    await branch.fetch(FREED, { signal: never })
    assert.equal(await branch.missing(PATHS), 0)
    const [a, b] = await Promise.all([publisher.feed.snapshot(), branch.snapshot()])
    for (const path of FREED) {
      const limit = 16 * BLOCK
      assert.deepEqual(await b?.read(path, { limit }), await a?.read(path, { limit }))
    }
  })

  it('are not announced: a latecomer takes the rest from the branch and waits for these', async (t) => {
    const { publisher, branch, folder } = await scene(t)
    await branch.free(FREED)
    const late = await openBranch(t, join(folder, 'late'), branch.key)
    const members = new Members(t)
    const source = await members.serve('publisher', publisher.feed)
    const port = await members.serve('branch', branch, [`127.0.0.1:${source}`])
    await members.follow('late', late, [`127.0.0.1:${port}`])
    await usable(late, (await branch.snapshot())?.version ?? 0)
    members.use(late)
    await late.fetch(KEPT, { signal: never })
    const both = late.fetch(FREED, { signal: never })
    assert.equal(members.peersOf(late), 1, 'asking for freed blocks costs no connection')
    assert.ok((await late.missing(FREED)) > 0)
    await branch.fetch(FREED, { signal: never })
    await both
  })

  it('only go on a branch, only packs, and never while they are fetched', async (t) => {
    const { publisher, branch } = await scene(t)
    await assert.rejects(publisher.feed.free(PATHS), TypeError)
    await assert.rejects(branch.free(['/channels.json']), TypeError)
    assert.deepEqual(await branch.free(['/packs/unknown']), [0])
    await branch.free(FREED)
    const stop = new AbortController()
    const fetching = branch.fetch(PATHS, { signal: stop.signal })
    assert.deepEqual(
      await branch.free(KEPT),
      KEPT.map(() => 0)
    )
    stop.abort()
    await assert.rejects(fetching, { code: 'CANCELLED' })
  })
})

describe('packs that a publisher removes', () => {
  for (const slash of ['/', '']) {
    it(`leave what stays to a branch that comes later (${slash}packs)`, async (t) => {
      const { publisher, folder } = await scene(t)
      const { feed, writer } = publisher
      const freed = await blocksOf(feed, FREED)
      const put = [{ path: '/channels.json', bytes: randomBytes(3000) }]
      const { version } = await writer.publish({ put, remove: FREED.map((path) => path.replace('/', slash)) })
      const left = await Promise.all(freed.map((index) => feed.bulk?.has(index)))
      // at most the first block of a pack has to stay
      assert.ok(left.filter(Boolean).length <= FREED.length)
      const late = await openBranch(t, join(folder, 'late'), feed.key)
      const cut = connect(feed, late)
      await usable(late, version)
      await cut()
      assert.deepEqual(await unprovable(feed, late, [...KEPT, '/channels.json']), [])
      connect(feed, late)
      await late.fetch(KEPT, { signal: never })
      assert.equal(await late.missing(KEPT), 0)
    })
  }

  it('give their room back to the disk at once, and the next publish goes on', async (t) => {
    const folder = await temporaryFolder(t)
    const { feed, writer } = await openPublisher(t, join(folder, 'publisher'))
    const put = Array.from({ length: 8 }, (_, i) => ({ path: `/packs/${i}`, bytes: randomBytes(8 * BLOCK) }))
    for (const file of put) await writer.publish({ put: [file], remove: [] })
    const before = await sizeOf(join(folder, 'publisher'))
    const remove = put.slice(0, 6).map(({ path }) => path)
    await writer.publish({ put: [{ path: '/t', bytes: randomBytes(100) }], remove })
    await shrinks(join(folder, 'publisher'), before, 5 * 8 * BLOCK)
    const { version } = await writer.publish({ put: [{ path: '/t', bytes: randomBytes(100) }], remove: [] })
    const kept = await feed.snapshot()
    assert.equal(kept?.version, version)
    for (const { path, bytes } of put.slice(6))
      assert.deepEqual(await kept?.read(path, { limit: 9 * BLOCK }), bytes)
  })
})

/** Members on loopback links that exchange blocks by the scheduler. */
class Members {
  readonly #fleet = new TestFleet('free')
  readonly #exchanges = new Map<DriveFeed, { exchange: BlockExchange; links: Links }>()

  constructor(t: TestContext) {
    t.after(async () => {
      for (const { exchange, links } of this.#exchanges.values()) {
        exchange.close()
        await links.stop()
      }
    })
  }

  async serve(name: string, feed: DriveFeed, peers: string[] = []): Promise<number> {
    const links = await this.follow(name, feed, peers)
    return links.listening()?.port ?? 0
  }

  async follow(name: string, feed: DriveFeed, peers: string[]): Promise<Links> {
    const member = this.#fleet.member(name)
    const { node: own } = member
    const exchange = new BlockExchange({ own, log: silentLog, now: Date.now, random: Math.random })
    const links = this.#fleet.links(member, {
      peers,
      onPeer: (peer) => {
        feed.replicate(peer.stream)
        exchange.open(peer)
      }
    })
    this.#exchanges.set(feed, { exchange, links })
    feed.fetcher = (_core, indexes, how) => exchange.fetch(indexes, how)
    this.use(feed)
    await links.start()
    return links
  }

  use(feed: DriveFeed): void {
    this.#exchanges.get(feed)?.exchange.use(feed.bulk)
  }

  peersOf(feed: DriveFeed): number {
    return this.#exchanges.get(feed)?.links.peers().length ?? 0
  }
}
