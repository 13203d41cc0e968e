// A stick that stays in over night: what happens meanwhile is on it in the morning, by one more round, and then it is left
// alone. Real homes and the real watcher; only the clock is the test's.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { NodeApp } from '../../node/app.ts'
import { announceReport } from '../../node/report.ts'
import { stickHome } from '../../publisher/commands.ts'
import type { FleetOverview } from '../../publisher/fleet.ts'
import { realStickTools } from '../../src/stick/commands.ts'
import { listStick } from '../../src/stick/folder.ts'
import type { StickHome } from '../../src/stick/home.ts'
import { openFolder } from '../../src/stick/open.ts'
import { watchSticks } from '../../src/stick/watcher.ts'
import { silentLog } from '../../src/system/log.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { createKey } from '../../src/trust/fleet-keys.ts'
import { generic, runNode, SmallFleet } from './support.ts'

const MINUTE = 60_000 // milliseconds

const till = (fleet: SmallFleet, name: string) =>
  generic('till', fleet.path('live', name), '"shop"', 'auto = "none"')

async function scene(t: TestContext): Promise<{ fleet: SmallFleet; node: NodeApp; stick: string }> {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', { 'a.txt': '1.0.0' })
  const node = await fleet.join('Norte', till(fleet, 'norte'))
  const stick = fleet.path('stick')
  await fleet.run('stick.export', { stick })
  return { fleet, node, stick }
}

/** The watcher of a home; `after` says how many rounds it does when so many minutes have gone by. */
function watch(t: TestContext, home: StickHome, stick: string) {
  let [ahead, rounds] = [0, 0]
  const watcher = watchSticks({
    home,
    mounts: { list: async () => [stick] },
    tools: { ...realStickTools, now: () => Date.now() + ahead },
    log: silentLog,
    emit: ({ what }) => {
      if (what === 'done') rounds++
    },
    interval: 3_600_000
  })
  t.after(() => watcher.stop())
  return async (minutes: number): Promise<number> => {
    ahead += minutes * MINUTE
    rounds = 0
    await watcher.look()
    return rounds
  }
}

test('what a node has applied since goes on the stick, and its own reports cause no round', async (t) => {
  const { fleet, node, stick } = await scene(t)
  const after = watch(t, node.stick, stick)
  assert.equal(await after(0), 1)
  for (let i = 0; i < 3; i++) assert.equal(await after(15), 0, 'nothing has happened')
  await announceReport(node)
  assert.equal(await after(15), 0, 'a report that says the same is no news')
  await runNode(node, 'apply', { now: true })
  assert.equal(await after(2), 1)
  for (let i = 0; i < 3; i++) assert.equal(await after(15), 0, 'it rests again')
  await fleet.run('stick.import', { stick })
  const { branches } = await fleet.run<FleetOverview>('fleet', {})
  assert.deepEqual(branches.find(({ name }) => name === 'Norte')?.modules, { shop: '1.0.0' })
})

test('what neighbours report goes on the stick at most every ten minutes, and only when it says something else', async (t) => {
  const { fleet, node, stick } = await scene(t)
  const other = await fleet.join('Sur', till(fleet, 'sur'))
  await runNode(other, 'stick.import', { stick })
  const after = watch(t, node.stick, stick)
  assert.equal(await after(0), 1)
  const hear = async () => {
    await announceReport(other)
    for (const { bytes } of other.records.set.list('report')) await node.records.offer(bytes, 'lan')
  }
  await hear()
  assert.equal(await after(11), 0, 'the same again')
  await runNode(other, 'apply', { now: true })
  await hear()
  assert.equal(await after(2), 0, 'not at once')
  assert.equal(await after(11), 1)
  for (let i = 0; i < 3; i++) assert.equal(await after(11), 0)
  await fleet.run('stick.import', { stick })
  const { branches } = await fleet.run<FleetOverview>('fleet', {})
  assert.deepEqual(branches.find(({ name }) => name === 'Sur')?.modules, { shop: '1.0.0' })
})

test('a request for signatures that is made at head office goes on the stick', async (t) => {
  const { fleet, stick } = await scene(t)
  const after = watch(t, stickHome(fleet.publisher), stick)
  assert.equal(await after(0), 1)
  assert.equal(await after(15), 0)
  const beto = createKey('release', (bytes) => new Uint8Array(bytes).fill(2))
  await fleet.run('keys.signers', { role: 'shop', add: [beto.public], threshold: 2 })
  assert.equal(await after(2), 1)
  assert.equal((await listStick(await openFolder(realFileSystem, stick), ['requests'])).length, 1)
  for (let i = 0; i < 3; i++) assert.equal(await after(15), 0)
})
