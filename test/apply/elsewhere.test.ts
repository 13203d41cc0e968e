// The configuration was changed so that it means another place than the one that a module was installed in: an update would go
// there and end well, while the service runs the old code.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { KEYS } from '../../node/apply/records.ts'
import type { InstalledModule } from '../../node/apply/types.ts'
import { type BranchOptions, manifestOf, SimulatedBranch } from './simulated-branch.ts'

const V1 = { 'version.txt': '1.0.0', 'app/main.js': 'one', 'app/old.js': 'gone soon' }
const V2 = { 'version.txt': '2.0.0', 'app/main.js': 'two' }
const next = { module: 'shop', version: '2.0.0', files: V2, from: '1.0.0' }

describe('a configuration that means another place than the one that a module is in', () => {
  const theme = { module: 'theme', version: '1.0.0', files: { 'theme.css': 'x' }, from: null }
  const rows: { name: string; before: BranchOptions; after: BranchOptions; now: string }[] = [
    {
      name: 'a second module is named',
      before: {},
      after: { modules: ['shop', 'theme'] },
      now: '/srv/shop/shop'
    },
    {
      name: 'one module is left',
      before: { modules: ['shop', 'theme'] },
      after: {},
      now: '/srv/shop'
    },
    { name: 'another path', before: {}, after: { path: '/srv/erp' }, now: '/srv/erp' }
  ]
  /** version 1 by the first configuration, and a branch with the second one */
  const changed = async ({ before, after }: Pick<(typeof rows)[number], 'before' | 'after'>) => {
    const first = new SimulatedBranch(before)
    const was = before.modules === undefined ? '/srv/shop' : '/srv/shop/shop'
    await first.install({ module: 'shop', version: '1.0.0', files: V1 })
    const branch = new SimulatedBranch(after, first.disk, first.state)
    return { first, branch, was, files: first.disk.snapshot('/srv') }
  }
  /** what was installed before its place was recorded */
  const forget = async ({ state }: SimulatedBranch) => {
    const [[key, record] = ['', {}]] = await state.list(KEYS.installed('shop'))
    const { live: _, ...old } = record as InstalledModule
    await state.put({ [key]: old })
  }
  for (const row of rows) {
    for (const isOld of [false, true]) {
      test(`${row.name}${isOld ? ', of an old record' : ''}: refused before anything is stopped`, async () => {
        const { branch, was, files } = await changed(row)
        if (isOld) await forget(branch)
        const result = await branch.engine().apply(branch.request(next))
        assert.deepEqual(
          [result.result, result.error?.code],
          ['refused', 'APPLY_PLACE'],
          JSON.stringify(result)
        )
        assert.ok(result.error?.message.includes(row.now), result.error?.message)
        if (!isOld) assert.ok(result.error?.message.includes(`installed in ${was}`), result.error?.message)
        assert.deepEqual(branch.till.calls, [])
        assert.deepEqual(branch.disk.snapshot('/srv'), files)
      })
    }

    test(`${row.name}: once its folder was moved, it is updated there`, async () => {
      const { branch, was } = await changed(row)
      for (const [path, text] of Object.entries(branch.disk.snapshot(was))) {
        await branch.disk.remove(join(was, path))
        branch.disk.plant(join(row.now, path), text)
      }
      const result = await branch.engine().apply(branch.request(next))
      assert.equal(result.result, 'committed', JSON.stringify(result))
      assert.equal(branch.disk.snapshot(row.now)['version.txt'], '2.0.0')
      const [installed] = await branch.engine().installed('shop')
      assert.equal(installed?.live, row.now)
    })
  }

  test('another module still comes to its own place', async () => {
    const { branch } = await changed({ before: { modules: ['shop', 'theme'] }, after: { modules: ['*'] } })
    const result = await branch.engine().apply(branch.request(next, theme))
    assert.equal(result.result, 'committed', JSON.stringify(result))
  })

  test('a removal takes nothing from the new place, and one of an old record can go', async () => {
    const { branch, files } = await changed({ before: {}, after: { path: '/srv/erp' } })
    const removal = { app: branch.app, module: 'shop' }
    assert.equal((await branch.engine().remove(removal)).error?.code, 'APPLY_PLACE')
    assert.deepEqual(branch.disk.snapshot('/srv'), files)
    await forget(branch)
    assert.equal((await branch.engine().remove(removal)).result, 'committed')
  })

  test('what was adopted is known by its place too', async () => {
    const branch = new SimulatedBranch()
    for (const [path, text] of Object.entries(V1)) branch.disk.plant(`/srv/shop/${path}`, text)
    const candidate = { module: 'shop', track: 'default', version: '1.0.0', kind: 'directory' as const }
    const candidates = [{ ...candidate, manifest: manifestOf(V1) }]
    assert.equal((await branch.engine().adopt({ app: branch.app, candidates })).length, 1)
    assert.equal((await branch.engine().installed('shop'))[0]?.live, '/srv/shop')
  })
})
