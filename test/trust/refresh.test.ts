import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refreshTrust } from '../../src/trust/refresh.ts'
import { verifyTarget } from '../../src/trust/trust.ts'
import { START, TestFleet, utf8 } from './test-fleet.ts'

test('a branch that knows only the fleet id finds a release and its bytes check out', async () => {
  const fleet = new TestFleet()
  await fleet.release('pos_base', '1.0.0')
  const trust = await fleet.branch().refresh(START)
  const found = await trust.findRelease('pos_base', 'default', '1.0.0')
  assert.equal(found?.role, 'm.pos_base')
  verifyTarget(found, utf8('{"module":"pos_base","version":"1.0.0"}'))
  assert.throws(() => verifyTarget(found, utf8('{"module":"pos_base","version":"1.0.1"}')), {
    code: 'TARGET_MISMATCH'
  })
  assert.equal(trust.fleet.fleetName, 'Tiendas del Sur')
  assert.equal(await trust.findRelease('pos_base', 'default', '9.9.9'), null)
})

test('one release touches its role, snapshot and timestamp; only a new module touches targets', async () => {
  const fleet = new TestFleet()
  const first = await fleet.release('pos_base', '1.0.0')
  assert.deepEqual([...first.files.keys()].sort(), [
    '1.m.pos_base.json',
    '2.snapshot.json',
    '2.targets.json',
    'timestamp.json'
  ])
  const second = await fleet.release('pos_base', '1.1.0', ['release', 'online'])
  assert.deepEqual([...second.files.keys()].sort(), [
    '2.m.pos_base.json',
    '3.snapshot.json',
    'timestamp.json'
  ])
  assert.deepEqual(second.obsolete.sort(), ['1.m.pos_base.json', '2.snapshot.json'])
})

test('a refresh asks for exactly what changed', async () => {
  const fleet = new TestFleet()
  await fleet.release('pos_base', '1.0.0')
  const branch = fleet.branch()
  await branch.refresh(START)
  assert.deepEqual(branch.source.requests, [
    '1.root.json',
    '2.root.json',
    'timestamp.json',
    '2.snapshot.json',
    '2.targets.json'
  ])
  await branch.refresh(START)
  assert.deepEqual(branch.source.requests, ['2.root.json', 'timestamp.json'])
  await fleet.release('pos_base', '1.1.0')
  const trust = await branch.refresh(START)
  await trust.findRelease('pos_base', 'default', '1.1.0')
  assert.deepEqual(branch.source.requests, [
    '2.root.json',
    'timestamp.json',
    '3.snapshot.json',
    '2.m.pos_base.json'
  ])
})

test('what was accepted is enough without any source', async () => {
  const fleet = new TestFleet()
  await fleet.release('pos_base', '1.0.0')
  const branch = fleet.branch()
  await (await branch.refresh(START)).findRelease('pos_base', 'default', '1.0.0')
  const trust = await refreshTrust({ store: branch.store, source: null, now: START })
  assert.equal((await trust.findRelease('pos_base', 'default', '1.0.0'))?.role, 'm.pos_base')
})

test('releases are listed by module, track and version', async () => {
  const fleet = new TestFleet()
  for (const version of ['1.0.0', '1.1.0']) await fleet.release('pos_base', version)
  await fleet.release('web', '3.0.0')
  const trust = await fleet.branch().refresh(START)
  const names = (list: { module: string; version: string }[]) => list.map((r) => `${r.module}@${r.version}`)
  assert.deepEqual(names(await trust.listReleases()), ['pos_base@1.0.0', 'pos_base@1.1.0', 'web@3.0.0'])
  assert.deepEqual(names(await trust.listReleases('web')), ['web@3.0.0'])
})
