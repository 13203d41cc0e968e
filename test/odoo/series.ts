// What Chasqui promises for an Odoo branch, on a real server: the good releases arrive, and after each bad one the files and
// the database are as they were before, proved by dumps.
import assert from 'node:assert/strict'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Rig } from './rig.ts'
import { whyNot } from './rig-parts.ts'
import { describeTwoDatabases } from './two-databases.ts'

const BROKEN: { variant: string; what: string; only?: '14' | '19' }[] = [
  { variant: 'v3-migfail', what: 'a migration that raises after it has changed data' },
  { variant: 'v3-childfail', what: 'a child that fails after its parent was upgraded and committed' },
  { variant: 'v3-endfail', what: 'an end-migration that raises' },
  { variant: 'v3-badxml', what: 'XML that is not well-formed' },
  { variant: 'v3-badview', what: 'a view with a field that does not exist' },
  { variant: 'v3-badpy', what: 'Python that does not parse' },
  { variant: 'v3-nodep', what: 'a dependency that does not exist' },
  { variant: 'v3-notinstallable', what: 'a module that is not installable (status 0)' },
  { variant: 'v3-badmanifest', what: 'a manifest that does not parse (status 0 on 19)' },
  { variant: 'v3-extdep', what: 'a Python library that is missing' },
  { variant: 'v3-nomigrate', what: 'a migration file without migrate() (status 0 on 14)' },
  { variant: 'v3-notnull', what: 'a required field that rows lack (status 0)' },
  { variant: 'v3-http500', what: 'a login page that is broken after a good upgrade' },
  { variant: 'v3-hookfail', what: 'a registry that cannot be loaded by a server' }
]

export function describeSeries(series: '14' | '19'): void {
  const reason = whyNot()
  describe(`Odoo ${series}`, reason === undefined ? {} : { skip: reason }, () => {
    let rig: Rig
    before(async () => {
      rig = await Rig.start(series)
    })
    after(() => rig.stop())

    test('adopts what is installed', async () => {
      const installed = await rig.engine.installed('till')
      assert.deepEqual(installed.map((one) => [one.module, one.version]).sort(), [
        ['rig_child', rig.version('1.0.0')],
        ['rig_probe', rig.version('1.0.0')]
      ])
    })

    test('refuses a database that does not exist before anything is stopped', async () => {
      const app = rig.config({ databases: ['no_such_database'] })
      const result = await rig.apply('v2', '1.1.0', app)
      assert.equal(result.error?.code, 'DATABASE_MISSING', JSON.stringify(result.error))
      assert.equal(await rig.health(), '200')
    })

    test('refuses while PostgreSQL is down, and leaves everything alone', async () => {
      await rig.rig('stop')
      await rig.rig('pg-stop')
      const result = await rig.apply('v2', '1.1.0')
      await rig.rig('pg-start')
      await rig.rig('start')
      assert.equal(result.result, 'refused')
      assert.equal(result.error?.code, 'DATABASE_UNREACHABLE', JSON.stringify(result.error))
    })

    test('upgrades both modules with their migration, once', async (t) => {
      const result = await rig.apply('v2', '1.1.0')
      assert.equal(result.result, 'committed', JSON.stringify(result, null, 1))
      assert.equal(await rig.sql('select string_agg(distinct score::text, $$,$$) from rig_probe'), '11')
      assert.equal(await rig.health(), '200')
      t.diagnostic(
        `downtime ${result.downtime} ms: ${result.steps.map((one) => `${one.step} ${one.ms}`).join(', ')}`
      )
    })

    for (const { variant, what } of BROKEN) {
      test(`goes back from ${what} (${variant})`, async () => {
        const old = await rig.state()
        const result = await rig.apply(variant, '1.2.0')
        assert.equal(result.result, 'rolled-back', JSON.stringify(result, null, 1))
        assert.equal(result.error?.step, 'migrate', JSON.stringify(result, null, 1))
        assert.deepEqual(await rig.state(), old)
        assert.equal(await rig.health(), '200')
        assert.equal(result.setAside?.length, 1, 'the replaced database is kept and named')
        await dropSetAside(rig, result.setAside ?? [])
      })
    }

    for (const [variant, what] of [
      ['v3-slow', 'in mid-migration'],
      ['v3-childslow', 'after the first module was committed']
    ] as const) {
      test(`a node that is killed ${what} goes back at its next start (${variant})`, async () => {
        const old = await rig.state()
        const query =
          "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
        const printed = await rig.applyAndKill(variant, '1.2.0', async () => (await rig.sql(query)) === '1')
        assert.doesNotMatch(printed, /"result"/, 'it was killed in time')
        const [result] = await rig.engine.recover()
        assert.equal(result?.result, 'rolled-back', JSON.stringify(result, null, 1))
        assert.equal(result?.error?.code, 'APPLY_INTERRUPTED')
        assert.deepEqual(await rig.state(), old)
        assert.equal(await rig.health(), '200')
        await dropSetAside(rig, result?.setAside ?? [])
      })
    }

    test('rehearses on a copy: a migration that fails costs no downtime', async () => {
      const old = await rig.state()
      const result = await rig.apply('v3-migfail', '1.2.0', rig.config({ rehearse: true }))
      assert.equal(result.error?.code, 'REHEARSAL_FAILED', JSON.stringify(result, null, 1))
      assert.equal(result.downtime, undefined)
      assert.equal(
        result.steps.some((one) => one.step === 'stop'),
        false
      )
      assert.deepEqual(await rig.state(), old)
      const copies = await rig.sql("select count(*) from pg_database where datname like 'chasqui_rehearsal%'")
      assert.equal(copies, '0')
    })

    test('a static change is a restart, not an upgrade', async () => {
      const folder = rig.variant('v2-static', 'rig_probe')
      await cp(rig.variant('v2', 'rig_probe'), folder, { recursive: true })
      await cp(rig.variant('v2', 'rig_child'), rig.variant('v2-static', 'rig_child'), { recursive: true })
      await cp(join(folder, 'views'), join(folder, 'static'), { recursive: true })
      const manifest = join(folder, '__manifest__.py')
      const { readFile } = await import('node:fs/promises')
      await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('1.1.0', '1.1.1'))
      const result = await rig.apply('v2-static', '1.1.1', rig.app, ['rig_probe'])
      assert.equal(result.result, 'committed', JSON.stringify(result, null, 1))
      const version = await rig.sql("select latest_version from ir_module_module where name = 'rig_probe'")
      assert.equal(version, rig.version('1.1.0'), 'the database was not upgraded')
    })

    test('goes back by hand to a kept backup, without the asset bundles of the newer version', async () => {
      const url = '/web/assets/0-stale/web.assets_stale.min.js'
      await rig.sql(
        `insert into ir_attachment (name, res_model, url, type) values ('stale', 'ir.ui.view', '${url}', 'url')`
      )
      const result = await rig.engine.rollback({ app: rig.app, backup: null, withDatabase: false })
      assert.equal(result.result, 'committed', JSON.stringify(result, null, 1))
      assert.equal(await rig.health(), '200')
      assert.equal(await rig.sql(`select count(*) from ir_attachment where url = '${url}'`), '0')
    })

    test('the repaired release migrates everything once, also what had been half-done before', async () => {
      const result = await rig.apply('v3-childfixed', '1.2.0')
      assert.equal(result.result, 'committed', JSON.stringify(result, null, 1))
      assert.equal(await rig.sql('select string_agg(distinct score::text, $$,$$) from rig_probe'), '111')
    })

    describeTwoDatabases(() => rig)
  })
}

async function dropSetAside(rig: Rig, names: readonly string[]): Promise<void> {
  for (const name of names) await rig.drop(name.replace(/^database /, ''))
}
