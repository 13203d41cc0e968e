// Sticks in the field when the fleet moved to another feed, or that belong to another fleet: reports and letters still
// travel, and a sync brings the stick up to date.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { importStick, syncStick } from '../../src/stick/round.ts'
import { context, everything, exportAll, holdsReleases, importAll, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder, testReport } from './support.ts'

const feedsOn = (stick: string) => readdir(join(stick, 'chasqui', 'feeds'))
const feedOf = ({ feed }: TestHome) => Buffer.from(feed.db.key).toString('hex')

/** A stick with the former feed and a branch's report; head office and a branch that are in the new one. */
async function scene(t: TestContext) {
  const former = await openTestHome(t, { seed: 1 })
  await publish(former, 1)
  const stick = await temporaryFolder(t)
  await exportAll(former, stick)
  const late = await openTestHome(t, { key: former.feed.db.key, node: '0c'.repeat(32) })
  late.keep(testReport(7, 'runs 1'))
  await importAll(late, stick)
  const publisher = await openTestHome(t, { seed: 2 })
  await publish(publisher, 2)
  const fresh = await temporaryFolder(t)
  await exportAll(publisher, fresh)
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  await importAll(branch, fresh)
  return { stick, former, publisher, branch }
}

for (const who of ['publisher', 'branch'] as const) {
  test(`${who} imports a stick of the former feed: reports come in`, async (t) => {
    const { stick, ...homes } = await scene(t)
    const { read, reports, rejected } = await importStick(homes[who], stick, tools, context)
    assert.deepEqual([read.blocks, reports.in, rejected], [0, 1, []])
  })

  test(`${who} syncs a stick of the former feed: reports come in, the new feed goes on it`, async (t) => {
    const { stick, ...homes } = await scene(t)
    const { reports, complete } = await syncStick(homes[who], everything(stick), tools, context)
    assert.deepEqual([reports.in, complete], [1, true])
    const [old, now] = [feedOf(homes.former), feedOf(homes.publisher)]
    assert.deepEqual(await feedsOn(stick), who === 'publisher' ? [now] : [old, now].sort())
    const next = await openTestHome(t, { key: homes.publisher.feed.db.key, node: '0d'.repeat(32) })
    await importAll(next, stick)
    const found = await next.drive.advance().then(() => next.read('/packs/2'))
    assert.equal(found?.length, 100_000)
  })
}

test('the former feed stays on a stick that has no room for the new one', async (t) => {
  const { stick, former, publisher } = await scene(t)
  const full = { ...tools, freeSpace: async () => 1000 }
  await syncStick(publisher, { ...everything(stick), asFits: true }, full, context)
  assert.deepEqual(await feedsOn(stick), [feedOf(former)])
})

test('a second fleet syncs a stick of the first: nothing is taken, both are on it', async (t) => {
  const { stick, former } = await scene(t)
  const other = await openTestHome(t, { seed: 3, fleet: 'f2'.repeat(32) })
  await publish(other, 1)
  await assert.rejects(importStick(other, stick, tools, context), { code: 'STICK_OTHER_FLEET' })
  const { read, wrote } = await syncStick(other, everything(stick), tools, context)
  assert.deepEqual([read.blocks, wrote.segments], [0, 1])
  assert.deepEqual(await feedsOn(stick), [feedOf(former), feedOf(other)].sort())
  const branch = await openTestHome(t, { key: former.feed.db.key, node: '0d'.repeat(32) })
  await importAll(branch, stick)
  assert.ok(await holdsReleases(branch, 1))
})
