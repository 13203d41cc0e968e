import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openChain } from '../../src/pack/apply.ts'
import { DriftedFiles } from '../../src/pack/content.ts'
import { readTree } from '../../src/pack/tree.ts'
import { manifestRoot } from '../../src/release/manifest.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { anyTree } from './any-tree.ts'
import {
  apply,
  baseOf,
  makePack,
  makeTree,
  noise,
  type TestFiles,
  temporaryFolder,
  writeTree
} from './fixtures.ts'

const V1: TestFiles = {
  '__manifest__.py': "{'version': '17.0.1.0.0'}",
  'models/sale.py': 'class Sale:\n    pass\n'.repeat(50),
  'static/logo.png': noise(20_000),
  'static/old-name.js': 'export const x = 1\n'.repeat(100),
  'bin/run': { content: '#!/bin/sh\n', executable: true },
  'bin/start': { content: 'run', link: true },
  empty: '',
  gone: 'bye',
  twin: 'twice'
}
const V2: TestFiles = {
  '__manifest__.py': "{'version': '17.0.1.1.0'}",
  'models/sale.py': `${'class Sale:\n    pass\n'.repeat(49)}x = 1\n`,
  'models/new.py': 'class New:\n    pass\n',
  'static/logo.png': noise(20_000),
  'static/new-name.js': 'export const x = 1\n'.repeat(100),
  'static/new-name-2.js': `${'export const x = 1\n'.repeat(100)}//\n`,
  'bin/run': '#!/bin/sh\n',
  'bin/start': { content: '../models/new.py', link: true },
  empty: { content: '', executable: true },
  'empty-2': '',
  twin: 'changed twice',
  'twin-2': 'changed twice'
}
const V3: TestFiles = { ...V2, 'models/new.py': 'class New:\n    a = 1\n', later: noise(3_000, 2) }

async function sameTree(folder: string, root: string): Promise<void> {
  assert.equal(manifestRoot((await readTree(realFileSystem, folder)).manifest), root)
}

test('a full pack gives the published tree', async (context) => {
  const folder = await temporaryFolder(context)
  const tree = await makeTree(join(folder, 'v1'), V1)
  const { step } = await makePack(join(folder, 'pack'), tree)
  await apply({ steps: [step], base: null, into: join(folder, 'out') })
  await sameTree(join(folder, 'out'), manifestRoot(tree.manifest))
})

test('a delta gives the published tree and is small', async (context) => {
  const folder = await temporaryFolder(context)
  const [v1, v2] = [await makeTree(join(folder, 'v1'), V1), await makeTree(join(folder, 'v2'), V2)]
  const { step, bytes } = await makePack(join(folder, 'pack'), v2, v1)
  assert.ok(bytes.length < 600, `${bytes.length} bytes`)
  await apply({ steps: [step], base: baseOf(v1), into: join(folder, 'out') })
  await sameTree(join(folder, 'out'), manifestRoot(v2.manifest))
  await sameTree(join(folder, 'v1'), manifestRoot(v1.manifest))
})

test('a chain of packs gives the last tree and leaves no scratch files', async (context) => {
  const folder = await temporaryFolder(context)
  const [v1, v2, v3] = await Promise.all(
    [V1, V2, V3].map((files, i) => makeTree(join(folder, `v${i + 1}`), files))
  )
  assert.ok(v1 && v2 && v3)
  const steps = [
    (await makePack(join(folder, 'p1'), v1)).step,
    (await makePack(join(folder, 'p2'), v2, v1)).step,
    (await makePack(join(folder, 'p3'), v3, v2)).step
  ]
  await apply({ steps, base: null, into: join(folder, 'out') })
  await sameTree(join(folder, 'out'), manifestRoot(v3.manifest))
  await apply({ steps: steps.slice(1), base: baseOf(v1), into: join(folder, 'out-2') })
  await sameTree(join(folder, 'out-2'), manifestRoot(v3.manifest))
  const left = (await readdir(folder)).filter((name) => name.endsWith('.part'))
  assert.deepEqual(left, [])
})

test('a folder that holds something is neither written into nor removed', async (context) => {
  const folder = await temporaryFolder(context)
  const tree = await makeTree(join(folder, 'v1'), V1)
  const { step } = await makePack(join(folder, 'pack'), tree)
  const into = join(folder, 'precious')
  await writeTree(into, { file: 'not ours' })
  await assert.rejects(apply({ steps: [step], base: null, into }), { code: 'NOT_A_DIRECTORY' })
  await assert.rejects(apply({ steps: [step], base: null, into: join(into, 'file') }), {
    code: 'NOT_A_DIRECTORY'
  })
  assert.deepEqual(await readdir(into), ['file'])
})

test("scratch files of a killed run are in nobody's way", async (context) => {
  const folder = await temporaryFolder(context)
  const [v1, v2] = [await makeTree(join(folder, 'v1'), V1), await makeTree(join(folder, 'v2'), V2)]
  const steps = [
    (await makePack(join(folder, 'p1'), v1)).step,
    (await makePack(join(folder, 'p2'), v2, v1)).step
  ]
  await writeTree(folder, { 'out.0.part': 'left behind' })
  await apply({ steps, base: null, into: join(folder, 'out') })
  await sameTree(join(folder, 'out'), manifestRoot(v2.manifest))
})

test('going back is a delta too', async (context) => {
  const folder = await temporaryFolder(context)
  const [v1, v2] = [await makeTree(join(folder, 'v1'), V1), await makeTree(join(folder, 'v2'), V2)]
  const { step } = await makePack(join(folder, 'pack'), v1, v2)
  await apply({ steps: [step], base: baseOf(v2), into: join(folder, 'out') })
  await sameTree(join(folder, 'out'), manifestRoot(v1.manifest))
})

const DRIFTS: [what: string, path: string, content: string][] = [
  ['a file that the delta builds on', 'models/sale.py', 'edited here\n'],
  ['a file that stays as it is', 'static/logo.png', 'another logo'],
  ['a file that is only renamed', 'static/old-name.js', 'export const x = 2\n'.repeat(100)]
]

test('a drifted file is named, and rebuilt when the packs of the base are here', async (context) => {
  for (const [what, path, content] of DRIFTS) {
    const folder = await temporaryFolder(context)
    const [v1, v2] = [await makeTree(join(folder, 'v1'), V1), await makeTree(join(folder, 'v2'), V2)]
    const keyframe = (await makePack(join(folder, 'p1'), v1)).step
    const { step } = await makePack(join(folder, 'p2'), v2, v1)
    await writeFile(join(folder, 'v1', path), content)
    const into = join(folder, 'out')
    await assert.rejects(
      apply({ steps: [step], base: baseOf(v1), into }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'BASE_DRIFTED', what)
        assert.ok(error.cause instanceof DriftedFiles)
        assert.deepEqual(error.cause.paths, [path])
        return true
      }
    )
    assert.equal(existsSync(into), false)
    const kept = await openChain({
      fs: realFileSystem,
      steps: [keyframe],
      base: null,
      into: join(folder, 'kept')
    })
    assert.ok(kept.base)
    await apply({ steps: [step], base: { ...baseOf(v1), fallbacks: [kept.base.contents] }, into })
    await kept.close()
    await sameTree(into, manifestRoot(v2.manifest))
  }
})

test('large files are cut in segments and come back whole', async (context) => {
  const folder = await temporaryFolder(context)
  const old = noise(34 * 1024 * 1024)
  const fresh = Buffer.concat([old.subarray(0, 5_000_000), Buffer.from('inserted'), old.subarray(5_000_000)])
  const v1 = await makeTree(join(folder, 'v1'), { 'app.exe': old, 'a.txt': 'a' })
  const v2 = await makeTree(join(folder, 'v2'), { 'app.exe': fresh, 'a.txt': 'b', 'z.txt': 'z' })
  const { step, bytes } = await makePack(join(folder, 'pack'), v2, v1)
  assert.ok(bytes.length < 20_000, `${bytes.length} bytes`)
  await apply({ steps: [step], base: baseOf(v1), into: join(folder, 'out') })
  await sameTree(join(folder, 'out'), manifestRoot(v2.manifest))
})

const content = fc.oneof(
  fc.constant(''),
  fc.string({ maxLength: 30 }),
  fc
    .tuple(fc.nat({ max: 3 }), fc.nat({ max: 5000 }))
    .map(([seed, length]) => noise(length, seed + 1).toString('latin1'))
)
const tree = anyTree(content)

test('any two trees: the delta and the full pack give the second one', async (context) => {
  const folder = await temporaryFolder(context)
  let run = 0
  await fc.assert(
    fc.asyncProperty(tree, tree, async (before, after) => {
      const here = join(folder, String(run++))
      const [v1, v2] = [await makeTree(join(here, 'v1'), before), await makeTree(join(here, 'v2'), after)]
      const root = manifestRoot(v2.manifest)
      const delta = await makePack(join(here, 'delta'), v2, v1)
      await apply({ steps: [delta.step], base: baseOf(v1), into: join(here, 'out') })
      await sameTree(join(here, 'out'), root)
      const full = await makePack(join(here, 'full'), v2)
      await apply({ steps: [full.step], base: null, into: join(here, 'out-full') })
      await sameTree(join(here, 'out-full'), root)
    }),
    { numRuns: 60 }
  )
})
