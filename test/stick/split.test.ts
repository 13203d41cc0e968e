// A feed over several sticks, and a stick with many small segments.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { compactFeed } from '../../src/stick/compact.ts'
import { inspectStick } from '../../src/stick/inspect.ts'
import { openFolder } from '../../src/stick/open.ts'
import { exportStick } from '../../src/stick/round.ts'
import type { StickTools } from '../../src/stick/round-types.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { context, everything, exportAll, holdsReleases, importAll, publish, tools } from './scene.ts'
import { never, openTestHome, temporaryFolder } from './support.ts'

test('what does not fit on one stick goes on several, each of use by itself', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  for (const release of [1, 2, 3, 4]) await publish(publisher, release, 400_000)
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  const onPart = async (part: number) => {
    const stick = await temporaryFolder(t)
    const request = { ...everything(stick), maxSize: 1_200_000, part }
    return { ...(await exportStick(publisher, request, tools, context)), stick }
  }
  const first = await onPart(1)
  assert.deepEqual([first.plan.parts, first.complete], [2, false])
  assert.ok(first.wrote.bytes <= 1_200_000, `${first.wrote.bytes}`)
  assert.deepEqual((await importAll(branch, first.stick)).rejected, [])
  const second = await onPart(2)
  await importAll(branch, second.stick)
  assert.ok(await holdsReleases(branch, 4, 400_000))
  assert.deepEqual([second.plan.part, second.complete], [2, true])
  for (const [at, { stick }] of [first, second].entries()) {
    const found = await inspectStick(realFileSystem, stick, { everyByte: true, signal: never })
    assert.equal(found.state, 'complete')
    assert.deepEqual(found.feeds[0]?.part, { part: at + 1, parts: 2 })
  }
  await assert.rejects(onPart(3), { code: 'STICK_PART' })
  const noSize = { ...everything(await temporaryFolder(t)), part: 2 }
  await assert.rejects(exportStick(publisher, noSize, tools, context), { code: 'USAGE' })
  const whole = await temporaryFolder(t)
  for (const part of [1, 2]) {
    await exportStick(publisher, { ...everything(whole), maxSize: 1_200_000, part }, tools, context)
  }
  const both = await inspectStick(realFileSystem, whole, { everyByte: true, signal: never })
  assert.deepEqual([both.state, both.feeds[0]?.part], ['complete', null])
  const tooSmall = { ...everything(first.stick), maxSize: 1000 }
  await assert.rejects(exportStick(publisher, tooSmall, tools, context), { code: 'STICK_FULL' })
})

test('what is published between two of several sticks leaves no gap between them', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  for (const release of [1, 2, 3, 4, 5, 6, 7, 8]) await publish(publisher, release, 400_000)
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  const onPart = async (part: number) => {
    const stick = await temporaryFolder(t)
    const request = { ...everything(stick), maxSize: 1_800_000, part }
    const { plan } = await exportStick(publisher, request, tools, context)
    await importAll(branch, stick)
    return plan.parts
  }
  const parts = await onPart(2)
  for (let part = 3; part <= parts; part++) await onPart(part)
  for (let release = 9; release < 89; release++) await publish(publisher, release, 100)
  await onPart(1)
  assert.ok(await holdsReleases(branch, 8, 400_000))
})

test('a stick carries no more than it was given room for, also of a feed of many small files', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  for (let round = 0; round < 4; round++) {
    const put = Array.from({ length: 1500 }, (_, n) => ({
      path: `/releases/m/default/${round}-${n}/release.json`,
      bytes: Buffer.from(`{"n":${n}}`)
    }))
    await publisher.publish({ put, remove: [] })
  }
  await publish(publisher, 1, 1_000_000)
  const request = { ...everything(await temporaryFolder(t)), maxSize: 2_200_000, dryRun: true }
  for (const part of [1, 2]) {
    const { plan } = await exportStick(publisher, { ...request, part }, tools, context)
    assert.ok(plan.bytes <= request.maxSize, `${plan.bytes} on part ${part}`)
  }
})

test('many small segments become one that holds the same', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  const stick = await temporaryFolder(t)
  for (let release = 1; release <= 6; release++) {
    await publish(publisher, release, 1000)
    await exportAll(publisher, stick)
  }
  const feed = Buffer.from(publisher.feed.db.key).toString('hex')
  const segments = async () =>
    (await readdir(join(stick, 'chasqui', 'feeds', feed))).filter((name) => name.endsWith('.seg'))
  assert.equal((await segments()).length, 6)
  const folder = await openFolder(realFileSystem, stick)
  const limits = { segments: 4, small: 1024 * 1024 }
  assert.equal(await compactFeed(folder, feed, publisher.fleet, null, never, limits), 5)
  assert.deepEqual(await segments(), ['0007.seg'])
  const found = await inspectStick(realFileSystem, stick, { everyByte: true, signal: never })
  assert.equal(found.state, 'complete')
  assert.equal((await exportAll(publisher, stick)).wrote.segments, 0)
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  await importAll(branch, stick)
  assert.ok(await holdsReleases(branch, 6, 1000))
})

const fullSticks: { name: string; with: StickTools }[] = [
  {
    name: 'says how little is free',
    with: { ...tools, freeSpace: async () => 1024 * 1024 + 40_000 }
  },
  {
    name: 'only turns out to be full',
    with: {
      ...tools,
      fs: {
        ...tools.fs,
        async createFile(path, mode) {
          const writer = await tools.fs.createFile(path, mode)
          if (!path.includes('0033.seg')) return writer
          const full = async () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
          return { ...writer, write: full }
        }
      }
    }
  }
]

for (const { name, with: little } of fullSticks) {
  test(`a stick that ${name} keeps its small segments and stays usable`, async (t) => {
    const publisher = await openTestHome(t, { seed: 1 })
    const stick = await temporaryFolder(t)
    for (let release = 1; release <= 32; release++) {
      await publish(publisher, release, 1000)
      await exportAll(publisher, stick, little)
    }
    const feed = join(stick, 'chasqui', 'feeds', Buffer.from(publisher.feed.db.key).toString('hex'))
    assert.equal((await readdir(feed)).filter((one) => one.endsWith('.seg')).length, 32)
    assert.equal((await readdir(feed)).length, 33)
    const sequenceIn = async (path: string) => JSON.parse(await readFile(path, 'utf8')).sequence as number
    const sequences = [join(stick, 'chasqui', 'stick.json'), join(feed, 'complete.json')].map(sequenceIn)
    assert.deepEqual(await Promise.all(sequences), [32, 32])
    const found = await inspectStick(realFileSystem, stick, { everyByte: true, signal: never })
    assert.equal(found.state, 'complete')
  })
}
