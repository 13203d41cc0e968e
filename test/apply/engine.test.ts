import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { removePruned } from '../../node/apply/drive.ts'
import { createEngine } from '../../node/apply/engine.ts'
import type { ApplyResult } from '../../node/apply/types.ts'
import { type BranchOptions, type FakeRelease, manifestOf, SimulatedBranch } from './simulated-branch.ts'
import { SimulatedState } from './simulated-state.ts'
import type { TillFaults } from './simulated-till.ts'

const V1 = { 'version.txt': '1.0.0', 'app/main.js': 'one', 'app/old.js': 'gone soon', 'ctl.sh': 'x run' }
const V2 = { 'version.txt': '2.0.0', 'app/main.js': 'two', 'app/new.js': 'fresh', 'ctl.sh': 'x run' }
const v1 = { module: 'shop', version: '1.0.0', files: V1 }
const v2 = { module: 'shop', version: '2.0.0', files: V2, from: '1.0.0' }
const HOUR = 3_600_000 // milliseconds
const SALES = { schema: '1.0.0', migrations: [], sales: ['before'] }

async function installed(options: BranchOptions = {}, first: FakeRelease = v1) {
  const branch = new SimulatedBranch(options)
  await branch.install(first)
  return branch
}

function steps(result: ApplyResult): string[] {
  return result.steps.map((one) => (one.ok ? one.step : `${one.step} FAILED`))
}

describe('apply', () => {
  test('puts the new version in the place of the old one, in the order of the table', async () => {
    const branch = await installed()
    const result = await branch.engine().apply(branch.request(v2))
    assert.equal(result.result, 'committed', JSON.stringify(result))
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), V2)
    assert.deepEqual(steps(result), [
      'stage',
      'rehearse',
      'stop',
      'back-up',
      'swap',
      'migrate',
      'start',
      'check',
      'commit'
    ])
    assert.deepEqual(branch.till.database, { ...SALES, schema: '2.0.0', migrations: ['1.0.0→2.0.0'] })
    assert.deepEqual(
      branch.till.calls.filter((call) => !call.startsWith('status')).map((call) => call.split(' ')[0]),
      ['health', 'stop', 'dump', 'migrate', 'start', 'health']
    )
    assert.equal((await branch.engine().installed('shop'))[0]?.version, '2.0.0')
    assert.equal((await branch.engine().history())[0]?.result, 'committed')
    assert.deepEqual(
      Object.keys(branch.disk.snapshot('/srv')).filter((name) => name.includes('/t-')),
      [],
      'staging is removed'
    )
  })

  test('keeps the old files and the database in a named backup', async () => {
    const branch = await installed()
    const result = await branch.engine().apply(branch.request(v2))
    const [backup] = await branch.engine().backups('shop')
    assert.equal(backup?.id, result.backup)
    assert.deepEqual(branch.disk.snapshot(`${backup?.path}/files/shop`), V1)
    assert.deepEqual(JSON.parse(branch.disk.snapshot(backup?.path ?? '').database ?? ''), SALES)
  })

  test('moves what is not ours into the new tree, and what the release would replace into the backup', async () => {
    const branch = await installed({ config: { keep: ['.env', 'app/settings.js'] } })
    branch.disk.plant('/srv/shop/.env', 'SECRET=1')
    branch.disk.plant('/srv/shop/media/2026/photo.jpg', 'photo')
    branch.disk.plant('/srv/shop/app/local.js', 'local')
    branch.disk.plant('/srv/shop/app/new.js', 'made here')
    branch.disk.plant('/srv/shop/app/settings.js', 'edited here')
    const files = { ...V2, 'app/settings.js': 'as released', '.env': 'SECRET=none' }
    const result = await branch.engine().apply(branch.request({ ...v2, files }))
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), {
      ...V2,
      '.env': 'SECRET=1',
      'media/2026/photo.jpg': 'photo',
      'app/local.js': 'local',
      'app/settings.js': 'edited here'
    })
    assert.deepEqual(result.drift?.[0]?.superseded, ['app/new.js'])
    assert.deepEqual(result.drift?.[0]?.kept, ['.env', 'app/settings.js'])
    const [backup] = await branch.engine().backups('shop')
    assert.equal(branch.disk.snapshot(`${backup?.path}/files/shop`)['app/new.js'], 'made here')
  })

  test('changes only the listed files of an overlay', async () => {
    const branch = await installed({}, { ...v1, kind: 'overlay' })
    branch.disk.plant('/srv/shop/app/local.js', 'local')
    const result = await branch.engine().apply(branch.request({ ...v2, kind: 'overlay' }))
    assert.equal(result.result, 'committed', JSON.stringify(result))
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), { ...V2, 'app/local.js': 'local' })
  })

  test('applies several modules in one transaction', async () => {
    const branch = new SimulatedBranch({ modules: ['pos_*'] })
    const one = { module: 'pos_a', version: '1.0.0', files: { 'version.txt': '1.0.0', a: 'a' } }
    const two = { module: 'pos_b', version: '1.0.0', files: { 'version.txt': '1.0.0', b: 'b' } }
    await branch.install(one, two)
    const files = { 'version.txt': '2.0.0' }
    const next = { version: '2.0.0', from: '1.0.0', files }
    const result = await branch.engine().apply(branch.request({ ...one, ...next }, { ...two, ...next }))
    assert.equal(result.result, 'committed')
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), {
      'pos_a/version.txt': '2.0.0',
      'pos_b/version.txt': '2.0.0'
    })
    assert.equal(branch.till.calls.filter((call) => call.startsWith('stop')).length, 1)
  })
})

describe('a step that fails leads back to the old version, files and database', () => {
  const rows: { name: string; faults: TillFaults; step: string; code: string; closed: boolean }[] = [
    { name: 'stop', faults: { stopFails: true }, step: 'stop', code: 'SERVICE_FAILED', closed: false },
    {
      name: 'an empty backup',
      faults: { backupIsEmpty: true },
      step: 'back-up',
      code: 'BACKUP_FAILED',
      closed: false
    },
    {
      name: 'a half-done migration',
      faults: { migrationFails: true },
      step: 'migrate',
      code: 'MIGRATION_FAILED',
      closed: true
    },
    {
      name: 'start',
      faults: { startFailsWith: '2.0.0' },
      step: 'start',
      code: 'SERVICE_FAILED',
      closed: true
    },
    { name: 'a check', faults: { sickVersion: '2.0.0' }, step: 'check', code: 'CHECK_FAILED', closed: true }
  ]
  for (const kind of ['directory', 'overlay'] as const) {
    for (const { name, faults, step, code, closed } of rows) {
      test(`${name} (${kind})`, async () => {
        const branch = await installed({}, { ...v1, kind })
        branch.disk.plant('/srv/shop/media/photo.jpg', 'photo')
        branch.till.faults = faults
        const result = await branch.engine().apply(branch.request({ ...v2, kind }))
        assert.equal(result.result, 'rolled-back', JSON.stringify(result))
        assert.equal(result.error?.code, code)
        assert.equal(result.error?.step, step)
        assert.deepEqual(branch.disk.snapshot('/srv/shop'), { ...V1, 'media/photo.jpg': 'photo' })
        assert.deepEqual(branch.till.database, SALES)
        assert.equal(branch.till.running, true)
        assert.equal((await branch.engine().installed('shop'))[0]?.version, '1.0.0')
        const [entry] = await branch.engine().quarantine('shop')
        assert.equal(entry?.isClosed, closed)
      })
    }
  }

  test('sets the migrated database aside before it restores the old one', async () => {
    const branch = await installed()
    branch.till.faults = { sickVersion: '2.0.0' }
    const result = await branch.engine().apply(branch.request(v2))
    const [aside = ''] = result.setAside ?? []
    const kept = branch.disk.snapshot(aside.slice(0, aside.lastIndexOf('/')))
    assert.match(kept[aside.slice(aside.lastIndexOf('/') + 1)] ?? '', /"schema":"2.0.0"/)
  })

  test('takes local files that appeared after the swap back with it', async () => {
    const checks = [{ kind: 'http', url: 'http://127.0.0.1/', retries: 0 }]
    const branch = new SimulatedBranch({ config: { commands: undefined, checks } })
    await branch.install(v1)
    branch.disk.plant('/srv/shop/media/photo.jpg', 'photo')
    const http = {
      async get() {
        if (branch.till.version() === '1.0.0') return { status: 200, body: '', type: '' }
        // the application works, and answers badly
        branch.disk.plant('/srv/shop/media/later.jpg', 'later')
        return { status: 500, body: '', type: '' }
      }
    }
    const result = await createEngine({ ...branch.parts, http }).apply(branch.request(v2))
    assert.equal(result.result, 'rolled-back', JSON.stringify(result))
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), {
      ...V1,
      'media/photo.jpg': 'photo',
      'media/later.jpg': 'later'
    })
  })
})

describe('quarantine, holds and attempts', () => {
  test('a release that failed here is refused until a newer one comes', async () => {
    const branch = await installed()
    branch.till.faults = { sickVersion: '2.0.0' }
    await branch.engine().apply(branch.request(v2))
    const again = await branch.engine().apply(branch.request(v2))
    assert.equal(again.result, 'refused')
    assert.equal(again.error?.code, 'APPLY_QUARANTINED')
    const fix = { ...v2, version: '2.0.1', files: { ...V2, 'version.txt': '2.0.1' } }
    assert.equal((await branch.engine().apply(branch.request(fix))).result, 'committed')
    assert.deepEqual(await branch.engine().quarantine('shop'), [])
  })

  test('an operator can have it tried again', async () => {
    const branch = await installed()
    branch.till.faults = { sickVersion: '2.0.0' }
    await branch.engine().apply(branch.request(v2))
    branch.till.faults = {}
    const forced = await branch.engine().apply({ ...branch.request(v2), force: true })
    assert.equal(forced.result, 'committed')
  })

  test('failures that are not its fault are counted, and end in quarantine too', async () => {
    const branch = await installed({ config: { attempts: 2 } })
    branch.till.faults = { stopFails: true }
    assert.equal((await branch.engine().apply(branch.request(v2))).result, 'rolled-back')
    assert.equal((await branch.engine().apply(branch.request(v2))).result, 'rolled-back')
    assert.equal((await branch.engine().apply(branch.request(v2))).error?.code, 'APPLY_QUARANTINED')
  })

  test('a held module is refused', async () => {
    const branch = await installed()
    await branch.engine().setHold('shop', 'shop', true)
    assert.equal((await branch.engine().apply(branch.request(v2))).error?.code, 'APPLY_HELD')
    await branch.engine().setHold('shop', 'shop', false)
    assert.equal((await branch.engine().apply(branch.request(v2))).result, 'committed')
  })
})

describe('preflight refuses before anything is stopped', () => {
  const rows: {
    name: string
    code: string
    prepare?(branch: SimulatedBranch): void
    release?: Partial<FakeRelease>
    config?: Record<string, unknown>
    from?: string
  }[] = [
    {
      name: 'no space',
      code: 'DISK_FULL',
      prepare: (branch) => {
        branch.disk.free = 1000
      }
    },
    {
      name: 'another platform',
      code: 'APPLY_INCOMPATIBLE',
      release: { more: { compat: { platform: ['win-x64'] } } }
    },
    {
      name: 'another application version',
      code: 'APPLY_INCOMPATIBLE',
      release: { more: { compat: { app: '>=3.0.0' } } },
      config: { 'app-version': '2.5.0' }
    },
    {
      name: 'a module that is not there',
      code: 'APPLY_REQUIRES',
      release: { more: { requires: { base: '*' } } }
    },
    {
      name: 'a step that the operator has not allowed',
      code: 'APPLY_INCOMPATIBLE',
      release: { more: { steps: ['format-disk'] } }
    },
    {
      name: 'a path outside',
      code: 'PATH_INVALID',
      release: { kind: 'overlay', more: { deletes: ['../../etc/passwd'] } }
    },
    { name: 'an older plan', code: 'APPLY_UNEXPECTED_VERSION', from: '0.9.0' },
    {
      name: 'local changes',
      code: 'DRIFT_REFUSED',
      config: { drift: 'refuse' },
      prepare: (branch) => branch.disk.plant('/srv/shop/app/main.js', 'edited')
    },
    {
      name: 'a program that is not there',
      code: 'APPLY_TOOL_MISSING',
      prepare: (branch) => void branch.disk.remove('/bin/ctl')
    }
  ]
  for (const { name, code, prepare, release, config, from } of rows) {
    test(name, async () => {
      const branch = await installed(config === undefined ? {} : { config })
      prepare?.(branch)
      const request = branch.request({ ...v2, ...release, from: from ?? '1.0.0' })
      assert.equal((await branch.engine().preflight(request))?.code, code)
      const result = await branch.engine().apply(request)
      assert.equal(result.result, 'refused')
      assert.equal(result.error?.code, code)
      assert.deepEqual(branch.till.calls, [])
    })
  }

  test('a symlink in the place of the folder', async () => {
    const branch = await installed()
    await branch.disk.rename('/srv/shop', '/srv/real')
    await branch.disk.makeLink('/srv/real', '/srv/shop')
    assert.equal((await branch.engine().apply(branch.request(v2))).error?.code, 'APPLY_PLACE')
  })
})

describe('steps that a release names', () => {
  test('run the operator command of that name after the migration, and a failure goes back', async () => {
    const steps = { reindex: ['/bin/ctl', 'lock'], explode: ['/bin/ctl', 'nonsense'] }
    const branch = await installed({ config: { steps } })
    const good = await branch.engine().apply(branch.request({ ...v2, more: { steps: ['reindex'] } }))
    assert.equal(good.result, 'committed')
    assert.equal(branch.till.locked, true, 'the named step ran')
    const v3 = { ...v2, version: '3.0.0', from: '2.0.0', more: { steps: ['explode'] } }
    const bad = await branch.engine().apply(branch.request(v3))
    assert.equal(bad.result, 'rolled-back')
    assert.equal(bad.error?.code, 'MIGRATION_FAILED')
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), V2)
  })
})

describe('drift', () => {
  test('names what was changed here, and keeps it in the backup', async () => {
    const branch = await installed()
    branch.disk.plant('/srv/shop/app/main.js', 'edited')
    await branch.disk.remove('/srv/shop/app/old.js')
    const result = await branch.engine().apply(branch.request(v2))
    assert.deepEqual(result.drift?.[0]?.changed, ['app/main.js'])
    assert.deepEqual(result.drift?.[0]?.missing, ['app/old.js'])
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), V2)
    const [backup] = await branch.engine().backups('shop')
    assert.equal(branch.disk.snapshot(backup?.path ?? '')['files/shop/app/main.js'], 'edited')
  })
})

describe('going back by hand', () => {
  for (const kind of ['directory', 'overlay'] as const) {
    test(`brings the files of a backup back and leaves the database alone (${kind})`, async () => {
      const branch = await installed({ config: { checks: [] } }, { ...v1, kind })
      await branch.engine().apply(branch.request({ ...v2, kind }))
      const v3 = {
        ...v2,
        version: '3.0.0',
        from: '2.0.0',
        kind,
        files: { 'version.txt': '3.0.0', 'app/main.js': 'two' }
      }
      assert.equal((await branch.engine().apply(branch.request(v3))).result, 'committed')
      branch.disk.plant('/srv/shop/media/photo.jpg', 'photo')
      const oldest = (await branch.engine().backups('shop')).find(
        (one) => one.modules[0]?.version === '1.0.0'
      )
      const result = await branch
        .engine()
        .rollback({ app: branch.app, backup: oldest?.id ?? '', withDatabase: false })
      assert.equal(result.result, 'committed', JSON.stringify(result))
      assert.deepEqual(branch.disk.snapshot('/srv/shop'), { ...V1, 'media/photo.jpg': 'photo' })
      assert.equal(branch.till.database.schema, '3.0.0')
      assert.equal((await branch.engine().installed('shop'))[0]?.version, '1.0.0')
    })
  }

  test('brings local edits back as they were: the files check compares with the backup', async () => {
    const branch = await installed({ config: { checks: [{ kind: 'files' }] } })
    branch.disk.plant('/srv/shop/app/main.js', 'edited here')
    await branch.engine().apply(branch.request(v2))
    const result = await branch.engine().rollback({ app: branch.app, backup: null, withDatabase: false })
    assert.equal(result.result, 'committed', JSON.stringify(result.checks))
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), { ...V1, 'app/main.js': 'edited here' })
  })

  test('brings the database back too when asked, and keeps the current one', async () => {
    const branch = await installed()
    await branch.engine().apply(branch.request(v2))
    branch.till.sell('after')
    const result = await branch.engine().rollback({ app: branch.app, backup: null, withDatabase: true })
    assert.equal(result.result, 'committed', JSON.stringify(result))
    assert.deepEqual(branch.till.database, SALES)
    const [aside = ''] = result.setAside ?? []
    assert.match(branch.disk.snapshot('/srv')[aside.slice('/srv/'.length)] ?? '', /after/)
  })

  test('names the backups that there are when it does not know one', async () => {
    const branch = await installed()
    await assert.rejects(branch.engine().rollback({ app: branch.app, backup: 'nope', withDatabase: false }), {
      code: 'BACKUP_NOT_FOUND'
    })
  })
})

describe('remove and adopt', () => {
  test('a files check has nothing to say of the module that goes', async () => {
    const branch = await installed({ config: { checks: [{ kind: 'files' }] } })
    const result = await branch.engine().remove({ app: branch.app, module: 'shop' })
    assert.equal(result.result, 'committed', JSON.stringify(result.checks))
  })

  test('takes a module away, and leaves what is not its own', async () => {
    const branch = await installed({ config: { checks: [] } })
    branch.disk.plant('/srv/shop/media/photo.jpg', 'photo')
    const result = await branch.engine().remove({ app: branch.app, module: 'shop' })
    assert.equal(result.result, 'committed', JSON.stringify(result))
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), { 'media/photo.jpg': 'photo' })
    assert.deepEqual(await branch.engine().installed('shop'), [])
  })

  test('recognises an installation by its files, and names what was changed', async () => {
    const branch = new SimulatedBranch()
    for (const [path, text] of Object.entries(V1))
      branch.disk.plant(`/srv/shop/${path}`, text.replace('x ', ''), 0o755)
    for (const path of ['version.txt', 'app/main.js', 'app/old.js'])
      await branch.disk.setMode(`/srv/shop/${path}`, 0o644)
    branch.disk.plant('/srv/shop/app/old.js', 'edited')
    const candidates = [V2, V1].map((files, index) => ({
      module: 'shop',
      track: 'default',
      version: `${2 - index}.0.0`,
      kind: 'directory' as const,
      manifest: manifestOf(files)
    }))
    const dry = await branch.engine().adopt({ app: branch.app, candidates, isDryRun: true })
    assert.deepEqual(
      dry.map((one) => [one.version, one.match, one.drift.changed]),
      [['1.0.0', 0.75, ['app/old.js']]]
    )
    assert.deepEqual(await branch.engine().installed('shop'), [])
    await branch.engine().adopt({ app: branch.app, candidates })
    const result = await branch.engine().apply(branch.request(v2))
    assert.equal(result.result, 'committed')
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), V2)
  })
})

describe('retention', () => {
  test('a backup that cannot be removed keeps no other one on the disk', async () => {
    const state = new SimulatedState()
    for (const n of [1, 2, 3]) await state.put({ [`apply/pruning/shop/backup-${n}`]: `/b/${n}` })
    const removed: string[] = []
    const remove = async (path: string) => {
      if (path === '/b/1') throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
      removed.push(path)
    }
    await assert.rejects(removePruned(state, remove, 'shop'), { code: 'EACCES' })
    assert.deepEqual(removed, ['/b/2', '/b/3'])
    assert.deepEqual(
      (await state.list('apply/pruning/')).map(([, path]) => path),
      ['/b/1']
    )
  })

  test('a clock that was set back does not turn the newest backup into the oldest', async () => {
    const branch = await installed({ config: { 'backup-keep': 2 } })
    for (const [from, version] of [
      ['1.0.0', '2.0.0'],
      ['2.0.0', '3.0.0'],
      ['3.0.0', '4.0.0']
    ] as const) {
      branch.now -= 86_400_000
      await branch.engine().apply(branch.request({ ...v2, version, from, files: { 'version.txt': version } }))
    }
    const backups = await branch.engine().backups('shop')
    assert.deepEqual(
      backups.map((one) => one.modules[0]?.version),
      ['3.0.0', '2.0.0']
    )
  })

  test('keeps the configured number of backups, the newest', async () => {
    const branch = await installed({ config: { 'backup-keep': 2 } })
    let from = '1.0.0'
    for (const version of ['2.0.0', '3.0.0', '4.0.0']) {
      branch.now += 60_000
      const result = await branch
        .engine()
        .apply(branch.request({ module: 'shop', version, from, files: { 'version.txt': version } }))
      assert.equal(result.result, 'committed', JSON.stringify(result))
      from = version
    }
    const backups = await branch.engine().backups('shop')
    assert.deepEqual(
      backups.map((one) => one.modules[0]?.version),
      ['3.0.0', '2.0.0']
    )
    assert.deepEqual(
      await branch.disk.list('/srv/.chasqui-shop/backups'),
      backups.map((one) => one.id).sort()
    )
  })

  for (const { name, config, pauses, left } of [
    { name: 'the configured number', config: { 'set-aside-keep': 2 }, pauses: [1, 1, 1], left: 2 },
    { name: 'the newest, however old', config: { 'set-aside-age': '1h' }, pauses: [1, 1, 2 * HOUR], left: 1 },
    { name: 'what is young', config: { 'set-aside-age': '3h' }, pauses: [1, 2 * HOUR, 2 * HOUR], left: 2 },
    {
      name: 'the newest, when the clock was set back',
      config: { 'set-aside-keep': 1 },
      pauses: [-HOUR, -HOUR],
      left: 1
    }
  ]) {
    test(`of what failed transactions have left it keeps ${name}`, async () => {
      const branch = await installed({ config })
      branch.till.faults = { sickVersion: '2.0.0' }
      const before = await branch.disk.list('/srv/.chasqui-shop/backups')
      const ids: string[] = []
      for (const pause of pauses) {
        branch.now += pause
        const result = await branch.engine().apply({ ...branch.request(v2), force: true })
        assert.equal(result.result, 'rolled-back', JSON.stringify(result))
        const [newest] = await branch.engine().setAside('shop')
        assert.equal(newest?.transaction, result.transaction)
        ids.unshift(newest?.id ?? '')
      }
      const listed = await branch.engine().setAside('shop')
      assert.deepEqual(
        listed.map(({ id }) => id),
        ids.slice(0, left)
      )
      assert.deepEqual(
        await branch.disk.list('/srv/.chasqui-shop/backups'),
        [...before, ...listed.map(({ id }) => id)].sort()
      )
      assert.ok(listed.every(({ path, bytes }) => path !== null && bytes > 0))
    })
  }
})
