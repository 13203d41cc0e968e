// Where the work folder may be: it is closed to other users, so nothing of theirs may be in it; everything that changes hands is
// renamed, so it is on the volume of the live places, and not inside of one.
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { SimulatedBranch } from './simulated-branch.ts'

const noModes = process.platform === 'win32' && 'Windows has no modes'
const V1 = { 'version.txt': '1.0.0' }

describe('a work folder that the configuration names', { skip: noModes }, () => {
  const backup = 'backups/20260201T030000000Z-000001'
  const rows: { name: string; holds: string[]; mode: number; isRefused: boolean }[] = [
    { name: 'that holds something of others', holds: ['firefox'], mode: 0o755, isRefused: true },
    { name: 'that holds backups of others', holds: ['backups/monday'], mode: 0o755, isRefused: true },
    { name: 'that holds something, and is closed already', holds: ['x'], mode: 0o700, isRefused: false },
    { name: 'in which nothing is', holds: [], mode: 0o755, isRefused: false },
    { name: 'in which only ours is', holds: [backup, 'till.down'], mode: 0o711, isRefused: false }
  ]
  for (const { name, holds, mode, isRefused } of rows) {
    for (const isLink of [false, true]) {
      test(`${name}${isLink ? ', by a symlink' : ''}: ${isRefused ? 'refused and left alone' : 'closed'}`, async (t) => {
        const parent = await mkdtemp(join(tmpdir(), 'chasqui-work-'))
        t.after(() => rm(parent, { recursive: true, force: true }))
        const [work, link] = [join(parent, 'work'), join(parent, 'link')]
        for (const path of ['', ...holds]) await mkdir(join(work, path), { recursive: true })
        await chmod(work, mode)
        await symlink(work, link)
        const branch = new SimulatedBranch({
          path: join(parent, 'shop'),
          config: { commands: undefined, checks: [{ kind: 'files' }], work: isLink ? link : work },
          parts: { fs: realFileSystem, home: parent }
        })
        const update = branch.request({ module: 'shop', version: '1.0.0', files: V1, from: null })
        assert.equal((await branch.engine().preflight(update))?.code, isRefused ? 'APPLY_PLACE' : undefined)
        const result = await branch.engine().apply(update)
        assert.equal(result.error?.code, isRefused ? 'APPLY_PLACE' : undefined, JSON.stringify(result))
        assert.equal((await stat(work)).mode & 0o777, isRefused ? mode : 0o700)
      })
    }
  }
})

describe('a work folder in the folder that is exchanged', () => {
  const first = { module: 'shop', version: '1.0.0', files: V1, from: null }
  for (const [kind, work, isRefused] of [
    ['directory', '/srv/shop/.work', true],
    ['directory', '/srv/shop/var/work', true],
    ['directory', '/srv/shop', true],
    ['directory', '/srv/shop.work', false],
    ['overlay', '/srv/shop/.work', false]
  ] as const) {
    for (const isThere of [false, true]) {
      test(`${work}, ${kind}${isThere ? ', installed' : ''}: ${isRefused ? 'refused' : 'is one'}`, async () => {
        const branch = new SimulatedBranch({ config: { work, checks: [] } })
        if (isThere) branch.disk.plant('/srv/shop/README', 'x')
        const before = branch.disk.snapshot('/srv')
        const result = await branch.engine().apply(branch.request({ ...first, kind }))
        if (!isRefused && (kind === 'overlay' || !isThere)) return assert.equal(result.result, 'committed')
        assert.equal(result.result, 'refused', JSON.stringify(result))
        assert.ok(isThere || result.error?.code === 'APPLY_PLACE', JSON.stringify(result))
        assert.deepEqual(branch.disk.snapshot('/srv'), before)
        assert.deepEqual(branch.till.calls, [])
      })
    }
  }
})

describe('modules on another volume', () => {
  const files = { 'version.txt': '1.0.0', 'app/main.js': 'one' }
  const far = async (t: TestContext) => {
    const [near, disk] = [await mkdtemp(join(tmpdir(), 'chasqui-near-')), '/dev/shm']
    const device = (await stat(disk).catch(() => null))?.dev
    if (device === undefined || device === (await stat(near)).dev) return t.skip('needs /dev/shm')
    const folder = await mkdtemp(join(disk, 'chasqui-far-'))
    t.after(() => Promise.all([near, folder].map((path) => rm(path, { recursive: true, force: true }))))
    return { near, folder }
  }
  const branchAt = (home: string, path: string, config: Record<string, unknown>) =>
    new SimulatedBranch({
      ...{ path, modules: ['shop', 'till'] },
      config: { commands: undefined, checks: [{ kind: 'files' }], ...config },
      parts: { fs: realFileSystem, home }
    })

  test('by a symlink: the work folder comes to them', async (t) => {
    const places = await far(t)
    if (places === undefined) return
    const path = join(places.near, 'addons')
    await symlink(places.folder, path)
    const branch = branchAt(places.near, path, {})
    await branch.install({ module: 'shop', version: '1.0.0', files })
    assert.deepEqual(await readdir(places.folder), ['.chasqui', 'shop'])
    const next = {
      module: 'shop',
      version: '2.0.0',
      from: '1.0.0',
      files: { ...files, 'version.txt': '2.0.0' }
    }
    const result = await branch.engine().apply(branch.request(next))
    assert.equal(result.result, 'committed', JSON.stringify(result))
  })

  for (const isLink of [false, true]) {
    test(`a work folder elsewhere${isLink ? ', by a symlink' : ''} is refused, also when nothing is installed yet`, async (t) => {
      const places = await far(t)
      if (places === undefined) return
      const link = join(places.near, 'work')
      await symlink(places.folder, link)
      const branch = branchAt(places.near, join(places.near, 'addons'), {
        work: isLink ? link : places.folder
      })
      const request = branch.request({ module: 'shop', version: '1.0.0', files, from: null })
      assert.equal((await branch.engine().preflight(request))?.code, 'APPLY_PLACE')
      const result = await branch.engine().apply(request)
      assert.deepEqual(
        [result.result, result.error?.code],
        ['refused', 'APPLY_PLACE'],
        JSON.stringify(result)
      )
    })
  }
})
