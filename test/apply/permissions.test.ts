// A node that is not root: what it may not move is found before anything is stopped. Whose a folder is, is simulated.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createEngine } from '../../node/apply/engine.ts'
import { SimulatedBranch } from './simulated-branch.ts'

const V1 = { 'version.txt': '1.0.0', 'app/main.js': 'one', 'cache/README': 'x' }
const V2 = { ...V1, 'version.txt': '2.0.0', 'app/main.js': 'two' }
const LOCAL = ['media/photo.jpg', 'cache/local', 'cache/deep/local', 'app/__pycache__/main.pyc']

/** Applies version 2 over 1, as somebody to whom these places beneath the live folder do not belong. */
async function applyWithout(kind: 'directory' | 'overlay', foreign: string[]) {
  const branch = new SimulatedBranch()
  await branch.install({ module: 'shop', version: '1.0.0', files: V1, kind })
  for (const path of LOCAL) branch.disk.plant(`/srv/shop/${path}`, 'local')
  const fs = new Proxy(branch.disk, {
    get(disk, name) {
      if (name === 'isWritable') {
        return async (path: string) => !foreign.some((one) => path === `/srv/shop${one}`)
      }
      const found = Reflect.get(disk, name)
      return typeof found === 'function' ? found.bind(disk) : found
    }
  })
  const update = branch.request({ module: 'shop', version: '2.0.0', from: '1.0.0', files: V2, kind })
  const result = await createEngine({ ...branch.parts, fs }).apply(update)
  return { result, calls: branch.till.calls }
}

describe('what a node may not move', () => {
  const rows: [kind: 'directory' | 'overlay', foreign: string, isRefused: boolean][] = [
    ['directory', '', true],
    ['directory', '/media', true],
    ['directory', '/media/photo.jpg', false],
    // names go away from these
    ['directory', '/cache', true],
    ['directory', '/app', true],
    ['directory', '/cache/deep', true],
    ['overlay', '', true],
    ['overlay', '/app', true],
    ['overlay', '/media', false],
    ['overlay', '/cache', false]
  ]
  for (const [kind, foreign, isRefused] of rows) {
    test(`shop${foreign}, ${kind}: ${isRefused ? 'is found before the stop' : 'need not be moved'}`, async () => {
      const { result, calls } = await applyWithout(kind, [foreign])
      assert.equal(result.error?.code, isRefused ? 'NO_PERMISSION' : undefined, JSON.stringify(result))
      assert.equal(calls.includes('stop'), !isRefused)
    })
  }
})
