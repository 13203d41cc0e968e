// A stick that stays in, and one that was made for something: what the watcher does beyond the first round.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ControlEvent } from '../../src/control/commands.ts'
import { ChasquiError, type ErrorCode } from '../../src/errors.ts'
import type { StickFilter } from '../../src/stick/home.ts'
import { exportStick } from '../../src/stick/round.ts'
import type { StickTools } from '../../src/stick/round-types.ts'
import { watchSticks } from '../../src/stick/watcher.ts'
import { silentLog } from '../../src/system/log.ts'
import { context, everything, exportAll, holdsReleases, importAll, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder, testReport } from './support.ts'

/** A publisher with one release, and a stick that has it. */
async function given(t: TestContext) {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  return { publisher, stick }
}

function watch(t: TestContext, home: TestHome, places: string[], more: Partial<StickTools> = {}) {
  const events: ControlEvent[] = []
  const clock = { ahead: 0 }
  const watcher = watchSticks({
    home,
    mounts: { list: async () => places },
    tools: { ...tools, ...more, now: () => tools.now() + clock.ahead },
    log: silentLog,
    emit: (event) => events.push(event),
    interval: 3_600_000
  })
  t.after(() => watcher.stop())
  const told = () =>
    events
      .splice(0)
      .map(({ what }) => what)
      .filter((what) => what !== 'progress')
  return { watcher, clock, told }
}

test('what is published while the stick stays in goes on it', async (t) => {
  const { publisher, stick } = await given(t)
  const { watcher, told } = watch(t, publisher, [stick])
  await watcher.look()
  assert.deepEqual(told(), ['plugged', 'stick-plan', 'done'])
  await publish(publisher, 2)
  await watcher.look()
  assert.deepEqual(told(), ['again', 'stick-plan', 'done'])
  await watcher.look()
  assert.deepEqual(told(), [])
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  await importAll(branch, stick)
  assert.ok(await holdsReleases(branch, 2))
})

test('what is published while a round still writes goes on it by the next', async (t) => {
  const { publisher, stick } = await given(t)
  let next = 2
  const busy: TestHome = {
    ...publisher,
    letters: {
      // after the segments
      async outgoing() {
        if (next === 2) await publish(publisher, next++)
        return []
      },
      take: async () => false
    }
  }
  const { watcher, told } = watch(t, busy, [stick])
  // it looked once already when it began
  await watcher.look()
  assert.deepEqual(told(), ['plugged', 'stick-plan', 'done', 'again', 'stick-plan', 'done'])
  await watcher.look()
  assert.deepEqual(told(), [])
})

test('a newer feed is given once it can be read, by one round', async (t) => {
  const { publisher, stick } = await given(t)
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  const { watcher, told } = watch(t, branch, [stick])
  await watcher.look()
  await publish(publisher, 2)
  const newer = await temporaryFolder(t)
  await exportAll(publisher, newer)
  // its entries come first, by whatever way
  await importAll({ ...branch, feed: { ...branch.feed, blobs: async () => null } }, newer)
  assert.equal(branch.feed.db.length, publisher.feed.db.length)
  told()
  await watcher.look()
  assert.deepEqual(told(), [])
  await importAll(branch, newer)
  await watcher.look()
  assert.deepEqual(told(), ['again', 'stick-plan', 'done'])
  await watcher.look()
  assert.deepEqual(told(), [])
})

test('a home that has moved to another feed, a shorter one, puts that on the stick', async (t) => {
  const former = await openTestHome(t, { seed: 1 })
  for (const release of [1, 2, 3]) await publish(former, release)
  const stick = await temporaryFolder(t)
  await exportAll(former, stick)
  const later = await openTestHome(t, { seed: 2 })
  await publish(later, 1)
  let { feed } = former
  const moving: TestHome = {
    ...former,
    get feed() {
      return feed
    }
  }
  const { watcher, told } = watch(t, moving, [stick])
  await watcher.look()
  feed = later.feed
  told()
  await watcher.look()
  assert.deepEqual(told(), ['again', 'stick-plan', 'done'])
  await watcher.look()
  assert.deepEqual(told(), [])
  const branch = await openTestHome(t, { key: later.feed.db.key, node: '0b'.repeat(32) })
  await importAll(branch, stick)
  assert.ok(await holdsReleases(branch, 1))
})

test('a branch that took a stick in does not do it twice', async (t) => {
  const { publisher, stick } = await given(t)
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  const { watcher, told } = watch(t, branch, [stick])
  await watcher.look()
  await watcher.look()
  assert.deepEqual(told(), ['plugged', 'stick-plan', 'done'])
})

const failures: { code: ErrorCode; retried: boolean }[] = [
  { code: 'DISK_IO', retried: true },
  { code: 'STICK_READ_ONLY', retried: false }
]

for (const { code, retried } of failures) {
  test(`after ${code} the round is ${retried ? 'tried again, later and later' : 'not tried again'}`, async (t) => {
    const { publisher, stick } = await given(t)
    const failing: TestHome = {
      ...(await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })),
      afterImport: async () => {
        throw new ChasquiError(code, 'for this test')
      }
    }
    const { watcher, clock, told } = watch(t, failing, [stick])
    await watcher.look()
    assert.deepEqual(told(), ['plugged', 'failed'])
    await watcher.look()
    assert.deepEqual(told(), [], 'not at once')
    clock.ahead += 60_000
    await watcher.look()
    assert.deepEqual(told(), retried ? ['again', 'failed'] : [])
    clock.ahead += 31_000
    await watcher.look()
    assert.deepEqual(told(), [], 'the second pause is longer')
    clock.ahead += 60_000
    await watcher.look()
    assert.deepEqual(told(), retried ? ['again', 'failed'] : [])
  })
}

test('another stick at the same place and device number between two looks is another stick', async (t) => {
  const { publisher, stick } = await given(t)
  const { watcher, told } = watch(t, publisher, [stick])
  await watcher.look()
  const path = join(stick, 'chasqui', 'stick.json')
  const file = JSON.parse(await readFile(path, 'utf8')) as { id: string }
  await writeFile(path, JSON.stringify({ ...file, id: 'cd'.repeat(16) }))
  told()
  await watcher.look()
  assert.deepEqual(told(), ['removed', 'plugged', 'stick-plan', 'done'])
})

const filter: StickFilter = { modules: ['m'], channel: null, branches: [], latest: true }

test('a stick that was made for something is not filled with everything when it is plugged in', async (t) => {
  const asked: (StickFilter | null)[] = []
  const publisher: TestHome = {
    ...(await openTestHome(t, { seed: 1 })),
    async select(wanted) {
      asked.push(wanted)
      return { releases: [], blocks: [], branches: [] }
    }
  }
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportStick(publisher, { ...everything(stick), filter, maxSize: 5_000_000 }, tools, context)
  const { watcher, told } = watch(t, publisher, [stick])
  await watcher.look()
  assert.deepEqual(told(), ['plugged', 'stick-plan', 'done'])
  await publish(publisher, 2)
  await watcher.look()
  assert.deepEqual(asked, [filter, filter, filter])
  const wish = async () => {
    const text = await readFile(join(stick, 'chasqui', 'stick.json'), 'utf8')
    return (JSON.parse(text) as { fleets: { wish: unknown }[] }).fleets[0]?.wish
  }
  assert.deepEqual(await wish(), { ...filter, maxSize: 5_000_000, part: 1 })
  await exportAll(publisher, stick)
  assert.equal(await wish(), null, 'who exports everything has chosen that')
})

const unknown = 'STICK_BRANCH_UNKNOWN: there is no branch named Isla'

test('a watcher says of a stick that is done that releases did not fit', async (t) => {
  const { publisher, stick } = await given(t)
  await publish(publisher, 2, 3_000_000)
  const { watcher, told } = watch(t, publisher, [stick], { freeSpace: async () => 2_000_000 })
  await watcher.look()
  assert.deepEqual(told(), ['plugged', 'stick-plan', 'done'])
  const [seen] = watcher.sticks()
  assert.equal(seen?.state, 'done')
  assert.match(seen?.troubles.join() ?? '', /^STICK_FULL: \d+ bytes are missing/)
})

test('a machine that does not know the branches of a stick puts its reports on it and no packs', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportStick(publisher, { ...everything(stick), filter }, tools, context)
  const branch: TestHome = {
    ...(await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })),
    select: async () => ({ releases: [], blocks: [], branches: [], skipped: [unknown] })
  }
  branch.keep(testReport(7, 'runs 1'))
  const { watcher, told } = watch(t, branch, [stick])
  await watcher.look()
  assert.deepEqual(told(), ['plugged', 'stick-plan', 'done'])
  const { reports } = await importAll(publisher, stick)
  assert.equal(reports.in, 1)
})

test('a stick that was too full is tried again when somebody has made room', async (t) => {
  const { publisher, stick } = await given(t)
  await publish(publisher, 2)
  const drive = { free: 1000 }
  const { watcher, told } = watch(t, publisher, [stick], { freeSpace: async () => drive.free })
  await watcher.look()
  assert.deepEqual(told(), ['plugged', 'stick-plan', 'done'])
  assert.match(watcher.sticks()[0]?.troubles.join() ?? '', /STICK_FULL/)
  drive.free = 100_000
  await watcher.look()
  assert.deepEqual(told(), [])
  drive.free = 1_000_000_000
  await watcher.look()
  assert.deepEqual(told(), ['again', 'stick-plan', 'done'])
  assert.deepEqual(watcher.sticks()[0]?.troubles, [])
  await watcher.look()
  assert.deepEqual(told(), [])
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  await importAll(branch, stick)
  assert.ok(await holdsReleases(branch, 2))
})
