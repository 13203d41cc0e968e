// What has failed to end: it waits, is tried again without touching what is back already, is settled by a person, and keeps
// the application down for as long as it is neither old nor new.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createEngine } from '../../node/apply/engine.ts'
import type { ApplyResult, Engine } from '../../node/apply/types.ts'
import { removeTree } from '../../src/system/durable.ts'
import { type BranchOptions, LOCKING_COMMANDS, parseApp, SimulatedBranch } from './simulated-branch.ts'
import type { TillFaults } from './simulated-till.ts'

const V1 = { 'version.txt': '1.0.0', 'main.js': 'one' }
const V2 = { 'version.txt': '2.0.0', 'main.js': 'two' }
const v1 = { module: 'shop', version: '1.0.0', files: V1 }
const v2 = { module: 'shop', version: '2.0.0', files: V2, from: '1.0.0' }
const HOLD = '/srv/.chasqui-shop/shop.down'
const MINUTE = 60_000 // milliseconds

/** A branch whose update has just gone wrong in the given way. */
async function stuck(faults: TillFaults, options: BranchOptions = {}) {
  const branch = new SimulatedBranch(options)
  await branch.install(v1)
  branch.till.faults = faults
  const result = await branch.engine().apply(branch.request(v2))
  return { branch, result, engine: branch.engine() }
}

const NO_RESTORE = { sickVersion: '2.0.0', loadFails: true }
const NO_START = { sickVersion: '2.0.0', startFailsWith: '1.0.0' }
const NO_UNLOCK = { unlockFails: true }

const isHeld = (branch: SimulatedBranch) => Object.keys(branch.disk.snapshot(HOLD)).length > 0
const only = (results: ApplyResult[]) => {
  assert.equal(results.length, 1)
  return results[0] as ApplyResult
}
const isKept = (branch: SimulatedBranch, sale: string) =>
  Object.values(branch.disk.snapshot('/srv')).some((text) => text.includes(`"${sale}"`))

describe('a rollback that failed', () => {
  test('is left alone by whatever only opens the home, and by a new apply', async () => {
    const { branch, result, engine } = await stuck(NO_RESTORE)
    assert.equal(result.state, 'rollback-failed')
    branch.till.faults = {}
    branch.till.startByHand()
    branch.till.sell('by hand')
    const calls = branch.till.calls.length
    assert.deepEqual(await engine.recover(), [])
    const refused = await engine.apply(branch.request(v2))
    assert.equal(refused.error?.code, 'APPLY_BLOCKED')
    assert.match(refused.error?.message ?? '', /then: restore ended with status 1 \(restore failed\)/)
    assert.equal(branch.till.calls.length, calls, 'nothing was run')
  })

  test('sets the database aside again before it restores it again', async () => {
    const { branch, engine } = await stuck(NO_RESTORE)
    branch.till.faults = { sickVersion: '2.0.0' }
    branch.till.startByHand()
    branch.till.sell('by hand')
    const result = only(await engine.recover({}, { retry: 'now' }))
    assert.equal(result.result, 'rolled-back', JSON.stringify(result))
    assert.deepEqual(branch.till.database.sales, ['before'])
    assert.ok(isKept(branch, 'by hand'), JSON.stringify(result.setAside))
    assert.equal(new Set(result.setAside).size, result.setAside?.length)
  })

  test('takes the commands from the configuration as it is now', async () => {
    const misspelled = { ...LOCKING_COMMANDS, restore: ['/bin/ctl', 'laod', '{backup}'] }
    const { branch, result, engine } = await stuck(
      { sickVersion: '2.0.0' },
      { config: { commands: misspelled } }
    )
    assert.equal(result.alsoFailed?.at(-1)?.code, 'RESTORE_FAILED')
    const app = parseApp({
      profile: 'generic',
      modules: ['shop'],
      path: '/srv/shop',
      commands: LOCKING_COMMANDS
    })
    assert.equal(only(await engine.recover({}, { retry: 'now', apps: { shop: app } })).result, 'rolled-back')
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), V1)
    assert.ok(branch.till.running && !branch.till.locked)
  })

  test('is tried again by itself when its time has come, later each time, with one entry in the history', async () => {
    const { branch, engine } = await stuck(NO_RESTORE)
    const waits: number[] = []
    for (let tries = 0; tries < 12; tries++) {
      const [pending] = await engine.pending()
      if (pending?.retryAt === null || pending === undefined) break
      const wait = Date.parse(pending.retryAt) - branch.now
      waits.push(Math.ceil(wait / MINUTE))
      branch.now += wait - 2_000
      assert.deepEqual(await engine.recover({}, { retry: 'due' }), [], 'not before')
      branch.now += 3_000
      assert.equal((await engine.recover({}, { retry: 'due' })).length, 1)
    }
    assert.deepEqual(waits.slice(0, 7), [1, 2, 4, 8, 16, 32, 60])
    assert.equal(waits.length, 9, 'with ten copies of the database, a person is asked')
    const entries = (await engine.history()).filter((one) => one.result === 'rollback-failed')
    assert.equal(entries.length, 1)
    assert.ok((entries[0]?.steps.length ?? 0) <= 60 && (entries[0]?.alsoFailed?.length ?? 0) <= 20)
  })

  test('does not stop by itself what somebody has started since', async () => {
    const { branch, engine } = await stuck(NO_RESTORE)
    branch.till.startByHand()
    branch.now += 2 * MINUTE
    assert.deepEqual(await engine.recover({}, { retry: 'due' }), [])
    assert.ok(branch.till.running)
    assert.equal((await engine.pending())[0]?.retryAt, null, 'a person is asked')
  })

  test('goes on although nobody can tell whether the application runs', async () => {
    const checks = [{ kind: 'http', url: 'http://127.0.0.1/', retries: 0 }]
    const branch = new SimulatedBranch({ config: { checks } })
    await branch.install(v1)
    const http = {
      async get() {
        if (branch.till.version() === '1.0.0') return { status: 200, body: '', type: '' }
        await branch.disk.remove('/bin/ctl').catch(() => undefined)
        return { status: 500, body: '', type: '' }
      }
    }
    const result = await createEngine({ ...branch.parts, http }).apply(branch.request(v2))
    assert.equal(result.state, 'rollback-failed', 'the database needs the program')
    assert.equal(result.alsoFailed?.at(-1)?.step, 'restore-database')
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), V1, 'the files are back')
    branch.disk.plant('/bin/ctl', 'program', 0o755)
    assert.equal(only(await branch.engine().recover({}, { retry: 'now' })).result, 'rolled-back')
  })
})

describe('an old version that does not start', () => {
  test('is only started again: what was entered since stays where it is', async () => {
    const { branch, result, engine } = await stuck(NO_START)
    assert.deepEqual([result.result, result.state], ['rollback-failed', 'restart-failed'])
    branch.till.faults = {}
    branch.till.startByHand()
    branch.till.sell('by hand')
    const before = branch.till.calls.length
    assert.equal(only(await engine.recover({}, { retry: 'now' })).result, 'rolled-back')
    assert.deepEqual(branch.till.database.sales, ['before', 'by hand'])
    const verbs = branch.till.calls.slice(before).map((call) => call.split(' ')[0])
    assert.deepEqual([...new Set(verbs)], ['status'], 'what runs is not stopped')
  })

  test('is not taken for one that runs because nothing checks it', async () => {
    const faults = { stopLies: true, startFailsWith: '1.0.0' }
    const { status: _none, ...commands } = LOCKING_COMMANDS
    const { branch, result } = await stuck(faults, { config: { commands, checks: [] } })
    assert.equal(branch.till.running, false)
    assert.equal(result.state, 'restart-failed')
  })

  test('is ended by the next apply', async () => {
    const { branch, engine } = await stuck(NO_START)
    branch.till.faults = {}
    const result = await engine.apply({ ...branch.request(v2), force: true })
    assert.equal(result.result, 'committed')
  })
})

describe('an update whose users cannot be let in', () => {
  const locking = { config: { commands: LOCKING_COMMANDS } }

  test('is unfinished, and says why; it is finished when it is tried again', async () => {
    const { branch, result, engine } = await stuck(NO_UNLOCK, locking)
    assert.deepEqual(
      [result.result, result.error?.code, result.alsoFailed],
      ['unfinished', 'SERVICE_FAILED', undefined]
    )
    assert.equal((await engine.history())[0]?.result, 'unfinished')
    assert.match(
      (await engine.pending())[0]?.message ?? '',
      /users are not let in: unlock ended with status 1/
    )
    branch.till.faults = {}
    branch.now += 2 * MINUTE
    const ended = only(await engine.recover({}, { retry: 'due' }))
    assert.deepEqual([ended.result, ended.error], ['committed', undefined])
    assert.equal(branch.till.locked, false)
    const history = await engine.history()
    assert.deepEqual(
      history.map((one) => one.result),
      ['committed', 'committed'],
      'the install and this one'
    )
  })

  test('counts as committed when a person has let them in', async () => {
    const { branch, engine } = await stuck(NO_UNLOCK, locking)
    branch.till.locked = false
    const settled = await engine.giveUp('shop')
    assert.equal(settled.result, 'committed')
    assert.equal((await engine.installed('shop'))[0]?.version, '2.0.0')
    assert.deepEqual(await engine.pending(), [])
  })
})

describe('settled by hand', () => {
  const rows: {
    name: string
    faults: TillFaults
    prepare(branch: SimulatedBranch): void
    version: string
  }[] = [
    { name: 'the old files are back', faults: NO_RESTORE, prepare: () => undefined, version: '1.0.0' },
    {
      name: 'somebody has put the new files there',
      faults: NO_RESTORE,
      prepare: (branch) => {
        for (const [path, text] of Object.entries(V2)) {
          void branch.disk.remove(`/srv/shop/${path}`)
          branch.disk.plant(`/srv/shop/${path}`, text)
        }
      },
      version: '2.0.0'
    }
  ]
  for (const { name, faults, prepare, version } of rows) {
    test(`is recorded as it stands, nothing is deleted: ${name}`, async () => {
      const { branch, engine } = await stuck(faults)
      prepare(branch)
      const [live, work] = [branch.disk.snapshot('/srv/shop'), branch.disk.snapshot('/srv/.chasqui-shop')]
      const result = await engine.giveUp('shop')
      assert.ok(result.settledAt !== undefined)
      assert.deepEqual(branch.disk.snapshot('/srv/shop'), live)
      const { 'shop.down': _hold, ...rest } = work
      assert.deepEqual(branch.disk.snapshot('/srv/.chasqui-shop'), rest, 'all but the hold')
      assert.equal((await engine.installed('shop'))[0]?.version, version)
      assert.equal((await engine.quarantine('shop'))[0]?.isClosed, true)
      await assert.rejects(engine.giveUp('shop'), { code: 'NOTHING_PENDING' })
    })
  }

  test('what it leaves is listed, not let go by retention, and forgotten when a person has deleted it', async () => {
    const { branch, engine, result } = await stuck(NO_RESTORE, { config: { 'set-aside-keep': 1 } })
    await engine.giveUp('shop')
    const listed = async () => (await engine.setAside('shop')).map(({ id }) => id)
    const [backup, staging] = [result.transaction, `${result.transaction}-staging`]
    assert.deepEqual(await listed(), [staging, backup])
    const [other, one] = await engine.setAside('shop')
    assert.deepEqual([one?.settled, other?.settled], [true, true])
    assert.ok(isKept(branch, 'before'), 'the dump is in it')
    assert.equal(other?.path, `/srv/.chasqui-shop/t-${backup}`)
    assert.ok((other?.bytes ?? 0) > 0)
    branch.till.database.schema = '1.0.0'
    const again: string[] = []
    for (const version of ['2.0.1', '2.0.2', '2.0.3']) {
      branch.till.faults = { sickVersion: version }
      const bad = { ...v2, version, files: { ...V2, 'version.txt': version } }
      again.unshift((await engine.apply(branch.request(bad))).transaction)
    }
    assert.deepEqual(await listed(), [again[0], staging, backup], 'one by the rules, and the settled ones')
    await removeTree(branch.disk, one?.path ?? '')
    await removeTree(branch.disk, other?.path ?? '')
    branch.till.faults = {}
    const good = { ...v2, version: '2.0.4', files: { ...V2, 'version.txt': '2.0.4' } }
    assert.equal((await engine.apply(branch.request(good))).result, 'committed')
    assert.deepEqual(await listed(), [again[0]])
  })

  test('an old version that did not start needs nothing of the new one: its staging is deleted', async () => {
    const { branch, engine, result } = await stuck(NO_START)
    assert.equal(result.state, 'restart-failed')
    const staging = `/srv/.chasqui-shop/t-${result.transaction}`
    assert.notEqual(await branch.disk.stat(staging), null)
    await engine.giveUp('shop')
    assert.equal(await branch.disk.stat(staging), null)
    assert.deepEqual(
      (await engine.setAside('shop')).map(({ id }) => id),
      [result.transaction]
    )
  })

  for (const [name, faults, expected] of [
    ['of a named module: that one', { migrationFails: true }, ['pos_0 closed']],
    ['of nobody in particular: all are suspects', {}, ['pos_0 apart', 'pos_1 apart']]
  ] as const) {
    test(`a failure ${name}`, async () => {
      const modules = ['pos_0', 'pos_1']
      const branch = new SimulatedBranch({ modules: ['pos_*'] })
      await branch.install(...modules.map((module) => ({ ...v1, module })))
      branch.till.faults = { ...NO_RESTORE, ...faults }
      const result = await branch
        .engine()
        .apply(branch.request(...modules.map((module) => ({ ...v2, module }))))
      assert.equal(result.state, 'rollback-failed', JSON.stringify(result))
      await branch.engine().giveUp('shop')
      const noted = (await branch.engine().quarantine('shop')).map(
        ({ module, isClosed, together }) =>
          `${module} ${isClosed ? 'closed' : together === true ? 'apart' : 'open'}`
      )
      assert.deepEqual(noted, expected)
    })
  }

  test('the next update begins', async () => {
    const { branch, engine } = await stuck(NO_RESTORE)
    await engine.giveUp('shop')
    branch.till.faults = {}
    branch.till.database.schema = '1.0.0'
    const fix = { ...v2, version: '2.0.1', files: { ...V2, 'version.txt': '2.0.1' } }
    assert.equal((await engine.apply(branch.request(fix))).result, 'committed')
  })
})

describe('kept down', () => {
  test('from the stop to the start, and not afterwards', async () => {
    const branch = new SimulatedBranch()
    await branch.install(v1)
    const seen: string[] = []
    const emit = (event: { event: string; [field: string]: unknown }) => {
      if (event.event === 'step' && event.state === 'begins' && isHeld(branch)) seen.push(String(event.step))
    }
    await branch.engine().apply(branch.request(v2), { emit })
    assert.deepEqual(seen, ['back-up', 'swap', 'migrate', 'start'])
    assert.equal(isHeld(branch), false)
  })

  test('while it is neither old nor new', async () => {
    const { branch, engine } = await stuck(NO_RESTORE)
    assert.ok(isHeld(branch))
    assert.equal((await engine.pending())[0]?.hold, HOLD)
  })

  for (const [name, faults] of Object.entries({
    'rolled back': { sickVersion: '2.0.0' },
    'not restarted': NO_START
  })) {
    test(`not once everything is back: ${name}`, async () => {
      const { branch } = await stuck(faults)
      assert.equal(isHeld(branch), false)
    })
  }
})

describe('a release that has lost a program', () => {
  const commands = {
    ...{ stop: ['./ctl', 'stop'], start: ['./ctl', 'start'], status: ['./ctl', 'status'] },
    ...{ backup: ['./ctl', 'dump', '{backup}'], restore: ['./ctl', 'load', '{backup}'] }
  }
  const withProgram = { ...v1, files: { ...V1, ctl: 'x program' } as Record<string, string> }

  async function own(more = {}): Promise<{ branch: SimulatedBranch; engine: Engine }> {
    const branch = new SimulatedBranch({ config: { commands, checks: [], ...more } })
    await branch.install(withProgram)
    return { branch, engine: branch.engine() }
  }

  for (const [name, files] of Object.entries({
    'does not have it': V2,
    'has it without the right to be run': { ...V2, ctl: 'program' }
  })) {
    test(`is refused while the old version still runs: it ${name}`, async () => {
      const { branch, engine } = await own()
      const result = await engine.apply(branch.request({ ...v2, files }))
      assert.deepEqual([result.result, result.error?.code], ['rolled-back', 'APPLY_TOOL_MISSING'])
      assert.ok(!branch.till.calls.some((call) => call === 'stop'), 'no downtime')
      assert.ok(branch.till.running)
    })
  }

  test('is no such release when the program is kept here', async () => {
    const { branch, engine } = await own({ keep: ['ctl'] })
    assert.equal((await engine.apply(branch.request(v2))).result, 'committed')
    assert.equal(branch.disk.snapshot('/srv/shop').ctl, 'x program')
  })

  test('or that takes it away with the last module: then nothing is left to control', async () => {
    const { branch, engine } = await own()
    const result = await engine.remove({ app: branch.app, module: 'shop' })
    assert.notEqual(result.error?.code, 'APPLY_TOOL_MISSING', JSON.stringify(result.error))
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), {})
  })
})
