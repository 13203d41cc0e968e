// Blocks and nodes from one home's cores to another's through segment files, without keys to read them.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { BlockCore, CoreProof } from '../../src/feed/block-core.ts'
import type { BlockRange } from '../../src/feed/types.ts'
import { planExport, writeExport } from '../../src/stick/export.ts'
import type { StickHome } from '../../src/stick/home.ts'
import { importFeed } from '../../src/stick/import.ts'
import { openFolder, prepareFolder } from '../../src/stick/open.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { never, noise, openTestHome, type TestHome, temporaryFolder } from './support.ts'

const quiet = { signal: never, onBytes: () => undefined }

async function exportTo(home: StickHome, place: string, wanted: readonly BlockRange[] | null = null) {
  const folder = await prepareFolder(realFileSystem, place, {
    id: '00'.repeat(16),
    label: 'test',
    created: '2026-01-02T03:04:05Z'
  })
  const plan = await planExport(home, folder, { blocks: wanted, maxSize: null, part: 1 })
  return writeExport(
    home,
    folder,
    plan,
    { sequence: 1, written: '2026-01-02T03:04:05Z', releases: [] },
    quiet
  )
}

const importFrom = async (home: StickHome, place: string) =>
  importFeed(home, await openFolder(realFileSystem, place), quiet)

async function publishRelease(home: TestHome, number: number, bytes = 100_000): Promise<void> {
  await home.publish({
    put: [
      { path: `/packs/${number}`, bytes: noise(bytes, number) },
      { path: `/releases/m/default/${number}/release.json`, bytes: Buffer.from(`{"n":${number}}`) }
    ],
    remove: []
  })
}

async function newPublisher(t: TestContext, releases: number): Promise<TestHome> {
  const publisher = await openTestHome(t, { seed: 1 })
  for (let n = 1; n <= releases; n++) await publishRelease(publisher, n)
  return publisher
}

test('a whole feed travels from the publisher to an empty branch', async (t) => {
  const publisher = await newPublisher(t, 3)
  const place = await temporaryFolder(t)
  const wrote = await exportTo(publisher, place)
  assert.equal(wrote.segments, 1)
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  const { read, rejected } = await importFrom(branch, place)
  assert.deepEqual(rejected, [])
  assert.equal(read.blocks, wrote.blocks)
  await branch.drive.advance()
  assert.deepEqual(await branch.read('/packs/2'), Buffer.from(noise(100_000, 2)))
  assert.equal((await importFrom(branch, place)).read.blocks, 0)
})

test('a store that is slow gets the right bytes: memory to read into is used again only after they are written', async (t) => {
  const publisher = await newPublisher(t, 0)
  await publishRelease(publisher, 1, 40_000_000)
  const place = await temporaryFolder(t)
  await exportTo(publisher, place)
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  const slowly = async (core: BlockCore | null): Promise<BlockCore | null> =>
    core === null
      ? null
      : Object.create(core, {
          applyProof: {
            value: async (proof: CoreProof) => {
              await setTimeout((proof.block?.index ?? 0) % 10 === 0 ? 20 : 1)
              return core.applyProof(proof)
            }
          }
        })
  const feed = { ...branch.feed, blobs: async () => slowly(await branch.feed.blobs()) }
  assert.deepEqual((await importFrom({ ...branch, feed }, place)).rejected, [])
  await branch.drive.advance()
  assert.deepEqual(await branch.read('/packs/1'), Buffer.from(noise(40_000_000, 1)))
})

test('a branch of any length takes what it lacks, and one that is ahead has nothing to do', async (t) => {
  const publisher = await newPublisher(t, 1)
  const places = []
  const releases = 12
  for (let n = 1; n <= releases; n++) {
    if (n > 1) await publishRelease(publisher, n, 70_000 * (n % 3))
    const place = await temporaryFolder(t)
    await exportTo(publisher, place)
    places.push(place)
  }
  const whole = places.at(-1) as string
  for (const [at, place] of places.entries()) {
    const branch = await openTestHome(t, { key: publisher.feed.db.key })
    await importFrom(branch, place)
    assert.deepEqual((await importFrom(branch, whole)).rejected, [])
    await branch.drive.advance()
    assert.deepEqual(await branch.read(`/packs/${releases}`), await publisher.read(`/packs/${releases}`))
    assert.equal((await importFrom(branch, place)).read.blocks, 0, `ahead of stick ${at}`)
    await branch.close()
  }
})

test('a second export writes only what is new, in a segment of its own', async (t) => {
  const publisher = await newPublisher(t, 20)
  const place = await temporaryFolder(t)
  await exportTo(publisher, place)
  await publishRelease(publisher, 21, 5000)
  const second = await exportTo(publisher, place)
  assert.equal(second.segments, 1)
  assert.ok(second.bytes < 40_000, `${second.bytes} bytes`)
  assert.deepEqual(await exportTo(publisher, place), { blocks: 0, bytes: 0, segments: 0 })
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  await importFrom(branch, place)
  await branch.drive.advance()
  assert.deepEqual(await branch.read('/packs/21'), Buffer.from(noise(5000, 21)))
})

test('only the wanted blobs travel, the rest can come later from an older stick', async (t) => {
  const publisher = await newPublisher(t, 4)
  const older = await temporaryFolder(t)
  await exportTo(publisher, older)
  await publishRelease(publisher, 5)
  const sparse = await temporaryFolder(t)
  const range = await (await publisher.drive.snapshot())?.blocks('/packs/5')
  await exportTo(publisher, sparse, [range as BlockRange])
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  await importFrom(branch, sparse)
  const blobs = await branch.feed.blobs()
  assert.equal(await blobs?.has(0), false)
  assert.deepEqual((await importFrom(branch, older)).rejected, [])
  assert.equal(await blobs?.has(0), true)
})

test('a branch passes the feed on to another one', async (t) => {
  const publisher = await newPublisher(t, 3)
  const first = await temporaryFolder(t)
  await exportTo(publisher, first)
  const relay = await openTestHome(t, { key: publisher.feed.db.key })
  await importFrom(relay, first)
  const second = await temporaryFolder(t)
  await exportTo(relay, second)
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  await importFrom(branch, second)
  await branch.drive.advance()
  assert.deepEqual(await branch.read('/packs/3'), Buffer.from(noise(100_000, 3)))
})

test('refuses a stick that tells another history', async (t) => {
  const publisher = await newPublisher(t, 3)
  const other = await openTestHome(t, { seed: 1 })
  for (const n of [1, 7, 8, 9]) await publishRelease(other, n)
  const place = await temporaryFolder(t)
  await exportTo(other, place)
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  const good = await temporaryFolder(t)
  await exportTo(publisher, good)
  await importFrom(branch, good)
  await assert.rejects(importFrom(branch, place), { code: 'STICK_FORK' })
  await assert.rejects(exportTo(publisher, place), { code: 'STICK_FORK' })
})
