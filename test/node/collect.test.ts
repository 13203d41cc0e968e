import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { NodeApp } from '../../node/app.ts'
import type { ApplyResult } from '../../node/apply/types.ts'
import type { Collected } from '../../node/collect.ts'
import type { DriveFeed } from '../../src/feed/feed.ts'
import type { FeedSnapshot } from '../../src/feed/types.ts'
import { connect } from '../feed/support.ts'
import { generic, readFiles, runNode, SmallFleet } from './support.ts'

const BULK = randomBytes(60_000).toString('hex')
const version = (n: number) => ({
  'version.txt': `${n}.0.0`,
  'bulk.txt': `${BULK}${n === 1 ? '' : randomBytes(70_000).toString('hex')}`,
  'a.txt': `release ${n}`
})

async function install(node: NodeApp): Promise<ApplyResult> {
  const result = await runNode<ApplyResult>(node, 'apply', { now: true })
  assert.equal(result.result, 'committed', JSON.stringify(result))
  return result
}

/** Every pack of the fleet that is whole on this node. */
async function packsHere(node: NodeApp): Promise<string[]> {
  const snapshot = await node.feed.snapshot()
  const found: string[] = []
  for (const path of (await snapshot?.list('/packs')) ?? [])
    if ((await snapshot?.has(path)) === true) found.push(path)
  return found
}

/** Packs of a release, once the node has heard of it. */
async function packsOf(node: NodeApp, module: string, wanted: string): Promise<string[]> {
  for (;;) {
    const view = await node.refresh()
    const releases = view === null ? [] : (await node.catalog(view, [module])).releases(module, 'default')
    const found = releases.find((one) => one.version === wanted)
    if (found !== undefined) return found.packs.map(({ sha256 }) => `/packs/${sha256}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A branch that installed shop 1, 2 and 3 and has all packs of two modules. */
async function scene(t: TestContext, more = '') {
  const fleet = await SmallFleet.create(t)
  const live = fleet.path('live', 'shop')
  const node = await fleet.join('norte', `${more}\n${generic('shop', live, '"shop"')}`)
  for (const n of [1, 2]) await fleet.publish('other', `${n}.0.0`, version(n))
  for (const n of [1, 2, 3]) {
    await fleet.publish('shop', `${n}.0.0`, version(n))
    await fleet.bring(node)
    await install(node)
  }
  return { fleet, node, live }
}

describe('a branch that collects', () => {
  it('drops packs of others, and still rebuilds what is installed', async (t) => {
    const { fleet, node, live } = await scene(t, '[node]\ncarry = "mine"')
    const before = await packsHere(node)
    const dry = await runNode<Collected>(node, 'gc', { dryRun: true })
    assert.deepEqual(await packsHere(node), before)
    const done = await runNode<Collected>(node, 'gc')
    assert.deepEqual(done, dry)
    assert.ok(done.freed.packs > 0 && done.freed.bytes > 0, JSON.stringify(done))
    const after = await packsHere(node)
    assert.ok(after.length < before.length)
    assert.equal((await runNode<Collected>(node, 'gc')).freed.bytes, 0)
    assert.equal((await runNode<{ ok: boolean }>(node, 'fsck')).ok, true)

    // a drifted base is rebuilt from what was kept: only the packs of the next release come in
    await writeFile(join(live, 'bulk.txt'), 'changed here')
    const next = { ...(await readFiles(live)), 'version.txt': '4.0.0', 'bulk.txt': `${BULK}four` }
    await fleet.publish('shop', '4.0.0', next)
    const cut = connect(fleet.publisher.feed as DriveFeed, node.feed as DriveFeed)
    const packs = await packsOf(node, 'shop', '4.0.0')
    await node.feed.fetch(packs, { signal: t.signal })
    await cut()
    await install(node)
    assert.deepEqual(await readFiles(live), next)
    assert.deepEqual((await packsHere(node)).sort(), [...after, ...packs].sort())
  })

  it('forgets where packs came from that it frees or that the feed has no more, but for what is installed', async (t) => {
    const { node } = await scene(t, '[node]\ncarry = "mine"')
    const all = (await node.state.list('sources/')).map(([key]) => `/packs/${key.slice('sources/'.length)}`)
    assert.deepEqual(all, (await packsHere(node)).sort())
    const named = (await Promise.all([1, 2, 3].map((n) => packsOf(node, 'shop', `${n}.0.0`)))).flat()
    const former = { blocks: async () => ({ offset: 1_000_000, length: 1 }) } as unknown as FeedSnapshot
    const end = await node.sources.watch(former, ['/packs/former'])
    node.sources.count(1_000_000, { peer: 'cafe', class: 'lan', bytes: 1 })
    await end()
    all.push('/packs/former')
    await runNode(node, 'gc', { dryRun: true })
    assert.ok(all.every((pack) => node.sources.of([pack]).length > 0))

    await runNode(node, 'gc')
    const known = all.filter((pack) => node.sources.of([pack]).length > 0)
    assert.deepEqual(
      known,
      all.filter((pack) => named.includes(pack))
    )
    assert.ok(known.length < all.length)
  })

  it('goes back to a kept backup, and can rebuild that too', async (t) => {
    const { node, live } = await scene(t, '[node]\ncarry = "mine"')
    await runNode(node, 'gc')
    const back = await runNode<ApplyResult>(node, 'rollback')
    assert.equal(back.result, 'committed', JSON.stringify(back))
    await runNode(node, 'gc')
    await writeFile(join(live, 'bulk.txt'), 'changed here')
    await install(node)
    assert.match((await readFiles(live))['version.txt'] ?? '', /^3/)
  })

  it('gets a freed pack again from a peer, and hands what it kept to a latecomer', async (t) => {
    const { fleet, node } = await scene(t, '[node]\ncarry = "mine"')
    const before = await packsHere(node)
    await runNode(node, 'gc')
    const kept = await packsHere(node)
    const late = await fleet.join('sur', generic('shop', fleet.path('live', 'late'), '"shop"'))
    const cut = connect(node.feed as DriveFeed, late.feed as DriveFeed)
    while ((await late.refresh()) === null) await new Promise((resolve) => setTimeout(resolve, 20))
    await late.feed.fetch(kept, { signal: t.signal })
    await install(late)
    assert.match((await readFiles(fleet.path('live', 'late')))['version.txt'] ?? '', /^3/)
    await cut()

    const gone = before.filter((path) => !kept.includes(path))
    assert.ok(gone.length > 0)
    const again = connect(fleet.publisher.feed as DriveFeed, node.feed as DriveFeed)
    await node.feed.fetch(gone, { signal: t.signal })
    assert.deepEqual(await packsHere(node), before)
    await again()
  })

  it('keeps for others what channels point at, when it carries', async (t) => {
    const { node } = await scene(t)
    const before = await packsHere(node)
    await runNode(node, 'gc')
    const pointed = await packsOf(node, 'other', '2.0.0')
    const after = await packsHere(node)
    for (const pack of pointed) assert.ok(after.includes(pack))
    assert.ok(before.length > after.length)
  })
})
