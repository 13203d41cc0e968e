// The odoo profile against a real PostgreSQL: what its role must be allowed, what comes back as it was.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { POSTGRES_TOOLS } from '../../node/profiles/odoo/postgres.ts'
import { realProcessRunner } from '../../src/system/process.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { applyTo, describeStands, FAIL, type Stand, upgradeRequest } from './odoo-stand.ts'

describeStands('the odoo profile with PostgreSQL', ({ cluster, stand }) => {
  const sales = (one: Stand, database: string) =>
    one.sql(database, 'select string_agg(name, $$,$$) from sale')

  const RIGHTS: [name: string, rights: string, more: (one: Stand) => string[], hint: RegExp | null][] = [
    ['an owner that may create databases is enough', 'createdb', () => [], null],
    ['a superuser may everything', 'superuser', () => [], null],
    ['without CREATEDB', 'nocreatedb', () => [], /createdb/],
    [
      'a database of somebody else',
      'createdb',
      ({ databases: [one] }) => [`alter database "${one}" owner to postgres`],
      /owner to/
    ],
    ['an extension for superusers', 'createdb', () => ['create extension pageinspect'], /superuser/]
  ]
  for (const [name, rights, more, hint] of RIGHTS) {
    test(`${name}: ${hint === null ? 'goes' : 'is refused before the stop'}`, async (t) => {
      const one = await stand(t, { rights })
      for (const text of more(one)) await one.sql(one.databases[0] ?? '', text)
      const result = await applyTo(one)
      assert.equal(
        result.error?.code,
        hint === null ? undefined : 'DATABASE_NOT_ALLOWED',
        JSON.stringify(result)
      )
      if (hint !== null) assert.match(result.error?.hint ?? '', hint)
      assert.equal(result.result, hint === null ? 'committed' : 'refused')
    })
  }

  for (const [name, kept] of [
    ['in its middle', 0.5],
    ['near its end', 0.97]
  ] as const) {
    test(`a dump that is cut off ${name} is refused before the swap`, async (t) => {
      const run: typeof realProcessRunner.run = async (request) => {
        const result = await realProcessRunner.run(request)
        const at = request.command.indexOf('-f') + 1
        const file = request.command[at] ?? ''
        if (request.command[0].endsWith('pg_dump')) await truncate(file, ((await stat(file)).size * kept) | 0)
        return result
      }
      const one = await stand(t, { parts: () => ({ runner: { ...realProcessRunner, run } }) })
      const result = await applyTo(one)
      assert.deepEqual(
        [result.error?.step, result.error?.code],
        ['back-up', 'BACKUP_FAILED'],
        JSON.stringify(result)
      )
      assert.equal(result.result, 'rolled-back')
      assert.ok(!result.steps.some(({ step }) => step === 'swap'))
      assert.equal(await sales(one, one.databases[0] ?? ''), `before in ${one.databases[0]}`)
    })
  }

  test('every database comes back with its filestore when the upgrade of the second one fails', async (t) => {
    const one = await stand(t, { databases: ['till', 'store'] })
    const [till = '', store = ''] = one.databases
    await one.hook(till, `rm data/filestore/${till}/ab/file`)
    await one.hook(store, FAIL)
    const result = await applyTo(one)
    assert.equal(result.result, 'rolled-back', JSON.stringify(result))
    assert.equal(result.setAside?.length, 2)
    for (const name of one.databases) {
      assert.equal(await sales(one, name), `before in ${name}`)
      assert.equal(
        await readFile(join(one.folder, 'data', 'filestore', name, 'ab', 'file'), 'utf8'),
        `of ${name}`
      )
    }
    await one.hook(store, '')
    await one.hook(till, '')
    assert.equal(
      (await one.branch.engine().apply({ ...upgradeRequest(one.branch), force: true })).result,
      'committed'
    )
    for (const name of one.databases) assert.equal(await sales(one, name), `before in ${name},half`)
  })

  test('what was set aside is listed and let go, the newest last, and never what is live', async (t) => {
    const one = await stand(t, { config: { 'set-aside-keep': 1 }, odoo: { rehearse: true } })
    const [till = ''] = one.databases
    const again = async () =>
      (await one.branch.engine().apply({ ...upgradeRequest(one.branch), force: true })).result
    const besides = async () =>
      (await one.sql('postgres', `select datname from pg_database where datname like '${till}_%'`)).split(
        '\n'
      )
    await one.hook(till, `[ "$db" != ${till} ] || { ${FAIL}; }`)
    for (let i = 0; i < 3; i++) assert.equal(await again(), 'rolled-back')
    const listed = await one.branch.engine().setAside('shop')
    assert.deepEqual(await besides(), listed[0]?.databases)
    assert.equal(listed.length, 1)
    assert.deepEqual(await readdir(join(one.folder, 'data', 'filestore')), [till], 'no file of a rehearsal')
    // an operator has given its name to what was set aside
    await one.branch.state.put({
      'apply/set-aside/shop/0': { ...listed[0], id: '0', path: null, databases: [till] }
    })
    assert.equal(await again(), 'rolled-back')
    assert.equal(await sales(one, till), `before in ${till}`)
  })

  test('a PostgreSQL that goes down in the middle is waited for, and the release is not to blame', async (t) => {
    const one = await stand(t)
    const [till = ''] = one.databases
    await one.hook(till, `${cluster().crash}; exit 255`)
    const failed = await applyTo(one)
    assert.equal(failed.result, 'rollback-failed', JSON.stringify(failed))
    assert.equal(failed.error?.code, 'DATABASE_UNREACHABLE')
    await cluster().resume()
    const [result] = await one.branch.engine().recover({}, { retry: 'now' })
    assert.equal(result?.result, 'rolled-back', JSON.stringify(result))
    assert.equal(await sales(one, till), `before in ${till}`)
    assert.equal(await readFile(join(one.folder, 'addons', 'rig', 'models.py'), 'utf8'), 'one')
  })

  test('odoo.conf may send the log elsewhere: the upgrade is judged all the same, and no copy of it stays', async (t) => {
    const one = await stand(t)
    await one.configure('syslog = True')
    const result = await applyTo(one)
    assert.equal(result.result, 'committed', JSON.stringify(result))
    await assert.rejects(stat(join(one.folder, '.chasqui-addons', `t-${result.transaction}`)), {
      code: 'ENOENT'
    })
  })

  test('asset bundles of the other version go when files go back, and nothing else', async (t) => {
    const one = await stand(t)
    const [till = ''] = one.databases
    assert.equal((await applyTo(one)).result, 'committed')
    const urls = [
      '/web/assets/1-ab/web.assets_web.min.js',
      '/web/content/7-ab/web.assets_common.css',
      '/web/image/1'
    ]
    for (const url of urls) await one.sql(till, `insert into ir_attachment values ('ir.ui.view', '${url}')`)
    await one.sql(till, `insert into ir_attachment values ('res.partner', '/web/assets/mine')`)
    const result = await one.branch
      .engine()
      .rollback({ app: one.branch.app, backup: null, withDatabase: false })
    assert.equal(result.result, 'committed', JSON.stringify(result))
    const left = await one.sql(till, 'select string_agg(url, $$ $$ order by url) from ir_attachment')
    assert.equal(left, '/web/assets/mine /web/image/1')
  })

  for (const [what, script, code] of [
    // in the words of its source; the real one says nothing of a dump that is smaller than its buffer
    [
      'a disk that is full',
      'echo "pg_dump: error: could not write to output file: No space left on device" >&2; exit 1',
      'DISK_FULL'
    ],
    ['a dump that fails', 'echo boom; exit 1', 'REHEARSAL_IMPOSSIBLE']
  ] as const) {
    test(`no copy to rehearse on: ${what} is ${code}, and not the fault of the release`, async (t) => {
      const bin = await mkdtemp(join(tmpdir(), 'chasqui-tools-'))
      t.after(() => rm(bin, { recursive: true, force: true }))
      for (const tool of POSTGRES_TOOLS) await symlink(join(cluster().bin, tool), join(bin, tool))
      for (const [tool, lines] of [
        // as while somebody uses the database
        [
          'psql',
          `[[ "$*" != *'create database'*template* ]] && exec ${join(cluster().bin, 'psql')} "$@"; exit 1`
        ],
        ['pg_dump', script]
      ] as const) {
        await rm(join(bin, tool))
        await writeFile(join(bin, tool), `#!/bin/bash\n${lines}\n`, { mode: 0o755 })
      }
      const one = await stand(t, { odoo: { rehearse: true, 'postgres-bin': bin } })
      const result = await applyTo(one)
      assert.equal(result.error?.code, code, JSON.stringify(result))
      assert.equal(result.error?.step, 'rehearse')
      assert.ok(result.error?.hint !== undefined || code !== 'DISK_FULL')
      const [noted] = await one.branch.engine().quarantine('shop')
      assert.deepEqual([noted?.attempts, noted?.isClosed], [1, false])
    })
  }

  const FULL: [name: string, on: (one: string) => string][] = [
    ['the home', (folder) => join(folder, 'home')],
    ['the work folder, on the volume of the addons', (folder) => join(folder, 'addons')],
    ["PostgreSQL's data", () => join(cluster().host, 'data')]
  ]
  for (const [name, on] of FULL) {
    test(`a full volume is found before the stop: ${name}`, async (t) => {
      let full = ''
      const isThere = (path: string) => path === full || path.startsWith(`${full}/`)
      const parts = (folder: string) => ({
        home: join(folder, 'home'),
        fs: {
          ...realFileSystem,
          async stat(path: string) {
            const found = await realFileSystem.stat(path)
            return found === null ? null : { ...found, device: isThere(path) ? 77 : 1 }
          },
          freeSpace: async (path: string) => (isThere(path) ? 1024 : 2 ** 40)
        }
      })
      const one = await stand(t, { rights: 'superuser', parts })
      await realFileSystem.makeDirectory(join(one.folder, 'home'), 0o755)
      full = on(one.folder)
      const result = await applyTo(one)
      assert.equal(result.error?.code, 'DISK_FULL', JSON.stringify(result))
      assert.ok(result.error?.message.startsWith(full), result.error?.message)
      full = 'nowhere'
      assert.equal((await applyTo(one)).result, 'committed')
    })
  }
})
