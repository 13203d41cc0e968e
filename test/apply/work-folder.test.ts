// A work folder that the configuration names: it is closed to other users, so nothing of theirs may be in it.
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { realFileSystem } from '../../src/system/file-system.ts'
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
