// The daemon's rounds: what goes wrong in one is tried again in the next, is a problem for as long as it is one, and keeps
// nothing else from its turn.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { NodeApp } from '../../node/app.ts'
import { Schedule } from '../../node/schedule.ts'
import type { ControlEvent } from '../../src/control/commands.ts'
import type { DriveFeed } from '../../src/feed/feed.ts'
import { connect } from '../feed/support.ts'
import { generic, runNode, SmallFleet } from './support.ts'

function scheduleOf(t: TestContext, node: NodeApp) {
  const events: ControlEvent[] = []
  const schedule = new Schedule(node, (event) => events.push(event))
  t.after(() => schedule.stop())
  return { schedule, events }
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await delay(20)
}

test('a pack that nobody near has keeps no other from being carried, and is no problem once it is here', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('one', '1.0.0', { 'a.txt': 'one' })
  await fleet.publish('two', '1.0.0', { 'a.txt': 'two, which is longer' })
  const node = await fleet.join('relay', '')
  const cut = connect(fleet.publisher.feed as DriveFeed, node.feed as DriveFeed)
  while ((await node.refresh()) === null) await delay(20)
  await cut()
  const { schedule } = scheduleOf(t, node)
  schedule.wake()
  await until(() => node.problems.has('carry one@1.0.0') && node.problems.has('carry two@1.0.0'))
  await fleet.bring(node)
  schedule.wake()
  await until(() => node.problems.size === 0)
  await schedule.stop()
})

test('a round that failed is no problem any more after one that did not', async (t) => {
  const fleet = await SmallFleet.create(t)
  const node = await fleet.join('Norte', '')
  const { schedule } = scheduleOf(t, node)
  const pending = node.engine.pending
  node.engine.pending = async () => {
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
  }
  schedule.wake()
  await until(() => node.problems.has('round'))
  node.engine.pending = pending
  schedule.wake()
  await until(() => !node.problems.has('round'))
  await schedule.stop()
})

test('what a full disk of the home has left in the middle goes on as soon as there is room', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', { 'a.txt': '1.0.0' })
  const commands = '[apps.till.commands]\nstop = ["true"]\nstart = ["true"]'
  const node = await fleet.join('Norte', generic('till', fleet.path('live', 'shop'), '"shop"', commands))
  await fleet.bring(node)
  await runNode(node, 'apply', { now: true })
  await fleet.publish('shop', '2.0.0', { 'a.txt': '2.0.0' })
  await fleet.bring(node)

  const { put } = node.state
  const isStopped = async () => {
    const [entry] = await node.state.list('apply/transaction/')
    return (entry?.[1] as { state?: string } | undefined)?.state === 'stopped'
  }
  node.state.put = async (changes) => {
    if (await isStopped()) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
    return put(changes)
  }
  await assert.rejects(runNode(node, 'apply', { now: true }), { code: 'JOURNAL_FAILED' })
  node.state.put = put
  assert.deepEqual(await node.engine.cut(), ['till'])

  const { schedule, events } = scheduleOf(t, node)
  schedule.wake()
  await until(() => events.some(({ event }) => event === 'recovered'))
  assert.deepEqual(await node.engine.cut(), [])
  assert.match((await node.engine.history({ limit: 1 }))[0]?.result ?? '', /^(rolled-back|committed)$/)
  await schedule.stop()
})
