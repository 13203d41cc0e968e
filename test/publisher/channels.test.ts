// Channels, rollouts, withdrawals and members: what the publisher says, as branches will read it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PublisherApp } from '../../publisher/app.ts'
import { promote, rollout, yank } from '../../publisher/channels.ts'
import { publisherTable } from '../../publisher/commands.ts'
import { fleetOverview } from '../../publisher/fleet.ts'
import { invite, listBranches } from '../../publisher/members.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { revoke } from '../../publisher/revoke.ts'
import { resignWhenDue } from '../../publisher/timestamp.ts'
import { pointerOf, yankOf } from '../../src/fleet/channels.ts'
import { parseInvite } from '../../src/trust/invite.ts'
import { createMembership } from '../../src/trust/membership.ts'
import { at, chasqui, context, makeHome, makePublisher, temporaryFolder, writeFiles } from './support.ts'

async function twoReleases(app: PublisherApp, folder: string): Promise<void> {
  for (const version of ['1.0.0', '1.1.0']) {
    await writeFiles(folder, { 'version.txt': version, 'app.txt': version })
    await publish(app, { dirs: [folder] }, context)
  }
}

test('a dry run says what would be moved, and moves nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await twoReleases(app, join(folder, 'shop'))
  const down = { release: 'shop@1.0.0', channel: 'stable', dryRun: true }
  await assert.rejects(promote(app, down), { code: 'DOWNGRADE_REFUSED' })
  const { version } = await promote(app, { ...down, allowDowngrade: true })
  assert.equal(version, '1.0.0')
  assert.equal(pointerOf((await app.fleet.view()).channels, 'stable', 'shop', 'default')?.version, '1.1.0')
  const others = [
    () => rollout(app, { module: 'shop', action: 50, dryRun: true }),
    () => yank(app, { release: 'shop@1.0.0', reason: 'loses sales', dryRun: true }),
    () => revoke(app, { branch: 'Norte', dryRun: true })
  ]
  await invite(app, { name: 'Norte' })
  const length = app.feed.length()
  for (const other of others) await other()
  assert.deepEqual(app.feed.length(), length)
  const said = await rollout(app, { module: 'shop', action: 50, dryRun: true })
  assert.deepEqual([said.rollout?.percentage, said.reaches], [50, 50])
})

test('an invite of a name that is taken says so', async (t) => {
  const app = await makePublisher(t, join(await temporaryFolder(t), 'home'))
  const counts = []
  for (const name of ['Norte', 'Sur', 'Norte']) counts.push((await invite(app, { name })).sameName)
  assert.deepEqual(counts, [0, 0, 1])
  await revoke(app, { branch: 'Norte', all: true })
  assert.equal((await invite(app, { name: 'Norte' })).sameName, 0)
})

test('a rollout is staged, paused, resumed with a new round, and halted', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await twoReleases(app, join(folder, 'shop'))
  const haltAfter = { failures: 2, percentage: 10 }
  const unknown = { release: 'shop@1.1.0', channel: 'beta', rollout: 10 }
  for (const named of [{ groups: ['n'] }, { branches: ['Nort'] }])
    await assert.rejects(promote(app, { ...unknown, ...named }), { code: 'BRANCH_NOT_FOUND' })
  await invite(app, { name: 'Norte', groups: ['n'] })
  const staged = await promote(app, {
    release: 'shop@1.1.0',
    channel: 'beta',
    rollout: 10,
    groups: ['n'],
    haltAfter
  })
  assert.equal(staged.rollout?.percentage, 10)
  assert.deepEqual(staged.rollout?.haltAfter, haltAfter)
  const change = async (action: unknown) =>
    (await rollout(app, { module: 'shop', channel: 'beta', action })).rollout
  assert.equal((await change('pause'))?.status, 'paused')
  assert.deepEqual([(await change('resume'))?.round, (await change(50))?.percentage], [1, 50])
  assert.equal((await change('halt'))?.status, 'halted')
  assert.equal((await rollout(app, { module: 'shop', channel: 'beta' })).rollout?.percentage, 50)
  await assert.rejects(rollout(app, { module: 'none' }), { code: 'RELEASE_NOT_FOUND' })
})

test('a pause keeps the phases of a rollout where they are, and its end is where the next one begins', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await twoReleases(app, join(folder, 'shop'))
  const hours = (count: number) => {
    const before = app.now()
    app.now = () => before + count * 3_600_000
  }
  const change = async (action?: string) =>
    (await rollout(app, { module: 'shop', channel: 'beta', action })).reaches
  await promote(app, { release: 'shop@1.0.0', channel: 'beta' })
  const phases = [
    { percentage: 5, soak: 24 },
    { percentage: 100, soak: 0 }
  ]
  const staged = await promote(app, { release: 'shop@1.1.0', channel: 'beta', phases })
  assert.deepEqual([staged.rollout?.from, staged.reaches], ['1.0.0', 5])
  await change('pause')
  hours(72)
  assert.equal(await change('resume'), 5)
  hours(24)
  assert.equal(await change(), 100)
  await writeFiles(join(folder, 'shop'), { 'version.txt': '1.2.0' })
  await publish(app, { dirs: [join(folder, 'shop')], channel: 'alpha' }, context)
  const next = await promote(app, { release: 'shop@1.2.0', channel: 'beta', rollout: 10 })
  assert.equal(next.rollout?.from, '1.1.0')
})

test('a withdrawn release stays withdrawn and cannot be promoted', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await twoReleases(app, join(folder, 'shop'))
  await yank(app, { release: 'shop@1.1.0', reason: 'loses\nsales' })
  const { channels } = await app.fleet.view()
  assert.equal(yankOf(channels.yanked, 'shop', 'default', '1.1.0')?.reason, 'loses\nsales')
  await assert.rejects(promote(app, { release: 'shop@1.1.0', channel: 'beta' }), { code: 'RELEASE_YANKED' })
})

test('who was invited is listed, an invite opens with its PIN, and who is revoked is refused', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const north = await invite(app, { name: 'Norte', groups: ['n'], modules: ['pos_*'], pin: '1234' })
  const south = await invite(app, { name: 'Sur' })
  assert.throws(() => parseInvite(north.invite), { code: 'INVITE_PIN_NEEDED' })
  const opened = parseInvite(north.invite, '1234')
  assert.deepEqual([opened.details.name, opened.details.modules], ['Norte', ['pos_*']])
  assert.deepEqual(Buffer.from(opened.feedKey), Buffer.from(app.feed.key))
  const node = app.random(32)
  const parsed = parseInvite(south.invite)
  const membership = createMembership(parsed.certificate, parsed.inviteSeed, node)
  assert.equal(app.fleet.verifyMembership(membership, Date.now()).name, 'Sur')
  assert.deepEqual(
    (await listBranches(app)).map(({ name, id, revoked }) => [name, id, revoked]),
    [
      ['Norte', null, false],
      ['Sur', null, false]
    ]
  )
  await assert.rejects(revoke(app, { branch: 'Este' }), { code: 'BRANCH_NOT_FOUND' })
  await revoke(app, { branch: 'Sur' })
  await app.fleet.view()
  assert.throws(() => app.fleet.verifyMembership(membership, Date.now()), { code: 'MEMBER_REVOKED' })
  const { branches } = await fleetOverview(app)
  assert.deepEqual(
    branches.map(({ name, revoked }) => [name, revoked]),
    [
      ['Norte', false],
      ['Sur', true]
    ]
  )
})

test('the timestamp is signed again when it is a day old, and not before', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const { version } = (await app.fleet.view()).trust.freshness
  assert.equal(await resignWhenDue(app), false)
  const later = { ...app, now: () => Date.now() + 25 * 60 * 60 * 1000 }
  assert.equal(await resignWhenDue(later), true)
  assert.equal((await app.fleet.view()).trust.freshness.version, version + 1)
})

test('two changes at the same time come one after the other', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await twoReleases(app, join(folder, 'shop'))
  const run = (name: string, args: unknown) => publisherTable[name]?.(app, args, context)
  await Promise.all(['a', 'b', 'c'].map((channel) => run('promote', { release: 'shop@1.1.0', channel })))
  const { channels } = await app.fleet.view()
  assert.deepEqual(Object.keys(channels.channels).sort(), ['a', 'b', 'c', 'stable'])
})

test('a change that nobody waits for any more is not made when its turn comes', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await twoReleases(app, join(folder, 'shop'))
  const abort = new AbortController()
  const to = (channel: string, signal: AbortSignal) =>
    publisherTable.promote?.(app, { release: 'shop@1.1.0', channel }, { ...context, signal })
  const first = to('a', context.signal)
  const second = assert.rejects(to('b', abort.signal) ?? Promise.resolve(), { code: 'CANCELLED' })
  abort.abort()
  await Promise.all([first, second])
  const { channels } = await app.fleet.view()
  assert.deepEqual(Object.keys(channels.channels).sort(), ['a', 'stable'])
})

test('the command line of channels and members speaks the JSON of the contract', async (t) => {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'home')
  await makeHome(home)
  const shop = await writeFiles(join(folder, 'shop'), { 'version.txt': '1.0.0', 'app.txt': 'a' })
  await chasqui(home, ['publish', shop, '--channel', 'alpha', '--json'])
  const promoted = await chasqui(home, [
    'promote',
    'shop@1.0.0',
    '--to',
    'stable',
    '--rollout',
    '25',
    '--json'
  ])
  for (const field of ['channel', 'module', 'version', 'rollout']) {
    assert.notEqual(at(promoted.json, field), undefined, `${field}: ${promoted.stderr}`)
  }
  for (const args of [
    ['rollout', 'shop', '50'],
    ['yank', 'shop@1.0.0', '--reason', 'x']
  ]) {
    const dry = await chasqui(home, [...args, '--dry-run', '--json'])
    assert.equal(at(dry.json, 'version'), '1.0.0', dry.stderr)
  }
  const kept = await chasqui(home, ['releases', 'shop', '--json'])
  assert.deepEqual(at(kept.json, '0.yanked'), null, kept.stderr)
  const out = join(folder, 'norte.invite')
  const made = await chasqui(home, [
    'invite',
    'Norte',
    '--group',
    'n',
    '--expires',
    '7d',
    '--out',
    out,
    '--json'
  ])
  assert.deepEqual(Object.keys(made.json as object).slice(0, 3), ['invite', 'name', 'id'], made.stderr)
  const fleet = await chasqui(home, ['fleet', '--json'])
  assert.deepEqual(
    [at(fleet.json, 'branches.0.name'), at(fleet.json, 'releases.0.module')],
    ['Norte', 'shop']
  )
})
