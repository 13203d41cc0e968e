import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { ChasquiError } from '../../src/errors.ts'
import type { PackStep } from '../../src/pack/apply.ts'
import { ByteWriter } from '../../src/pack/bytes.ts'
import { bytesSource, indexDictionary, MAGIC, trailer } from '../../src/pack/layout.ts'
import { readTree, type Tree } from '../../src/pack/tree.ts'
import { manifestRoot } from '../../src/release/manifest.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import {
  apply,
  baseOf,
  type MadePack,
  makePack,
  makeTree,
  noise,
  stepOf,
  temporaryFolder
} from './fixtures.ts'
import { coded, forge, HOSTILE, link } from './forge.ts'

interface Scene {
  folder: string
  v1: Tree
  v2: Tree
  delta: MadePack
}

async function scene(context: TestContext): Promise<Scene> {
  const folder = await temporaryFolder(context)
  const v1 = await makeTree(join(folder, 'v1'), {
    a: 'first version\n'.repeat(40),
    b: noise(400),
    keep: 'k'
  })
  const v2 = await makeTree(join(folder, 'v2'), {
    a: 'second version\n'.repeat(40),
    c: noise(400, 2),
    keep: 'k'
  })
  return { folder, v1, v2, delta: await makePack(join(folder, 'pack'), v2, v1) }
}

/** The damaged pack as an attacker would sign it: with its own hash and length. */
function signed(bytes: Uint8Array, step: PackStep): PackStep {
  return { ...step, source: bytesSource(bytes), pack: stepOf(bytes, { entries: [] }).pack }
}

/** The code of the refusal, after which nothing is left; or 'accepted', when the tree is the published one. */
async function outcome(scene: Scene, step: PackStep, base: Tree | null = scene.v1): Promise<string> {
  const into = join(scene.folder, 'out')
  const before = await readdir(scene.folder)
  try {
    const manifest = await apply({ steps: [step], base: base === null ? null : baseOf(base), into })
    assert.equal(manifestRoot(manifest), step.files.root)
    assert.equal(manifestRoot((await readTree(realFileSystem, into)).manifest), step.files.root)
    await rm(into, { recursive: true })
    return 'accepted'
  } catch (error) {
    assert.ok(error instanceof ChasquiError, String(error))
    assert.deepEqual(await readdir(scene.folder), before, 'nothing is left')
    return error.code
  }
}

test('every flipped byte is refused by the signed hash', async (context) => {
  const here = await scene(context)
  for (let i = 0; i < here.delta.bytes.length; i += 3) {
    const bytes = Buffer.from(here.delta.bytes)
    bytes[i] = (bytes[i] as number) ^ 0x10
    assert.equal(
      await outcome(here, { ...here.delta.step, source: bytesSource(bytes) }),
      'PACK_DAMAGED',
      `byte ${i}`
    )
  }
})

test('every flipped byte is refused even when the hash of the pack was signed with it', async (context) => {
  const here = await scene(context)
  for (let i = 0; i < here.delta.bytes.length; i++) {
    const bytes = Buffer.from(here.delta.bytes)
    bytes[i] = (bytes[i] as number) ^ (1 << (i % 8))
    // a flipped bit of a zstd header may still mean the same content: then the tree is the published one
    const code = await outcome(here, signed(bytes, here.delta.step))
    assert.match(code, /^(accepted|PACK_|PATH_|MANIFEST_INVALID)/, `byte ${i}`)
  }
})

test('every shortened or lengthened pack is refused', async (context) => {
  const here = await scene(context)
  const { bytes, step } = here.delta
  for (let length = 0; length < bytes.length; length += 7) {
    assert.equal(
      await outcome(here, signed(bytes.subarray(0, length), step)),
      'PACK_DAMAGED',
      `${length} bytes`
    )
  }
  assert.equal(await outcome(here, signed(Buffer.concat([bytes, Buffer.alloc(1)]), step)), 'PACK_DAMAGED')
  assert.equal(await outcome(here, { ...step, source: bytesSource(bytes.subarray(1)) }), 'PACK_DAMAGED')
})

test('a pack of another release, another base or another count is refused', async (context) => {
  const here = await scene(context)
  const { step } = here.delta
  const full = await makePack(join(here.folder, 'full'), here.v2)
  const files = step.files
  assert.equal(await outcome(here, { ...step, files: { ...files, root: '0'.repeat(64) } }), 'PACK_DAMAGED')
  assert.equal(await outcome(here, { ...step, files: { ...files, count: files.count + 1 } }), 'PACK_DAMAGED')
  assert.equal(await outcome(here, { ...step, files: { ...files, bytes: files.bytes - 1 } }), 'PACK_DAMAGED')
  assert.equal(await outcome(here, step, here.v2), 'PACK_WRONG_BASE')
  assert.equal(await outcome(here, step, null), 'PACK_WRONG_BASE')
  assert.equal(await outcome(here, full.step), 'PACK_WRONG_BASE')
})

test('hostile packs are refused before or while they are read, whoever signed them', async (context) => {
  const here = await scene(context)
  for (const [what, code, forged] of HOSTILE) {
    assert.equal(await outcome(here, forge(forged).step, null), code, what)
  }
})

test('a symlink is refused in an overlay', async (context) => {
  const here = await scene(context)
  const { step } = forge({ files: [link('a', 'b'), coded('b')], content: Buffer.from('bx') })
  assert.equal(await outcome(here, { ...step, kind: 'overlay' }, null), 'SYMLINK_REFUSED')
  assert.equal(await outcome(here, { ...step, kind: 'directory' }, null), 'accepted')
})

test('content that looks like a trained dictionary is only content', async (context) => {
  const folder = await temporaryFolder(context)
  const magic = Buffer.from([0x37, 0xa4, 0x30, 0xec])
  const v1 = await makeTree(join(folder, 'v1'), { a: Buffer.concat([magic, noise(500)]) })
  const v2 = await makeTree(join(folder, 'v2'), {
    a: Buffer.concat([magic, noise(500), Buffer.from('more')])
  })
  const { step, bytes } = await makePack(join(folder, 'pack'), v2, v1)
  assert.ok(bytes.length < 300)
  await apply({ steps: [step], base: baseOf(v1), into: join(folder, 'out') })
})

test('numbers that are cut, too large or too long are refused', async (context) => {
  const here = await scene(context)
  const dictionary = indexDictionary(here.v1.manifest)
  for (const tail of [[0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x80, 0x00], [0x05]]) {
    const raw = new ByteWriter()
    raw.varint(1)
    raw.raw(Buffer.from(here.delta.step.files.root, 'hex'))
    raw.raw(Buffer.from(stepOf(Buffer.alloc(0), here.v1.manifest).files.root, 'hex'))
    raw.raw(Buffer.from(tail))
    const frame = zstdCompressSync(raw.finish(), { dictionary })
    const bytes = Buffer.concat([MAGIC, frame, trailer(frame.length, raw.finish().length)])
    assert.equal(await outcome(here, signed(bytes, here.delta.step)), 'PACK_DAMAGED', String(tail))
  }
})
