// Pruning gives up whole releases, and never one that somebody could still need.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PublisherApp } from '../../publisher/app.ts'
import { openRelease, releasesOf } from '../../publisher/catalog.ts'
import { promote } from '../../publisher/channels.ts'
import { prune } from '../../publisher/prune.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { listReleases } from '../../publisher/queries.ts'
import type { FeedSnapshot } from '../../src/feed/types.ts'
import type { Channels } from '../../src/fleet/channels.ts'
import { plan } from '../../src/fleet/plan.ts'
import type { PlanApp, PlannedTransaction } from '../../src/fleet/plan-input.ts'
import type { Release } from '../../src/release/release.ts'
import { connect, never, openBranch, usable } from '../feed/support.ts'
import { context, makePublisher, temporaryFolder, writeFiles } from './support.ts'

/** Publishes 1.0.0 … 1.<last>.0: every third one replaces most of the content, so that a keyframe is due. */
async function publishMany(app: PublisherApp, folder: string, last: number): Promise<void> {
  for (let i = 0; i <= last; i++) {
    const fresh = i % 3 === 0 ? { 'data.bin': randomBytes(60_000) } : {}
    await writeFiles(folder, { 'version.txt': `1.${i}.0`, 'app.txt': `version ${i}\n`, ...fresh })
    await publish(app, { dirs: [folder] }, context)
  }
}

async function versions(app: PublisherApp): Promise<string[]> {
  return (await listReleases(app, {})).map(({ version }) => version)
}

test('old releases go with their packs; what a channel, the newest and their chains need stays', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await publishMany(app, join(folder, 'shop'), 8)
  await promote(app, { release: 'shop@1.4.0', channel: 'beta' })
  const packsBefore = (await (await app.fleet.view()).snapshot.list('/packs')).length
  const dry = await prune(app, { keep: 2, dryRun: true })
  assert.equal((await versions(app)).length, 9)
  const pruned = await prune(app, { keep: 2 })
  assert.deepEqual(pruned, dry)
  const left = await versions(app)
  assert.deepEqual(left, ['1.8.0', '1.7.0', '1.6.0', '1.4.0', '1.3.0'])
  assert.equal(pruned.kept, 5)
  assert.ok(pruned.bytes > 60_000)
  const view = await app.fleet.view()
  assert.ok((await view.snapshot.list('/packs')).length < packsBefore)
  const releases = await releasesOf(view, 'shop', 'default')
  for (const version of left) {
    const { base, close } = await openRelease(app, view, releases, version)
    assert.equal(base.manifest.entries.length, 3)
    await close()
  }
  assert.deepEqual((await prune(app, { keep: 2 })).removed, [])
  await writeFiles(join(folder, 'shop'), { 'version.txt': '1.9.0' })
  await publish(app, { dirs: [join(folder, 'shop')] }, context)
  assert.equal((await versions(app))[0], '1.9.0')
})

test('the blocks of pruned packs go, and a branch that comes later gets every pack that stays', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  for (let i = 1; i <= 6; i++) {
    await writeFiles(join(folder, 'shop'), { 'version.txt': `${i}.0.0`, 'data.bin': randomBytes(200_000) })
    await publish(app, { dirs: [join(folder, 'shop')] }, context)
  }
  const { snapshot } = await app.fleet.view()
  const held = await packBlocks(snapshot)
  const pruned = await prune(app, { keep: 2 })
  assert.equal(pruned.removed.length, 4)
  const view = await app.fleet.view()
  const kept = await packBlocks(view.snapshot)
  const gone = [...held].filter((index) => !kept.has(index))
  const left = await Promise.all(gone.map((index) => app.feed.open.blobs.has(index)))
  // at most the first block of a pack has to stay
  assert.ok(left.filter(Boolean).length <= pruned.removed.length, `${left.filter(Boolean)} of ${gone.length}`)
  const { key, identity } = app.feed
  const branch = await openBranch(t, join(folder, 'branch'), key, identity)
  const cut = connect(app.feed, branch)
  await usable(branch, view.snapshot.version)
  const packs = await view.snapshot.list('/packs')
  await branch.fetch(packs, { signal: never })
  assert.equal(await branch.missing(packs), 0)
  await cut()
})

async function packBlocks(snapshot: FeedSnapshot): Promise<Set<number>> {
  const found = new Set<number>()
  for (const path of await snapshot.list('/packs')) {
    const range = await snapshot.blocks(path)
    for (let at = 0; at < (range?.length ?? 0); at++) found.add((range?.offset ?? 0) + at)
  }
  return found
}

/** Publishes 1.0.0 … 8.0.0 with these `after`, keeps the newest three; the stops of a branch at 1.0.0 on its way to 8.0.0. */
async function stopsAfterPrune(app: PublisherApp, folder: string, after: Record<number, string>) {
  for (let i = 1; i <= 8; i++) {
    await writeFiles(folder, { 'version.txt': `${i}.0.0`, 'data.bin': randomBytes(20_000) })
    const args = { dirs: [folder], channel: 'stable', ...(after[i] !== undefined && { after: after[i] }) }
    await publish(app, args, context)
  }
  const pruned = await prune(app, { keep: 3 })
  const view = await app.fleet.view()
  const releases = await releasesOf(view, 'shop', 'default')
  const stops: string[] = []
  for (let at = '1.0.0'; at !== '8.0.0'; ) {
    const [next] = planFrom(at, releases, view.channels)
    assert.equal(next?.blocked, null)
    at = next?.releases[0]?.to as string
    stops.push(at)
    await (await openRelease(app, view, releases, at)).close()
  }
  return { stops, removed: pruned.removed.map(({ version }) => version).sort() }
}

/** What a branch that is at `version` does next. */
function planFrom(version: string, releases: readonly Release[], channels: Channels): PlannedTransaction[] {
  const app: PlanApp = {
    ...{ name: 'app', channel: 'stable', modules: ['*'], tracks: [], auto: 'all', holds: [], platforms: [] },
    ...{ window: { text: null, closed: null }, appVersion: null, floor: () => null },
    ...{ declined: () => false, provides: () => false },
    installed: new Map([['shop', { track: 'default', version }]])
  }
  return plan({
    ...{ now: Date.now(), mode: 'automatic', branch: { node: 'ab'.repeat(32), name: 'norte', groups: [] } },
    ...{ entitled: [], apps: [app], channels, yanks: {}, releases: () => releases, stale: null },
    ...{ quarantined: () => false, triedTogether: () => false, halted: () => null },
    downgradeAllowed: () => false
  })
}

const stones: { name: string; after: Record<number, string>; removed: number[]; stops: number[] }[] = [
  { name: 'stays, with the release that names it', after: { 5: '4.0.0' }, removed: [1, 2, 3], stops: [4, 8] },
  { name: 'far behind stays', after: { 7: '3.0.0' }, removed: [1, 2, 4, 5], stops: [3, 8] },
  {
    name: 'named twice needs the first only',
    after: { 4: '3.0.0', 5: '3.0.0' },
    removed: [1, 2, 5],
    stops: [3, 8]
  },
  { name: 'after another stays', after: { 3: '2.0.0', 5: '4.0.0' }, removed: [1], stops: [2, 4, 8] },
  { name: 'that nobody can be before goes', after: { 5: '1.0.0' }, removed: [1, 2, 3, 4, 5], stops: [8] }
]

for (const { name, after, removed, stops } of stones) {
  test(`a stepping stone ${name}`, async (t) => {
    const folder = await temporaryFolder(t)
    const app = await makePublisher(t, join(folder, 'home'))
    const found = await stopsAfterPrune(app, join(folder, 'shop'), after)
    const named = (versions: number[]) => versions.map((version) => `${version}.0.0`)
    assert.deepEqual(found, { stops: named(stops), removed: named(removed) })
  })
}
