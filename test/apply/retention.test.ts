// Which backups are let go, by what they really take on a disk.
import assert from 'node:assert/strict'
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { heldBytes } from '../../node/backups/held.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { applyTo, describeStands } from './odoo-stand.ts'

test('a file of several names counts once, in the newest backup that has it, and nowhere while it lives', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-held-'))
  t.after(() => rm(folder, { recursive: true }))
  const live = join(folder, 'live')
  await mkdir(live)
  const backups = ['new', 'middle', 'old'].map((name) => join(folder, name))
  for (const backup of backups) {
    await mkdir(join(backup, 'database'), { recursive: true })
    await writeFile(join(backup, 'database', 'dump'), 'x'.repeat(10))
  }
  const files: [name: string, bytes: number, isLive: boolean, backups: number[]][] = [
    ['alive', 1000, true, [0, 1, 2]],
    ['in two', 200, false, [1, 2]],
    ['in all', 3000, false, [0, 1, 2]],
    ['in one', 40_000, false, [2]]
  ]
  for (const [name, bytes, isLive, within] of files) {
    await writeFile(join(live, name), 'x'.repeat(bytes))
    for (const at of within) await link(join(live, name), join(backups[at] ?? '', name))
    if (!isLive) await rm(join(live, name))
  }
  assert.deepEqual(
    await heldBytes(realFileSystem, [...backups, join(folder, 'gone')]),
    [3010, 210, 40_010, 0]
  )
})

describeStands('backup-size with a filestore', ({ stand }) => {
  test('second names are no room: no backup goes that would give nothing back', async (t) => {
    const one = await stand(t, { config: { 'backup-size': '1 MiB' } })
    const { branch } = one
    const big = join(one.folder, 'data', 'filestore', one.databases[0] ?? '', 'ab', 'big')
    await writeFile(big, Buffer.alloc(900 * 1024))
    const kept = async () => (await branch.engine().backups('shop')).length
    assert.equal((await applyTo(one)).result, 'committed')
    const next = (version: string, from: string) => {
      const files = { '__manifest__.py': "{'name': 'rig', 'version': '17.0.2.0.0'}", 'models.py': version }
      return branch.engine().apply(branch.request({ module: 'rig', version, from, files }))
    }
    assert.equal((await next('3.0.0', '2.0.0')).result, 'committed')
    assert.equal(await kept(), 2)
    // now only backups have it, once
    await rm(big)
    await writeFile(big, Buffer.alloc(901 * 1024))
    assert.equal((await next('4.0.0', '3.0.0')).result, 'committed')
    assert.equal(await kept(), 3)
    await rm(big)
    assert.equal((await next('5.0.0', '4.0.0')).result, 'committed')
    assert.equal(await kept(), 2, 'both were more than the limit')
  })
})
