// What a restored database has of the one whose place it takes, beside what is in it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyTo, describeStands, FAIL } from './odoo-stand.ts'

describeStands('a restored database of Odoo', ({ stand }) => {
  test('a restored database has the order of the one before, from ICU too', async (t) => {
    const createdb = ['--locale-provider=icu', '--icu-locale=es-PE', '--lc-collate=C', '--lc-ctype=C']
    const one = await stand(t, { createdb, odoo: { rehearse: true } })
    const [till = ''] = one.databases
    await one.hook(till, FAIL)
    assert.equal((await applyTo(one)).result, 'rolled-back')
    const sql = `select datlocprovider::text || ' ' || to_jsonb(d)::text from pg_database d where datname = '${till}'`
    assert.match(await one.sql('postgres', sql), /^i .*es-PE/)
  })

  test('a restored database has the rights and the settings of the one before, and what may not be is noted', async (t) => {
    const one = await stand(t)
    const [till = ''] = one.databases
    const [reader, other] = [`reader_${one.role}`, `"Other ""one"" ${one.role}"`]
    await one.sql(
      till,
      `create role ${reader}; create role ${other};
      alter role ${one.role} in database ${till} set work_mem = '5MB';
      set role ${one.role};
      revoke all on database ${till} from public;
      grant connect on database ${till} to ${reader} with grant option;
      alter database ${till} set lock_timeout = '5s';
      alter database ${till} set search_path = "$user", public;
      alter database ${till} set "DateStyle" = 'German, DMY';
      alter database ${till} connection limit 77;
      grant select on sale to ${reader};
      grant select (url) on ir_attachment to ${other};
      alter default privileges grant select on tables to ${reader}`
    )
    const database = `select datacl, datconnlimit, (select json_agg(s order by setrole) from (
      select setrole::regrole, setconfig from pg_db_role_setting where setdatabase = d.oid) s)
      from pg_database d where datname = '${till}'`
    const objects = `select json_agg(o order by o::text) from (
      select relname, relacl, (select json_agg(attacl) from pg_attribute where attrelid = c.oid and attacl is not null)
      from pg_class c where relnamespace = 'public'::regnamespace
      union all select 'default', defaclacl, null from pg_default_acl) o`
    const all = async () => [await one.sql('postgres', database), await one.sql(till, objects)]
    const before = await all()
    assert.match(before.join(), /reader.*reader.*Other/s)
    await one.sql('postgres', `alter database ${till} set log_min_duration_statement = '9s'`)
    await one.hook(till, FAIL)
    const result = await applyTo(one)
    assert.equal(result.result, 'rolled-back', JSON.stringify(result))
    assert.deepEqual(await all(), before)
    const printed = result.steps.map(({ output }) => output ?? '').join('\n')
    assert.match(printed, /lacks something: .*log_min_duration_statement.*permission denied/)
  })
})
