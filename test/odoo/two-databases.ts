// One server with two databases, as a group of shops has it: both are upgraded, both come back when one of them fails, and the
// running server, which shows no login page without knowing which database is meant, is not held against the release.
import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { before, describe, test } from 'node:test'
import type { AppConfig } from '../../node/config/apps.ts'
import type { Rig } from './rig.ts'

const SECOND = 'branch2'
const INSTALLED = "select latest_version from ir_module_module where name = 'rig_probe'"

export function describeTwoDatabases(rig: () => Rig): void {
  describe('two databases', () => {
    let app: AppConfig
    let databases: string[]
    before(async () => {
      app = await rig().addDatabase(SECOND)
      databases = [rig().database, SECOND]
      await rig()
        .rig('start')
        .catch(() => undefined)
    })

    test('both come back with their filestores when the upgrade of the second one fails', async () => {
      // without a row the new required field does not fail in the first one
      await rig().query(rig().database, 'delete from rig_probe')
      const old = [await rig().state(databases[0]), await rig().state(SECOND)]
      const result = await rig().apply(await rig().renumber('v3-notnull', '2.0.0'), '2.0.0', app)
      assert.equal(result.result, 'rolled-back', JSON.stringify(result, null, 1))
      assert.match(result.error?.message ?? '', new RegExp(SECOND))
      assert.equal(result.setAside?.length, 2)
      assert.deepEqual([await rig().state(databases[0]), await rig().state(SECOND)], old)
    })

    test('both are upgraded, looked at, and served, whatever odoo.conf leaves out of the log', async () => {
      await appendFile(app.odoo?.config ?? '', 'log_handler = :CRITICAL,odoo.modules:ERROR\n')
      const result = await rig().apply(await rig().renumber('v2', '2.1.0'), '2.1.0', app)
      assert.equal(result.result, 'committed', JSON.stringify(result, null, 1))
      for (const database of databases) {
        assert.equal(await rig().query(database, INSTALLED), rig().version('2.1.0'))
      }
      const looks = result.steps
        .map((one) => one.output ?? '')
        .join('\n')
        .match(/before users are let in: .*/g)
      assert.equal(looks?.length, 2, JSON.stringify(result.steps))
      const named = rig().series === '19' ? 2 : 0
      for (const look of looks ?? []) assert.match(look, new RegExp(`and ${named} bundles`))
      assert.notEqual(await rig().health(), '000')
    })
  })
}
