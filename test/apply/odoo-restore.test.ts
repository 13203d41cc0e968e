// The restore of Odoo's databases on a real PostgreSQL: what may hold work is never dropped or overwritten, however often and
// wherever the restore is cut and tried again.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { EngineParts } from '../../node/apply/parts.ts'
import { newTransaction } from '../../node/apply/plan.ts'
import { systemClock, systemHttp } from '../../node/apply/real-parts.ts'
import { placesOf, type Work } from '../../node/apply/work.ts'
import { type Odoo, openOdoo } from '../../node/profiles/odoo/context.ts'
import { backUpDatabases, fitting, restoreDatabases } from '../../node/profiles/odoo/database.ts'
import { silentLog } from '../../src/system/log.ts'
import { type ProcessRunner, realProcessRunner } from '../../src/system/process.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { type PostgresCluster, startPostgres, whyNoPostgres } from './postgres.ts'
import { parseApp } from './simulated-branch.ts'
import { SimulatedState } from './simulated-state.ts'

/** Two names that are one when they are cut where a transaction's name has to fit behind them. */
const DATABASES = ['a', 'b'].map((end) => `shop_${'x'.repeat(40)}_${end}`) as [string, string]

describe('the databases of Odoo', { skip: whyNoPostgres() }, () => {
  let cluster: PostgresCluster
  let folder: string
  before(async () => {
    cluster = await startPostgres()
  })
  after(() => cluster.stop())

  /** Both databases with one sale, backed up; `refuses`: programs that fail. */
  async function prepare(refuses: (argv: readonly string[]) => boolean = () => false) {
    folder = await mkdtemp(join(tmpdir(), 'chasqui-odoo-'))
    await mkdir(join(folder, 'filestore'), { recursive: true })
    const conf = join(folder, 'odoo.conf')
    await writeFile(conf, `[options]\ndb_host = ${cluster.host}\ndb_user = postgres\ndata_dir = ${folder}\n`)
    const runner: ProcessRunner = {
      ...realProcessRunner,
      run: async (request) =>
        refuses(request.command)
          ? { status: 1, output: 'refused by the test', duration: 0 }
          : realProcessRunner.run(request)
    }
    const app = parseApp({
      profile: 'odoo',
      modules: ['pos'],
      path: join(folder, 'addons'),
      odoo: { config: conf, databases: DATABASES, 'postgres-bin': cluster.bin }
    })
    const parts: EngineParts = {
      ...{ fs: realFileSystem, runner, state: new SimulatedState(), clock: systemClock, log: silentLog },
      ...{ random: (length: number) => randomBytes(length), http: systemHttp, platforms: ['linux'] },
      stage: async () => assert.fail('nothing is staged here'),
      platform: 'linux',
      environment: process.env,
      home: folder
    }
    const plan = { app, kind: 'update' as const, changes: [], reason: 'test', force: false }
    const transaction = newTransaction(parts, plan, {
      workFolder: join(folder, 'work'),
      drift: [],
      failing: [],
      newest: undefined
    })
    const work: Work = {
      ...{ parts, app, transaction, modules: [], signal: undefined, places: placesOf(transaction) },
      note: () => undefined,
      verified: new Map(),
      fileLists: async () => ({ before: null, after: null }),
      save: async () => undefined
    }
    const odoo = await openOdoo(work)
    for (const database of DATABASES) {
      await odoo.postgres.execute('postgres', `create database "${database}"`)
      await odoo.postgres.execute(
        database,
        "create table sale (name text); insert into sale values ('before')"
      )
    }
    await backUpDatabases(work, odoo, work.places.database)
    return { work, odoo }
  }

  /** database → its sales, of every database that is not PostgreSQL's own. */
  async function allSales(odoo: Odoo): Promise<Record<string, string[]>> {
    const names = await odoo.postgres.query<{ name: string }>(
      'postgres',
      "select datname as name from pg_database where datname like 'shop%' order by datname"
    )
    const found: Record<string, string[]> = {}
    for (const { name } of names) {
      // what was set aside is closed
      await odoo.postgres.execute('postgres', `alter database "${name}" with allow_connections true`)
      const rows = await odoo.postgres.query<{ name: string }>(name, 'select name from sale order by name')
      found[name] = rows.map((row) => row.name)
    }
    return found
  }

  const sell = (odoo: Odoo, name: string) =>
    Promise.all(DATABASES.map((one) => odoo.postgres.execute(one, `insert into sale values ('${name}')`)))

  async function cleanUp(odoo: Odoo) {
    for (const name of Object.keys(await allSales(odoo)))
      await odoo.postgres.run('dropdb', [name], 'RESTORE_FAILED')
    await rm(folder, { recursive: true })
  }

  test('each goes aside under a name of its own, also when long names begin alike', async () => {
    const { work, odoo } = await prepare()
    await sell(odoo, 'migrated')
    await restoreDatabases(work, odoo, work.places.database)
    const sales = await allSales(odoo)
    for (const one of DATABASES) assert.deepEqual(sales[one], ['before'])
    const aside = work.transaction.setAside.map((label) => label.replace('database ', ''))
    assert.equal(new Set(aside).size, 2)
    for (const one of aside) assert.deepEqual(sales[one], ['before', 'migrated'])
    await cleanUp(odoo)
  })

  test('a second try leaves alone what was restored and has been worked with since', async () => {
    const { work, odoo } = await prepare()
    await restoreDatabases(work, odoo, work.places.database)
    await sell(odoo, 'after the rollback')
    await restoreDatabases(work, odoo, work.places.database)
    const sales = await allSales(odoo)
    for (const one of DATABASES) assert.deepEqual(sales[one], ['after the rollback', 'before'])
    await cleanUp(odoo)
  })

  for (const { name, tool } of [
    { name: 'the restore itself', tool: 'pg_restore' },
    { name: 'making a database', tool: 'create database' },
    { name: 'changing the names', tool: 'rename to' }
  ]) {
    test(`no sale is lost when ${name} fails, users work meanwhile, and it is tried again`, async () => {
      let isBroken = false
      let hits = 0
      // the first database goes well
      const refuses = (argv: readonly string[]) =>
        isBroken && argv.some((word) => word.includes(tool)) && ++hits > 1
      const { work, odoo } = await prepare(refuses)
      isBroken = true
      await sell(odoo, 'migrated')
      await assert.rejects(restoreDatabases(work, odoo, work.places.database), { code: 'RESTORE_FAILED' })
      await sell(odoo, 'by hand')
      isBroken = false
      await restoreDatabases(work, odoo, work.places.database)
      const sales = await allSales(odoo)
      assert.deepEqual(sales[DATABASES[0]], ['before', 'by hand'], 'restored before the failure')
      assert.deepEqual(sales[DATABASES[1]], ['before'])
      const kept = Object.entries(sales)
        .filter(([name]) => !DATABASES.includes(name))
        .map(([, rows]) => rows)
      assert.deepEqual(kept.sort(), [
        ['before', 'by hand', 'migrated'],
        ['before', 'migrated']
      ])
      await cleanUp(odoo)
    })
  }
})

test('names that fit are kept, longer ones are cut and told apart by a hash', () => {
  assert.equal(fitting('tienda', '_20260101'), 'tienda_20260101')
  const [a, b] = DATABASES.map((one) => fitting(one, `_${'t'.repeat(26)}`))
  assert.notEqual(a, b)
  for (const one of [a, b]) assert.equal(one?.length, 63)
})
