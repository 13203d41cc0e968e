// What head office sees of its branches: what failed where and why, what is halted for it, and by which way each branch got
// each release.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeFleet } from '../../publisher/describe.ts'
import type { FleetOverview } from '../../publisher/fleet.ts'
import type { ReleaseLine } from '../../publisher/queries.ts'
import type { SyncResult } from '../../src/stick/round-types.ts'
import { generic, runNode, SmallFleet } from './support.ts'

/** Right for version 1 only. */
const picky = (path: string) =>
  generic(
    'till',
    path,
    '"shop"',
    `[[apps.till.checks]]
kind = "command"
command = ["grep", "-q", "1.0.0", '${path}/version.txt']
retries = 0`
  )

const file = (version: string) => ({ 'version.txt': `${version}\n` })
const failures = { failures: 1, percentage: 1 }

test('a branch that rolled back does not read good, and the halt and its reason are shown', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', file('1.0.0'))
  const node = await fleet.join('Norte', picky(fleet.path('live', 'shop')))
  await fleet.bring(node)
  await runNode(node, 'apply', { now: true })
  await fleet.takeHome(node)
  const before = await fleet.run<FleetOverview>('fleet', {})
  assert.deepEqual([before.branches[0]?.health, before.halts, before.branches[0]?.failures], ['good', [], []])

  await fleet.publish('shop', '2.0.0', file('2.0.0'), { channel: 'beta' })
  await fleet.run('promote', { release: 'shop@2.0.0', channel: 'stable', haltAfter: failures })
  await fleet.bring(node)
  await runNode(node, 'apply', { now: true }).catch(() => undefined)
  await fleet.takeHome(node)
  const after = await fleet.run<FleetOverview>('fleet', {})
  const [branch] = after.branches
  assert.equal(branch?.health, 'rolled-back')
  assert.deepEqual(
    branch?.failures.map(({ app, releases, result, code }) => ({ app, releases, result, code })),
    [
      {
        app: 'till',
        releases: [{ module: 'shop', version: '2.0.0' }],
        result: 'rolled-back',
        code: 'CHECK_FAILED'
      }
    ]
  )
  assert.deepEqual(
    after.halts.map(({ channel, module, version, branches }) => ({ channel, module, version, branches })),
    [{ channel: 'stable', module: 'shop', version: '2.0.0', branches: ['Norte'] }]
  )
  const text = describeFleet(after)
  assert.match(text, /Norte: shop@2\.0\.0 rolled-back .*CHECK_FAILED: /)
  assert.match(text, /halted on stable: shop@2\.0\.0 failed at 1 of 1/)
  assert.match(text, /shop@2\.0\.0 \(PLAN_/)
})

test('what the publisher halted is among the halts, whoever failed or not', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', file('1.0.0'))
  await fleet.publish('shop', '2.0.0', file('2.0.0'), { channel: 'beta' })
  await fleet.run('promote', { release: 'shop@2.0.0', channel: 'stable', rollout: 10 })
  assert.deepEqual((await fleet.run<FleetOverview>('fleet', {})).halts, [])
  await fleet.run('rollout', { module: 'shop', action: 'halt' })
  const { halts } = await fleet.run<FleetOverview>('fleet', {})
  assert.deepEqual(
    halts.map(({ version, branches, reason }) => ({ version, branches, reason })),
    [{ version: '2.0.0', branches: [], reason: 'the publisher halted shop@2.0.0' }]
  )
})

test('the bytes that a stick brought are the route of what the branch runs, by the stick', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', file('1.0.0'))
  const [line] = await fleet.run<ReleaseLine[]>('releases', {})
  // as it travels: each block has 8 bytes of its own
  const bytes = (line?.packs[0]?.bytes ?? 0) + 8
  const node = await fleet.join('Norte', generic('till', fleet.path('live', 'shop'), '"shop"'))
  await fleet.run('stick.export', { stick: fleet.path('stick') })
  const { stick } = await runNode<SyncResult>(node, 'stick.import', { stick: fleet.path('stick') })
  await runNode(node, 'apply', { now: true })
  await fleet.takeHome(node)
  const { releases } = await fleet.run<FleetOverview>('fleet', {})
  assert.deepEqual(releases, [
    {
      module: 'shop',
      track: 'default',
      version: '1.0.0',
      channels: ['stable'],
      yanked: false,
      branches: ['Norte'],
      route: [{ branch: 'Norte', from: `stick ${stick.slice(0, 8)}`, id: stick, class: 'stick', bytes }]
    }
  ])
  // the same stick again brings nothing that is not here, and counts nothing twice
  await fleet.bring(node)
  await fleet.takeHome(node)
  const again = await fleet.run<FleetOverview>('fleet', {})
  assert.equal(again.releases[0]?.route[0]?.bytes, bytes)
})
