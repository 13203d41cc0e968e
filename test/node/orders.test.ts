// "Apply now" orders from head office to a branch and back, by stick only: what is applied is what was ordered, on the
// stick that it was ordered on, once, in time; and what could not be done is said.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import type { NodeApp } from '../../node/app.ts'
import type { FleetOverview } from '../../publisher/fleet.ts'
import type { ExportResult, SyncResult } from '../../src/stick/round-types.ts'
import { generic, runNode, SmallFleet } from './support.ts'

const DAY = 24 * 60 * 60 * 1000 // milliseconds

interface Scene {
  fleet: SmallFleet
  node: NodeApp
  stick: string
  installed(): Promise<string[]>
}

/** A branch with 1.0.0 that applies nothing by itself, known at head office. */
async function scene(t: TestContext): Promise<Scene> {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', { 'a.txt': '1.0.0' })
  const node = await fleet.join(
    'Norte',
    generic('till', fleet.path('live', 'shop'), '"shop"', 'auto = "none"')
  )
  await fleet.bring(node)
  await runNode(node, 'apply', { now: true })
  await fleet.takeHome(node)
  const installed = async () => (await node.engine.installed('till')).map(({ version }) => version)
  return { fleet, node, stick: fleet.path('stick'), installed }
}

const order = (version: string) => ({ orders: [{ branch: 'Norte', module: 'shop', version }] })

async function problemsAt({ fleet, node }: Scene): Promise<string[]> {
  const here = await runNode<{ problems: { message: string }[] }>(node, 'status')
  await fleet.takeHome(node)
  const home = await fleet.run<FleetOverview>('fleet', {})
  const texts = here.problems.map(({ message }) => message)
  assert.deepEqual(
    home.branches[0]?.problems.map(({ message }) => message),
    texts
  )
  return texts
}

for (const how of ['stick.import', 'stick.sync']) {
  test(`${how} by hand carries out the order of that stick, and nothing else`, async (t) => {
    const { fleet, node, stick, installed } = await scene(t)
    await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
    await fleet.run('stick.export', { stick, ...order('1.1.0') })
    const result = await runNode<SyncResult>(node, how, { stick })
    assert.deepEqual(await installed(), ['1.1.0'])
    assert.deepEqual(result.troubles, [])
    await fleet.run('stick.import', { stick })
    const { branches } = await fleet.run<FleetOverview>('fleet', {})
    assert.deepEqual(branches[0]?.modules, { shop: '1.1.0' }, 'the report on the stick says so already')
  })
}

test('what is ordered comes with the stick, whatever it was made for', async (t) => {
  const { fleet, node, stick, installed } = await scene(t)
  await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
  await fleet.publish('other', '1.0.0', { 'a.txt': 'other' })
  const { plan } = await fleet.run<ExportResult>('stick.export', {
    stick,
    modules: ['other'],
    ...order('1.1.0')
  })
  assert.deepEqual(plan.releases.map(({ module, version }) => `${module} ${version}`).sort(), [
    'other 1.0.0',
    'shop 1.1.0'
  ])
  const { troubles } = await runNode<SyncResult>(node, 'stick.sync', { stick })
  assert.deepEqual([await installed(), troubles], [['1.1.0'], []])
})

test('an order for a release that the channel has left behind applies nothing, and both sides are told', async (t) => {
  const all = await scene(t)
  const { fleet, node, stick, installed } = all
  await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
  await fleet.run('stick.export', { stick, ...order('1.1.0') })
  await fleet.publish('shop', '1.2.0', { 'a.txt': '1.2.0' })
  await fleet.run('stick.export', { stick })
  const { troubles } = await runNode<SyncResult>(node, 'stick.sync', { stick })
  assert.deepEqual(await installed(), ['1.0.0'])
  assert.match(troubles.join(), /shop@1\.1\.0.*1\.2\.0/)
  assert.match((await problemsAt(all)).join(), /shop@1\.1\.0/)
})

test('of two orders for one module the later one counts, and the former leaves the stick', async (t) => {
  const { fleet, node, stick, installed } = await scene(t)
  for (const version of ['1.1.0', '1.2.0']) {
    fleet.publisher.now = () => Date.now() + (version === '1.2.0' ? 60_000 : 0)
    await fleet.publish('shop', version, { 'a.txt': version })
    await fleet.run('stick.export', { stick, ...order(version) })
  }
  const { troubles } = await runNode<SyncResult>(node, 'stick.sync', { stick })
  assert.deepEqual([await installed(), troubles], [['1.2.0'], []])
  assert.deepEqual(await readdir(`${stick}/chasqui/grants`), [])
})

test('an order that was carried out is quiet at every later visit, and leaves the stick', async (t) => {
  const all = await scene(t)
  const { fleet, node, stick } = all
  await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
  await fleet.run('stick.export', { stick, ...order('1.1.0') })
  const copied = await readdir(`${stick}/chasqui/grants`)
  const bytes = await readFile(`${stick}/chasqui/grants/${copied[0]}`)
  await runNode(node, 'stick.sync', { stick })
  assert.deepEqual(await readdir(`${stick}/chasqui/grants`), [])
  await writeFile(`${stick}/chasqui/grants/${copied[0]}`, bytes)
  const { troubles } = await runNode<SyncResult>(node, 'stick.sync', { stick })
  assert.deepEqual(troubles, [])
  assert.deepEqual(await problemsAt(all), [])
})

test('an order that could not be carried out waits for its own stick, not for any', async (t) => {
  const { fleet, node, stick, installed } = await scene(t)
  const other = fleet.path('other')
  await mkdir(other)
  await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
  await runNode(node, 'hold', { module: 'shop' })
  await fleet.run('stick.export', { stick, ...order('1.1.0') })
  const first = await runNode<SyncResult>(node, 'stick.sync', { stick })
  assert.match(first.troubles.join(), /^STICK_ORDER: .*shop@1\.1\.0/)
  await runNode(node, 'unhold', { module: 'shop' })
  await fleet.run('stick.export', { stick: other })
  await runNode(node, 'stick.sync', { stick: other })
  assert.deepEqual(await installed(), ['1.0.0'])
  await runNode(node, 'stick.sync', { stick })
  assert.deepEqual(await installed(), ['1.1.0'])
})

const late = [
  { name: 'that comes after its time', held: false },
  { name: 'that runs out while it waits', held: true }
]

for (const { name, held } of late) {
  test(`an order ${name} is not carried out, and is said once`, async (t) => {
    const all = await scene(t)
    const { fleet, node, stick, installed } = all
    await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
    await fleet.run('stick.export', { stick, ...order('1.1.0') })
    if (held) {
      await runNode(node, 'hold', { module: 'shop' })
      await runNode(node, 'stick.sync', { stick })
      await runNode(node, 'unhold', { module: 'shop' })
    }
    fleet.ahead = 15 * DAY
    const said = await runNode<SyncResult>(node, 'stick.sync', { stick })
    assert.match(said.troubles.join(), /^STICK_ORDER: .*ran out/)
    const again = await runNode<SyncResult>(node, 'stick.sync', { stick })
    assert.deepEqual(again.troubles, [])
    assert.deepEqual(await installed(), ['1.0.0'])
  })
}

test('a forged order is told as long as the stick brings it', async (t) => {
  const all = await scene(t)
  const { fleet, node, stick } = all
  await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
  await fleet.run('stick.export', { stick, ...order('1.1.0') })
  const [name = ''] = await readdir(`${stick}/chasqui/grants`)
  const path = `${stick}/chasqui/grants/${name}`
  await writeFile(path, (await readFile(path, 'utf8')).replace('"version":"1.1.0"', '"version":"1.0.9"'))
  const { troubles } = await runNode<SyncResult>(node, 'stick.sync', { stick })
  assert.match(troubles.join(), /^STICK_ORDER: .*signature does not verify/)
  assert.match((await problemsAt(all)).join(), /signature does not verify/)
  await rm(path)
  await runNode(node, 'stick.sync', { stick })
  assert.deepEqual(await problemsAt(all), [])
})

const impossible = [
  {
    name: 'nobody',
    order: { branch: 'Nobody', module: 'shop', version: '1.0.0' },
    code: 'STICK_BRANCH_UNKNOWN'
  },
  {
    name: 'no release',
    order: { branch: 'Norte', module: 'shop', version: '9.9.9' },
    code: 'STICK_NOTHING_SELECTED'
  },
  {
    name: 'a release that no channel offers',
    order: { branch: 'Norte', module: 'shop', version: '1.0.0' },
    code: 'STICK_NOTHING_SELECTED'
  }
]

for (const { name, order: wanted, code } of impossible) {
  for (const dryRun of [true, false]) {
    test(`an order for ${name} is refused before anything is written${dryRun ? ', also in a dry run' : ''}`, async (t) => {
      const { fleet } = await scene(t)
      await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
      const empty = fleet.path('empty')
      await mkdir(empty)
      const run = fleet.run('stick.export', { stick: empty, orders: [wanted], dryRun })
      await assert.rejects(run, { code })
      assert.deepEqual(await readdir(empty), [])
    })
  }
}

test('head office takes orders away that ran out', async (t) => {
  const { fleet, stick } = await scene(t)
  await fleet.publish('shop', '1.1.0', { 'a.txt': '1.1.0' })
  await fleet.run('stick.export', { stick, ...order('1.1.0') })
  await fleet.run('stick.export', { stick })
  assert.equal((await readdir(`${stick}/chasqui/grants`)).length, 1)
  fleet.publisher.now = () => Date.now() + 15 * DAY
  await fleet.run('stick.export', { stick })
  assert.deepEqual(await readdir(`${stick}/chasqui/grants`), [])
})
