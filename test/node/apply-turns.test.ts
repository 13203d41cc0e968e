// The daemon's schedule, a stick and a person may want the same update at the same time: it is applied once, and who comes
// second has nothing to do and nothing to complain about.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { applyTransactions, readyTransactions } from '../../node/apply-plan.ts'
import type { NodePlan } from '../../node/planner.ts'
import { Schedule } from '../../node/schedule.ts'
import type { ControlEvent } from '../../src/control/commands.ts'
import { context, generic, runNode, SmallFleet } from './support.ts'

const order = { mode: 'now', modules: [], reason: 'stick', force: false } as const

test('of two plans that were made before either was carried out, the second applies nothing', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', { 'a.txt': '1.0.0' })
  const node = await fleet.join(
    'Norte',
    generic('till', fleet.path('live', 'shop'), '"shop"', 'auto = "all"')
  )
  await fleet.bring(node)
  const plans = [await node.plan('now'), await node.plan('now')] as NodePlan[]
  const results = await Promise.all(
    plans.map((plan) => applyTransactions(node, plan, readyTransactions(plan, order), order, context))
  )
  assert.deepEqual(
    results.map((all) => all.map(({ result }) => result)),
    [['committed'], []]
  )
  assert.equal((await node.engine.history()).length, 1)
})

test('what failed in the first of two plans is not tried by the second', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', { 'a.txt': '1.0.0' })
  const check = '[[apps.till.checks]]\nkind = "command"\ncommand = ["false"]'
  const node = await fleet.join('Norte', generic('till', fleet.path('live', 'shop'), '"shop"', check))
  await fleet.bring(node)
  const plans = [await node.plan('now'), await node.plan('now')] as NodePlan[]
  const results = await Promise.all(
    plans.map((plan) => applyTransactions(node, plan, readyTransactions(plan, order), order, context))
  )
  assert.deepEqual(
    results.map((all) => all.map(({ result }) => result)),
    [['rolled-back'], []]
  )
})

test('a stick and the schedule at the same time apply an update once, without a problem', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', { 'a.txt': '1.0.0' })
  const node = await fleet.join(
    'Norte',
    generic('till', fleet.path('live', 'shop'), '"shop"', 'auto = "all"')
  )
  await fleet.bring(node)
  const events: ControlEvent[] = []
  const schedule = new Schedule(node, (event) => events.push(event))
  // the schedule has planned and waits for its turn while the stick's round applies
  const round = node.inTurn(async () => {
    const plan = (await node.plan('now')) as NodePlan
    schedule.wake()
    while (!events.some(({ event }) => event === 'updates')) await delay(20)
    const [transaction] = readyTransactions(plan, order)
    const config = node.config.apps.till
    if (transaction === undefined || config === undefined) throw new TypeError('nothing is planned')
    const releases = transaction.releases.map(({ release, ...one }) => {
      if (release === null) throw new TypeError('no release')
      return { ...one, release }
    })
    return node.engine.apply({ app: config, releases, reason: 'stick', force: false })
  })
  assert.equal((await round).result, 'committed')
  await node.inTurn(async () => undefined)
  await schedule.stop()
  assert.deepEqual(
    events.filter(({ event }) => event === 'applied' || event === 'problem'),
    []
  )
  const { problems } = await runNode<{ problems: unknown[] }>(node, 'status')
  assert.deepEqual(problems, [])
})
