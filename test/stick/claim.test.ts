// Two programs of one machine and one stick: one after the other, whoever sees it first.
import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ControlEvent } from '../../src/control/commands.ts'
import { ChasquiError } from '../../src/errors.ts'
import { exportStick, importStick, syncStick } from '../../src/stick/round.ts'
import { watchSticks } from '../../src/stick/watcher.ts'
import { silentLog } from '../../src/system/log.ts'
import { context, everything, exportAll, holdsReleases, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder } from './support.ts'

test('a branch waits while head office writes to the stick, which is not safe to remove before both are done', async (t) => {
  const home = await openTestHome(t, { seed: 1 })
  await publish(home, 1)
  const stick = await temporaryFolder(t)
  await exportAll(home, stick)
  await publish(home, 2)
  const order: string[] = []
  const branch: TestHome = {
    ...(await openTestHome(t, { key: home.feed.db.key, node: '0b'.repeat(32) })),
    async beforeImport() {
      order.push('branch begins')
    }
  }
  let waits = 0
  const lock = async (key: string) => {
    const taken = await tools.lock(key)
    if (taken === null) waits++
    return taken
  }
  let second: ReturnType<typeof syncStick> | undefined
  const publisher: TestHome = {
    ...home,
    async select(filter) {
      second ??= syncStick(branch, everything(stick), { ...tools, now: () => 0, lock }, context)
      while (waits === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      order.push('publisher writes')
      return home.select(filter)
    }
  }
  const first = await exportStick(publisher, everything(stick), tools, context)
  const then = await second
  assert.deepEqual(order, ['publisher writes', 'branch begins'])
  assert.deepEqual([first.safeToRemove, then?.safeToRemove, then?.rejected], [false, true, []])
  assert.ok(await holdsReleases(branch, 2))
})

test('a round that failed does not call a stick safe to remove that another program waits for', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  let waits = 0
  const lock = async (key: string) => {
    const taken = await tools.lock(key)
    if (taken === null) waits++
    return taken
  }
  let second: ReturnType<typeof exportStick> | undefined
  const branch: TestHome = {
    ...(await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })),
    async afterImport() {
      second = exportStick(publisher, everything(stick), { ...tools, lock }, context)
      while (waits === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      throw new ChasquiError('DISK_FULL', 'no room')
    }
  }
  const events: ControlEvent[] = []
  const watcher = watchSticks({
    home: branch,
    mounts: { list: async () => [stick] },
    tools,
    log: silentLog,
    emit: (event) => events.push(event),
    interval: 3_600_000
  })
  t.after(() => watcher.stop())
  await watcher.look()
  const last = events.at(-1)
  assert.deepEqual([last?.what, last?.code, last?.safeToRemove], ['failed', 'DISK_FULL', false])
  assert.equal(watcher.sticks()[0]?.safeToRemove, false)
  assert.equal((await second)?.safeToRemove, true)
  await watcher.look()
  assert.equal(watcher.sticks()[0]?.safeToRemove, true, 'the other one is done with it')
})

test('a typed command gives up on a stick that another program does not leave', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  const stick = await temporaryFolder(t)
  const taken = { ...tools, lock: async () => null }
  await assert.rejects(exportStick(publisher, everything(stick), taken, context), { code: 'STICK_BUSY' })
  assert.deepEqual(await readdir(stick), [])
  const stopped = { ...context, signal: AbortSignal.abort() }
  await assert.rejects(importStick(publisher, stick, taken, stopped), { code: 'CANCELLED' })
})

test('what a program that died left half written goes with the next export', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  const folder = join(stick, 'chasqui', 'feeds', Buffer.from(publisher.feed.db.key).toString('hex'))
  await writeFile(join(folder, '0002.seg.0a0b0c.tmp'), 'half')
  await publish(publisher, 2)
  await exportAll(publisher, stick)
  assert.deepEqual(await readdir(folder), ['0001.seg', '0002.seg', 'complete.json'])
})
