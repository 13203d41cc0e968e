// One server with two databases, as a group of shops has it: both are upgraded, both come back when one of them fails, and the
// running server, which shows no login page without knowing which database is meant, is not held against the release.
import assert from 'node:assert/strict'
import { appendFile, cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { AppConfig } from '../../node/config/apps.ts'
import { MODULES, type Rig } from './rig.ts'
import { PROGRAM } from './rig-parts.ts'

const SECOND = 'branch2'
/** A rule of one shop's own, which lets no upgrade of the module through. */
const RULE = `create function rig_never() returns trigger language plpgsql as $$begin raise exception 'rig: never here'; end$$;
  create trigger rig_never before update on ir_module_module for each row
  when (new.name = 'rig_probe' and new.latest_version is distinct from old.latest_version) execute function rig_never()`
const BUNDLES =
  "select count(*) > 0 from ir_attachment where res_model = 'ir.ui.view' and url like '/web/%assets%'"
const INSTALLED = "select latest_version from ir_module_module where name = 'rig_probe'"

/** A second database of the same server, which then knows no database without being told one; gives the app with both. */
async function addDatabase(rig: Rig, name: string): Promise<AppConfig> {
  const [data, conf] = [rig.folder('DATA'), rig.folder('CONF')]
  await rig.rig('stop')
  await rig.drop(name)
  await rig.rig('exec', 'odoo', 'rm', '-rf', `${data}/filestore/${name}`)
  await rig.rig('exec', 'postgres', 'createdb', '-U', 'postgres', '-O', 'odoo', '-T', rig.database, name)
  await rig.rig('exec', 'odoo', 'cp', '-a', `${data}/filestore/${rig.database}`, `${data}/filestore/${name}`)
  const text = (await readFile(conf, 'utf8')).replaceAll(/^db(_name|filter) = .*\n/gm, '')
  await writeFile(conf, `${text}dbfilter = ^(${rig.database}|${name})$\n`)
  const answers = `[ "$(${PROGRAM} health)" != 000 ]`
  const service = {
    kind: 'command',
    stop: [PROGRAM, 'stop'],
    // the rig takes every answer but 200 for a failed start
    start: ['/bin/sh', '-c', `${PROGRAM} start || ${answers}`],
    status: ['/bin/sh', '-c', answers]
  }
  return rig.config({ databases: [rig.database, name] }, { service })
}

/** A variant under another number, with a change that is not the web server's alone. */
async function renumber(rig: Rig, variant: string, short: string): Promise<string> {
  const name = `${variant}-${short}`
  for (const module of MODULES) {
    await cp(rig.variant(variant, module), rig.variant(name, module), { recursive: true })
    const manifest = join(rig.variant(name, module), '__manifest__.py')
    const text = await readFile(manifest, 'utf8')
    await appendFile(join(rig.variant(name, module), '__init__.py'), `# ${short}\n`)
    await writeFile(manifest, text.replace(/\d+\.0\.\d+\.\d+\.\d+/, rig.version(short)))
  }
  return name
}

async function query(rig: Rig, database: string, sql: string): Promise<string> {
  return (await rig.rig('exec', 'odoo', 'psql', '-X', '-A', '-t', '-d', database, '-c', sql)).trim()
}

export function describeTwoDatabases(rig: () => Rig): void {
  describe('two databases', () => {
    let app: AppConfig
    let databases: string[]
    before(async () => {
      app = await addDatabase(rig(), SECOND)
      databases = [rig().database, SECOND]
      await rig()
        .rig('start')
        .catch(() => undefined)
    })

    test('both come back with their filestores when the upgrade of the second one fails', async () => {
      await query(rig(), SECOND, RULE)
      const old = [await rig().state(databases[0]), await rig().state(SECOND)]
      const result = await rig().apply(await renumber(rig(), 'v2', '2.0.0'), '2.0.0', app)
      assert.equal(result.result, 'rolled-back', JSON.stringify(result, null, 1))
      assert.match(result.error?.message ?? '', /branch2.*rig_never/)
      assert.equal(result.setAside?.length, 2)
      assert.deepEqual([await rig().state(databases[0]), await rig().state(SECOND)], old)
      await query(rig(), SECOND, 'drop function rig_never cascade')
      for (const name of result.setAside ?? []) await rig().drop(name.replace(/^database /, ''))
    })

    test('both are upgraded, looked at, and served, whatever odoo.conf leaves out of the log', async () => {
      await appendFile(app.odoo?.config ?? '', 'log_handler = :CRITICAL,odoo.modules:ERROR\n')
      const result = await rig().apply(await renumber(rig(), 'v2', '2.1.0'), '2.1.0', app)
      assert.equal(result.result, 'committed', JSON.stringify(result, null, 1))
      for (const database of databases) {
        assert.equal(await query(rig(), database, INSTALLED), rig().version('2.1.0'))
        // the old ones went with the upgrade: these were made by the look, before anybody came
        assert.equal(await query(rig(), database, BUNDLES), 't', database)
      }
      const printed = result.steps.map((one) => one.output ?? '').join('\n')
      assert.match(
        printed,
        rig().series === '19' ? /and 2 bundles of the pages/ : /and 0 bundles of the pages/
      )
      assert.deepEqual(
        result.checks?.map((one) => [one.name, one.ok]),
        [
          ['odoo-database', true],
          ['odoo-login', true]
        ]
      )
      assert.notEqual(await rig().health(), '000')
    })
  })
}
