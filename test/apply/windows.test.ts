// What Windows does to renames, on a simulated disk: an antivirus that holds a file for a while, and one that never lets go.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine } from '../../node/apply/engine.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { SimulatedBranch } from './simulated-branch.ts'

const V1 = { 'version.txt': '1.0.0' }
const V2 = { 'version.txt': '2.0.0' }

/** The live folder cannot be renamed until `seconds` have passed. */
async function applyWhileHeld(seconds: number) {
  const branch = new SimulatedBranch()
  await branch.install({ module: 'shop', version: '1.0.0', files: V1 })
  const heldUntil = branch.now + seconds * 1000
  const fs: FileSystem = new Proxy(branch.disk as FileSystem, {
    get(disk, name: keyof FileSystem) {
      if (name !== 'rename')
        return (...args: never[]) => (disk[name] as (...all: never[]) => unknown)(...args)
      return async (from: string, to: string) => {
        if (from === '/srv/shop' && branch.now < heldUntil) {
          throw Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM' })
        }
        return disk.rename(from, to)
      }
    }
  })
  const request = branch.request({ module: 'shop', version: '2.0.0', from: '1.0.0', files: V2 })
  const engine = createEngine({ ...branch.parts, fs, platform: 'win32' })
  return { result: await engine.apply(request), branch }
}

test('waits for an antivirus that holds the folder', async () => {
  const { result, branch } = await applyWhileHeld(45)
  assert.equal(result.result, 'committed', JSON.stringify(result.error))
  assert.deepEqual(branch.disk.snapshot('/srv/shop'), V2)
})

test('goes back when it is held for longer than a minute', async () => {
  const { result, branch } = await applyWhileHeld(3600)
  assert.equal(result.result, 'rolled-back')
  assert.equal(result.error?.code, 'NO_PERMISSION')
  assert.deepEqual(branch.disk.snapshot('/srv/shop'), V1)
  assert.equal(branch.till.running, true)
})
