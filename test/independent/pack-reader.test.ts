import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { manifestRoot } from '../../src/release/manifest.ts'
import { anyTree } from '../pack/any-tree.ts'
import { makePack, makeTree, noise, type TestFiles, temporaryFolder } from '../pack/fixtures.ts'
import { type Entries, inOrder, readPack, rootOf } from './pack-reader.ts'

function entriesOf(files: TestFiles): Entries {
  return inOrder(
    Object.entries(files).map(([path, given]) => {
      const file = typeof given === 'string' || given instanceof Uint8Array ? { content: given } : given
      const kind = file.link === true ? 'l' : file.executable === true ? 'x' : 'f'
      return { path, kind, content: Buffer.from(file.content as string) }
    })
  )
}

/** Both packs from v1 to v2, read by the independent reader. */
async function readBoth(context: TestContext, before: TestFiles, after: TestFiles): Promise<void> {
  const folder = await temporaryFolder(context)
  const [v1, v2] = [await makeTree(join(folder, 'v1'), before), await makeTree(join(folder, 'v2'), after)]
  const [old, fresh] = [entriesOf(before), entriesOf(after)]
  assert.equal(rootOf(fresh), manifestRoot(v2.manifest))
  const full = await makePack(join(folder, 'full'), v2)
  assert.deepEqual(readPack(Buffer.from(full.bytes), null), fresh)
  const delta = await makePack(join(folder, 'delta'), v2, v1)
  assert.deepEqual(readPack(Buffer.from(delta.bytes), old), fresh)
}

/** Like a program: its parts move, and 32-bit numbers that point at them change. */
function program(shift: number, length = 200_000): Buffer {
  const bytes = Buffer.concat([noise(length), noise(shift, 9), noise(length, 2)])
  for (let i = 1000; i + 8 < bytes.length; i += 97) bytes.writeInt32LE(i * 3 + shift, i)
  bytes[10] = shift & 0xff
  return bytes
}

test('an independent reader, written from the format alone, reads our packs', async (context) => {
  const before: TestFiles = {
    'a/text.py': 'def f():\n    return 1\n'.repeat(300),
    'a/gone': 'x',
    'bin/app': { content: program(0), executable: true },
    'bin/lib.so': program(4, 30_000),
    empty: '',
    'ñ/é': 'unicode',
    'sub/link': { content: '../a/text.py', link: true }
  }
  const after: TestFiles = {
    'a/text.py': `${'def f():\n    return 1\n'.repeat(299)}def g():\n    return 2\n`,
    'a/new.py': 'def f():\n    return 3\n',
    'a/new-too.py': 'def f():\n    return 3\n',
    'bin/app': program(12),
    'bin/lib.so': program(8, 30_000),
    'empty-2': { content: '', executable: true },
    'moved/é': 'unicode',
    'sub/link': { content: '../bin/app', link: true }
  }
  await readBoth(context, before, after)
  await readBoth(context, after, before)
})

test('it reads packs of any two trees', async (context) => {
  const content = fc.oneof(
    fc.constant(''),
    fc.string({ maxLength: 30 }),
    fc.nat({ max: 60 }).map((shift) => program(shift, 20_000).toString('latin1')),
    fc.nat({ max: 60 }).map((shift) => program(shift, 20_000))
  )
  const tree = anyTree(content)
  await fc.assert(
    fc.asyncProperty(tree, tree, (before, after) => readBoth(context, before, after)),
    { numRuns: 25 }
  )
})
