// Others on Odoo's PostgreSQL while a release is applied: the running Odoo itself, and programs of other roles.
import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { realProcessRunner } from '../../src/system/process.ts'
import { applyTo, describeStands, FAIL, type Stand, upgradeRequest } from './odoo-stand.ts'

describeStands("others on Odoo's PostgreSQL", ({ cluster, stand }) => {
  const sales = (one: Stand, database: string) =>
    one.sql(database, 'select string_agg(name, $$,$$) from sale')

  // as odoo/service/db.py asks when odoo.conf names no database: each of these gets its crons, its users and its login page
  const LIST_DBS = `select string_agg(datname, ' ') from pg_database
    where datdba = (select usesysid from pg_user where usename = current_user)
    and not datistemplate and datallowconn and datname not in ('postgres')`
  for (const [how, isUsed] of [
    ['a copy by PostgreSQL', false],
    ['a dump of a database that is in use', true]
  ] as const) {
    test(`Odoo never sees but the live database, rehearsed on ${how}`, async (t) => {
      const seen = new Set<string>()
      const look = async () =>
        seen.add(await one.sql('postgres', `set role ${one.role}; ${LIST_DBS}`).catch(() => 'no answer'))
      const run: typeof realProcessRunner.run = async (request) => {
        const result = await realProcessRunner.run(request)
        await look()
        return result
      }
      const one: Stand = await stand(t, {
        odoo: { rehearse: true },
        parts: () => ({ runner: { ...realProcessRunner, run } })
      })
      const [till = ''] = one.databases
      await one.hook(till, FAIL)
      const rehearsal = `chasqui_rehearsal_${till}`
      await one.hook(rehearsal, `sql "create table t ()" && ls >> data/rehearsed`)
      if (isUsed) await one.session(one.role, till)
      const failed = await applyTo(one)
      assert.equal(failed.result, 'rolled-back', JSON.stringify(failed))
      await stat(join(one.folder, 'data', 'rehearsed'))
      await one.hook(till, '')
      const request = { ...upgradeRequest(one.branch), force: true }
      assert.equal((await one.branch.engine().apply(request)).result, 'committed')
      const back = { app: one.branch.app, backup: null, withDatabase: true }
      assert.equal((await one.branch.engine().rollback(back)).result, 'committed')
      assert.deepEqual([...seen], [till])
      const aside = (await one.branch.engine().setAside('shop')).flatMap(({ databases }) => databases)
      assert.equal(aside.length, 2)
      for (const name of aside) {
        await one.sql('postgres', `set role ${one.role}; alter database "${name}" allow_connections true`)
        assert.equal(await sales(one, name), `before in ${till},half`, 'it can be opened by hand')
      }
      const open = `select datallowconn and not datistemplate from pg_database where datname = '${till}'`
      assert.equal(await one.sql('postgres', open), 't')
    })
  }

  const SESSIONS: [name: string, rights: string, grants: (own: string) => string, hint: RegExp | null][] = [
    ['a superuser', 'superuser', (own) => `grant pg_signal_backend to ${own}`, /end it, and let/],
    ['another role', '', () => '', /grant pg_signal_backend to "odoo_/],
    ['another role that it may signal', '', (own) => `grant pg_signal_backend to ${own}`, null],
    ['a role that it is a member of', '', (own) => `grant agent_${own} to ${own}`, null]
  ]
  for (const [name, rights, grants, hint] of SESSIONS) {
    test(`a session of ${name}: ${hint === null ? 'is ended' : 'is refused before the stop'}`, async (t) => {
      const one = await stand(t)
      const agent = `agent_${one.role}`
      await one.sql('postgres', `create role ${agent} login ${rights}; ${grants(one.role)}`)
      await one.session(agent, one.databases[0] ?? '')
      const result = await applyTo(one)
      if (hint === null) return assert.equal(result.result, 'committed', JSON.stringify(result))
      assert.deepEqual([result.result, result.error?.code], ['refused', 'DATABASE_NOT_ALLOWED'])
      assert.match(result.error?.message ?? '', new RegExp(`${agent} \\(psql\\) is connected to till_`))
      assert.match(result.error?.hint ?? '', hint)
    })
  }

  test('a session that may not be ended, begun after the look: the shop comes up again', async (t) => {
    const ctl = (verb: string) => ['/bin/sh', '-c', verb]
    const one = await stand(t, {
      odoo: { rehearse: true },
      parts: (folder) => ({ environment: { ...process.env, TMPDIR: folder } }),
      config: {
        service: {
          kind: 'command',
          stop: ctl('rm -f "$TMPDIR/up"'),
          start: ctl('touch "$TMPDIR/up"'),
          status: ctl('test -f "$TMPDIR/up"')
        }
      }
    })
    const [till = ''] = one.databases
    await writeFile(join(one.folder, 'up'), '')
    const psql = `${join(cluster().bin, 'psql')} -h ${cluster().host} -U postgres`
    const begun = `until ${psql} -tc "select 1 from pg_stat_activity where usename = 'postgres' and datname = '${till}'" | grep -q 1`
    await one.hook(
      `chasqui_rehearsal_${till}`,
      `${psql} -d ${till} -c "select pg_sleep(600)" >/dev/null 2>&1 & ${begun}; do sleep 0.1; done`
    )
    const result = await applyTo(one)
    assert.deepEqual(
      [result.result, result.error?.step, result.error?.code],
      ['rolled-back', 'stop', 'SERVICE_FAILED'],
      JSON.stringify(result)
    )
    assert.match(result.error?.message ?? '', /^postgres \(psql\) is connected/)
    await stat(join(one.folder, 'up'))
    assert.deepEqual(await one.branch.engine().pending(), [])
  })
})
