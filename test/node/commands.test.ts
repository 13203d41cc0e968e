import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { NodeApp } from '../../node/app.ts'
import type { ApplyResult, HistoryEntry } from '../../node/apply/types.ts'
import { generic, readFiles, runNode, SmallFleet } from './support.ts'

const V1 = { 'version.txt': '1.0.0', 'a.txt': 'one\n'.repeat(500), 'b.txt': 'b' }
const V2 = { ...V1, 'version.txt': '2.0.0', 'a.txt': `${V1['a.txt']}two\n` }
const DAY = 86_400_000 // milliseconds

interface Plan {
  transactions: {
    app: string
    releases: { module: string; from: string | null; to: string; bytes: number; severity: string }[]
    blocked: { code: string } | null
  }[]
}
interface Status {
  name: string
  feed: { length: number; signedAt: string; heardAt: string; stale: boolean }
  apps: {
    app: string
    profile: string
    modules: { module: string; version: string | null; available: string | null; state: string }[]
  }[]
  peers: unknown[]
  links: object
  problems: { code: string }[]
}

/** A branch that has shop@1.0.0 installed; `more` is added to its app's configuration. */
async function shop(t: TestContext, more = ''): Promise<{ fleet: SmallFleet; node: NodeApp; live: string }> {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', V1)
  const live = fleet.path('live', 'shop')
  const node = await fleet.join('norte', generic('shop', live, '"shop"', more))
  await fleet.bring(node)
  const first = await runNode<ApplyResult>(node, 'apply', { now: true })
  assert.equal(first.result, 'committed', JSON.stringify(first))
  return { fleet, node, live }
}

async function outline(node: NodeApp): Promise<string[]> {
  const { transactions } = await runNode<Plan>(node, 'plan')
  return transactions.map(({ releases, blocked }) => {
    const steps = releases.map(({ module, from, to }) => `${module} ${from ?? '-'}>${to}`).join(', ')
    return blocked === null ? steps : `${steps} ${blocked.code}`
  })
}

describe('a node', () => {
  it('shows, plans, applies, goes back and remembers', async (t) => {
    const { fleet, node, live } = await shop(t)
    await fleet.publish('shop', '2.0.0', V2, { notes: 'faster', severity: 'critical' })
    await fleet.bring(node)
    const before = await runNode<Status>(node, 'status')
    assert.deepEqual(
      before.apps[0]?.modules.map(({ module, version, available, state }) => [
        module,
        version,
        available,
        state
      ]),
      [['shop', '1.0.0', '2.0.0', 'available']]
    )
    assert.equal(before.feed.stale, false)
    assert.ok(before.feed.length > 0 && before.feed.signedAt <= before.feed.heardAt)
    const [planned] = (await runNode<Plan>(node, 'plan')).transactions
    assert.equal(planned?.releases[0]?.severity, 'critical')
    assert.ok((planned?.releases[0]?.bytes ?? 0) < 1000, 'a delta')

    const dry = await runNode<{ result: string; refusals: unknown[] }>(node, 'apply', { dryRun: true })
    assert.deepEqual([dry.result, dry.refusals], ['dry-run', []])
    assert.deepEqual(await readFiles(live), V1)
    const applied = await runNode<ApplyResult>(node, 'apply')
    assert.equal(applied.result, 'committed')
    assert.ok(applied.steps.every((step) => step.ok))
    assert.deepEqual(await readFiles(live), V2)
    assert.equal((await runNode<ApplyResult>(node, 'apply')).result, 'nothing-to-do')

    const backups = await runNode<{ id: string }[]>(node, 'backups')
    const back = await runNode<ApplyResult>(node, 'rollback', { to: backups[0]?.id })
    assert.equal(back.result, 'committed')
    assert.deepEqual(await readFiles(live), V1)
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0 PLAN_MANUAL'], 'not again by itself')
    assert.equal((await runNode<ApplyResult>(node, 'apply')).result, 'committed', 'but by hand')
    const history = await runNode<HistoryEntry[]>(node, 'history', { limit: 2 })
    assert.deepEqual(
      history.map((one) => [one.kind, one.result, one.reason]),
      [
        ['update', 'committed', 'operator'],
        ['restore', 'committed', 'operator']
      ]
    )
    assert.equal((await runNode<{ ok: boolean }>(node, 'validate')).ok, true)
    assert.equal((await runNode<{ ok: boolean }>(node, 'fsck')).ok, true)
    assert.equal((await runNode<{ ok: boolean }>(node, 'doctor')).ok, true)
  })

  it('rolls back what its check refuses, does not try again, and the publisher learns why', async (t) => {
    const check = `[[apps.shop.checks]]\nkind = "command"\ncommand = ["grep", "-q", "one", "a.txt"]\nretries = 0`
    const { fleet, node, live } = await shop(t, `attempts = 1\n${check}`)
    await fleet.publish('shop', '2.0.0', { 'version.txt': '2.0.0', 'a.txt': 'bad' })
    await fleet.bring(node)
    const result = await runNode<ApplyResult>(node, 'apply')
    assert.equal(result.result, 'rolled-back')
    assert.deepEqual(await readFiles(live), V1)
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0 PLAN_QUARANTINED'])
    await assert.rejects(runNode(node, 'apply'), { code: 'PLAN_QUARANTINED' })
    await fleet.takeHome(node)
    const { branches } = await fleet.run<{
      branches: { modules: object; transactions: { error: { code: string } }[] }[]
    }>('fleet', {})
    assert.deepEqual(branches[0]?.modules, { shop: '1.0.0' })
    assert.equal(branches[0]?.transactions[0]?.error.code, result.error?.code)

    await fleet.publish('shop', '2.0.1', V2)
    await fleet.bring(node)
    assert.equal((await runNode<ApplyResult>(node, 'apply')).result, 'committed', 'the fix goes through')
  })

  it('updates over a drifted file with nothing but the stick, and names the drift', async (t) => {
    const { fleet, node, live } = await shop(t)
    await appendFile(join(live, 'a.txt'), 'local')
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.bring(node)
    const result = await runNode<ApplyResult>(node, 'apply')
    assert.equal(result.result, 'committed')
    assert.deepEqual(await readFiles(live), V2)
    assert.deepEqual(
      result.drift?.flatMap((one) => one.changed),
      ['a.txt']
    )
  })

  it('waits for the window; --now does not; a missed window is made up for at boot', async (t) => {
    const hour = new Date().getUTCHours()
    const at = (h: number) => `${String((h + 24) % 24).padStart(2, '0')}:00`
    const more = `window = "${at(hour + 6)}-${at(hour + 8)}"\ntimezone = "UTC"`
    const { fleet, node } = await shop(t, more)
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.bring(node)
    await node.presence.start()
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0 PLAN_WINDOW'])
    await assert.rejects(runNode(node, 'apply'), { code: 'PLAN_WINDOW' })
    fleet.ahead = 6.5 * 3_600_000
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0'], 'open')
    for (fleet.ahead = 0; fleet.ahead < DAY; fleet.ahead += 600_000) await node.presence.tick()
    const closed = ['shop 1.0.0>2.0.0 PLAN_WINDOW']
    assert.deepEqual(await outline(node), closed, 'closed again, and it was on all the time')
    await node.presence.stop()
    await fleet.closeNode(node)
    const again = await fleet.open('norte')
    await again.presence.start()
    assert.deepEqual(
      await outline(again),
      closed,
      'a start in the morning makes nothing of a window that it was on in'
    )
    await again.presence.stop()
    await fleet.closeNode(again)
    fleet.ahead = 2 * DAY
    const later = await fleet.open('norte')
    await later.presence.start()
    assert.deepEqual(await outline(later), ['shop 1.0.0>2.0.0'], 'it was off while the window was open')
    await later.presence.stop()
  })

  it('trusts no window while its clock is behind what was signed', async (t) => {
    const { fleet, node } = await shop(t, 'window = "00:00-24:00"')
    await fleet.publish('shop', '2.0.0', V2)
    fleet.ahead = -40 * 365 * DAY
    await fleet.bring(node)
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0 PLAN_WINDOW'])
    assert.equal(
      (await runNode<ApplyResult>(node, 'apply', { now: true })).result,
      'committed',
      'never a brick'
    )
  })

  it('sees its news run out while nothing new comes, and goes on or holds as it is told', async (t) => {
    const { fleet, node } = await shop(t, '[node]\nstale = "warn"')
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.bring(node)
    assert.equal((await runNode<Status>(node, 'status')).feed.stale, false)
    fleet.ahead = 400 * DAY
    assert.equal((await runNode<Status>(node, 'status')).feed.stale, true)
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0'])
    node.config.node.stale = 'hold'
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0 PLAN_STALE'])
    await assert.rejects(runNode(node, 'apply', { now: true }), { code: 'PLAN_STALE' })
  })

  it('holds, lets go, removes', async (t) => {
    const { fleet, node, live } = await shop(t)
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.bring(node)
    await runNode(node, 'hold', { module: 'shop' })
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0 PLAN_HELD'])
    assert.equal((await runNode<ApplyResult>(node, 'apply')).result, 'nothing-to-do')
    await assert.rejects(runNode(node, 'apply', { modules: ['shop'] }), { code: 'PLAN_HELD' })
    await runNode(node, 'unhold', { module: 'shop' })
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0'])
    assert.equal((await runNode<ApplyResult>(node, 'remove', { module: 'shop' })).result, 'committed')
    assert.deepEqual((await readdir(join(live, '..'))).includes('shop'), false)
    assert.deepEqual(await outline(node), ['shop ->2.0.0 PLAN_HELD'], 'what was removed does not come again')
  })

  it('does not remove what another module needs', async (t) => {
    const fleet = await SmallFleet.create(t)
    await fleet.publish('base', '1.0.0', V1)
    await fleet.publish('child', '1.0.0', V1, { requires: ['base >=1.0'] })
    const node = await fleet.join('norte', generic('shop', fleet.path('live'), '"base", "child"'))
    await fleet.bring(node)
    assert.deepEqual(await outline(node), ['base ->1.0.0, child ->1.0.0'])
    await runNode(node, 'apply')
    await assert.rejects(runNode(node, 'remove', { module: 'base' }), {
      code: 'APPLY_REQUIRES',
      message: /child@1\.0\.0/
    })
    for (const module of ['child', 'base'])
      assert.equal((await runNode<ApplyResult>(node, 'remove', { module })).result, 'committed')
  })

  it('takes over what is there already, local changes named, and goes on with a delta', async (t) => {
    const fleet = await SmallFleet.create(t)
    await fleet.publish('shop', '1.0.0', V1)
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.publish('web', '1.0.0', { 'version.txt': '1.0.0' })
    const live = fleet.path('live')
    await mkdir(join(live, 'shop'))
    for (const [path, text] of Object.entries(V1)) await writeFile(join(live, 'shop', path), text)
    await writeFile(join(live, 'shop', 'b.txt'), 'changed here')
    const node = await fleet.join('norte', generic('app', live, '"*"'))
    await fleet.bring(node)
    const dry = await runNode<{
      apps: { modules: { module: string; version: string; drift: { changed: string[] } }[] }[]
    }>(node, 'adopt', { dryRun: true })
    assert.deepEqual(await outline(node), ['shop ->2.0.0, web ->1.0.0'], 'a dry run changes nothing')
    assert.deepEqual(
      dry.apps[0]?.modules.map((one) => [one.module, one.version, one.drift.changed]),
      [['shop', '1.0.0', ['b.txt']]]
    )
    await runNode(node, 'adopt')
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0, web ->1.0.0'])
    assert.equal((await runNode<ApplyResult>(node, 'apply', { modules: ['shop'] })).result, 'committed')
    assert.deepEqual(await readdir(live).then((names) => names.includes('web')), false, 'only what was named')
  })

  it('takes over by itself what is exactly a release, and refuses to install over anything else', async (t) => {
    const fleet = await SmallFleet.create(t)
    await fleet.publish('shop', '1.0.0', V1)
    await fleet.publish('web', '1.0.0', { 'version.txt': '1.0.0', 'old.txt': 'old' })
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.publish('web', '2.0.0', { 'version.txt': '2.0.0' })
    const live = fleet.path('live')
    for (const folder of ['shop/media', 'web']) await mkdir(join(live, folder), { recursive: true })
    for (const [path, text] of Object.entries(V1)) await writeFile(join(live, 'shop', path), text)
    await writeFile(join(live, 'shop', 'media', 'photo.jpg'), 'local')
    await writeFile(join(live, 'web', 'old.txt'), 'edited here')
    const node = await fleet.join('norte', generic('app', live, '"*"', 'keep = ["media/**"]'))
    await fleet.bring(node)
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0, web ->2.0.0'])
    assert.equal((await runNode<ApplyResult>(node, 'apply', { modules: ['shop'] })).result, 'committed')
    const refused = await runNode<ApplyResult>(node, 'apply')
    assert.equal(refused.error?.code, 'APPLY_NOT_ADOPTED', JSON.stringify(refused))
    assert.deepEqual(await readdir(join(live, 'web')), ['old.txt'])
  })

  it('never applies what was withdrawn, and never forgets it', async (t) => {
    const { fleet, node } = await shop(t)
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.run('yank', { release: 'shop@2.0.0', reason: 'loses sales' })
    await fleet.bring(node)
    const plan = await outline(node)
    assert.ok(
      plan.every((one) => !one.startsWith('shop 1.0.0>2.0.0') || one.endsWith('PLAN_YANKED')),
      String(plan)
    )
  })

  it('holds by itself what failed at another branch, until the publisher resumes', async (t) => {
    const check = `[[apps.shop.checks]]\nkind = "command"\ncommand = ["grep", "-q", "one", "a.txt"]\nretries = 0`
    const { fleet, node } = await shop(t, `attempts = 1\n${check}`)
    const other = await fleet.join('sur', generic('shop', fleet.path('live', 'sur'), '"shop"', check))
    await fleet.publish('shop', '2.0.0', { 'version.txt': '2.0.0', 'a.txt': 'bad' }, { channel: 'beta' })
    const haltAfter = { failures: 1, percentage: 0 }
    await fleet.run('promote', { release: 'shop@2.0.0', channel: 'stable', haltAfter })
    await fleet.bring(node)
    assert.equal((await runNode<ApplyResult>(node, 'apply')).result, 'rolled-back')
    await fleet.takeHome(node)
    await fleet.bring(other)
    assert.deepEqual(await outline(other), ['shop ->2.0.0 PLAN_HALTED'])
    const { halts } = await runNode<{ halts: { version: string; branches: string[] }[] }>(other, 'status')
    assert.deepEqual(
      halts.map((one) => [one.version, one.branches]),
      [['2.0.0', ['norte']]]
    )
    await fleet.run('rollout', { module: 'shop', action: 'resume' })
    await fleet.bring(other)
    assert.deepEqual(await outline(other), ['shop ->2.0.0'], 'a resume voids what came before it')
  })

  it('waits for its turn in a staged rollout, which may be narrowed later', async (t) => {
    const { fleet, node } = await shop(t)
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.run('invite', { name: 'sur' })
    await fleet.run('promote', { release: 'shop@2.0.0', channel: 'stable', rollout: 0, branches: ['sur'] })
    await fleet.bring(node)
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0 PLAN_ROLLOUT'])
    assert.equal((await runNode<ApplyResult>(node, 'apply')).result, 'nothing-to-do')
    await fleet.run('rollout', { module: 'shop', action: 100 })
    await fleet.bring(node)
    assert.deepEqual(await outline(node), ['shop 1.0.0>2.0.0'])
  })

  it('goes down only where the release key allows it', async (t) => {
    const { fleet, node, live } = await shop(t)
    await fleet.publish('shop', '2.0.0', V2)
    await fleet.bring(node)
    await runNode(node, 'apply')
    await fleet.run('promote', { release: 'shop@1.0.0', channel: 'stable', allowDowngrade: true })
    await fleet.bring(node)
    assert.equal((await runNode<ApplyResult>(node, 'apply')).result, 'committed')
    assert.deepEqual(await readFiles(live), V1)
  })

  it('does not install what its licence does not name', async (t) => {
    const fleet = await SmallFleet.create(t)
    await fleet.publish('shop', '1.0.0', V1)
    const node = await fleet.join('norte', generic('shop', fleet.path('live', 'shop'), '"shop"'), {
      modules: ['web_*']
    })
    await fleet.bring(node)
    assert.deepEqual(await outline(node), ['shop ->1.0.0 PLAN_NOT_ENTITLED'])
  })

  it('says what it does not know, with the nearest thing that it does', async (t) => {
    const { node } = await shop(t)
    const wrong: [name: string, args: object, code: string, hint: RegExp][] = [
      ['apply', { modules: ['shp'] }, 'MODULE_UNKNOWN', /did you mean "shop"/],
      ['plan', { app: 'shpo' }, 'APP_UNKNOWN', /did you mean "shop"/],
      ['hold', { module: 'web' }, 'MODULE_UNKNOWN', /status/],
      ['remove', { module: 'web' }, 'NOT_INSTALLED', /./],
      ['rollback', { to: 'nothing' }, 'BACKUP_NOT_FOUND', /./],
      ['history', { limit: 0 }, 'USAGE', /./]
    ]
    for (const [name, args, code, hint] of wrong) {
      await assert.rejects(runNode(node, name, args), (error: { code: string; hint?: string }) => {
        assert.equal(error.code, code, name)
        if (hint.source !== '.') assert.match(error.hint ?? '', hint)
        return true
      })
    }
  })

  it('has nothing to say while nothing has arrived', async (t) => {
    const fleet = await SmallFleet.create(t)
    const node = await fleet.join('norte', generic('shop', fleet.path('live', 'shop'), '"shop"'))
    assert.deepEqual((await runNode<Plan>(node, 'plan')).transactions, [])
    assert.equal((await runNode<Status>(node, 'status')).feed.length, 0)
    await assert.rejects(runNode(node, 'apply'), { code: 'FEED_EMPTY' })
    assert.equal((await runNode<{ ok: boolean }>(node, 'doctor')).ok, false)
  })
})
