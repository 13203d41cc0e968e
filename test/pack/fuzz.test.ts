// Spoiled packs: whatever comes, it is read, or refused with a code of ours, and limits hold while it is read.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PackBase } from '../../src/pack/apply.ts'
import { ByteWriter } from '../../src/pack/bytes.ts'
import { decodeIndex } from '../../src/pack/index-decode.ts'
import { encodeIndex } from '../../src/pack/index-encode.ts'
import { bytesSource, indexDictionary, MAGIC, readIndex, trailer } from '../../src/pack/layout.ts'
import { PACK_LIMITS } from '../../src/pack/limits.ts'
import type { PackIndex } from '../../src/pack/pack-index.ts'
import { compressFrame } from '../../src/pack/zstd.ts'
import { encodeManifest, type Manifest, parseManifest } from '../../src/release/manifest.ts'
import { mutate, mutations, readsOrRefuses } from '../fuzz/mutate.ts'
import { apply, baseOf, makePack, makeTree, noise, stepOf, temporaryFolder } from './fixtures.ts'
import { coded } from './forge.ts'

async function scene(folder: string): Promise<{
  v1: Manifest
  v2: Manifest
  base: PackBase
  delta: Uint8Array
  raw: Uint8Array
  index: PackIndex
}> {
  const v1 = await makeTree(join(folder, 'v1'), {
    a: 'a\n'.repeat(50),
    'b/c': noise(20_000),
    'b/d': 'd',
    e: '',
    gone: 'x'
  })
  const v2 = await makeTree(join(folder, 'v2'), {
    a: 'b\n'.repeat(50),
    'b/c': Buffer.concat([noise(15_000), noise(5_000, 3)]),
    'b/moved': 'd',
    e: { content: '', executable: true },
    'new/one': 'n',
    'new/two': 'n',
    'new/link': { content: 'one', link: true }
  })
  const { bytes } = await makePack(join(folder, 'pack'), v2, v1)
  const index = await readIndex(bytesSource(bytes), v1.manifest, PACK_LIMITS)
  return {
    v1: v1.manifest,
    v2: v2.manifest,
    base: baseOf(v1),
    delta: bytes,
    raw: encodeIndex(index, v1.manifest),
    index
  }
}

test('mutated manifests, indexes and packs', async (context) => {
  const { v1, v2, delta, raw, index } = await scene(await temporaryFolder(context))
  const text = encodeManifest(v2)
  assert.deepEqual(decodeIndex(raw, v1, PACK_LIMITS), index)
  await fc.assert(
    fc.asyncProperty(mutations, async (changes) => {
      await readsOrRefuses(() => parseManifest(mutate(text, changes)))
      await readsOrRefuses(() => decodeIndex(mutate(raw, changes), v1, PACK_LIMITS))
      await readsOrRefuses(() => readIndex(bytesSource(mutate(delta, changes)), v1, PACK_LIMITS))
    }),
    { numRuns: 1500 }
  )
})

test('a pack that is spoiled and signed all the same leaves nothing that was not signed', async (context) => {
  const folder = await temporaryFolder(context)
  const { v2, base, delta } = await scene(folder)
  let run = 0
  await fc.assert(
    fc.asyncProperty(mutations, async (changes) => {
      const into = join(folder, `out${run++}`)
      const step = stepOf(mutate(delta, changes), { entries: v2.entries })
      await readsOrRefuses(async () => assert.deepEqual(await apply({ steps: [step], base, into }), v2))
    }),
    { numRuns: 150 }
  )
})

test('an index that is read means the same when it is written again', async (context) => {
  const { v1, raw } = await scene(await temporaryFolder(context))
  fc.assert(
    fc.property(mutations, (changes) => {
      let index: PackIndex
      try {
        index = decodeIndex(mutate(raw, changes), v1, PACK_LIMITS)
      } catch {
        return
      }
      assert.deepEqual(decodeIndex(encodeIndex(index, v1), v1, PACK_LIMITS), index)
    }),
    { numRuns: 1500 }
  )
})

test('limits hold while an index is read', async (context) => {
  const { v1, raw } = await scene(await temporaryFolder(context))
  for (const limit of [
    'entries',
    'totalBytes',
    'groupBytes',
    'patchedBytes',
    'dictionaryBytes',
    'groups',
    'ranges'
  ] as const) {
    assert.throws(() => decodeIndex(raw, v1, { ...PACK_LIMITS, [limit]: 0 }), { code: 'PACK_LIMIT' }, limit)
  }
})

test('counts that promise more than there is cost nothing', async () => {
  // each claims billions of something in a few bytes
  const claims: [string, (writer: ByteWriter) => void][] = [
    ['operations', (writer) => writer.varint(2 ** 52)],
    ['paths', (writer) => writer.raw(Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0x7f]))]
  ]
  for (const [what, write] of claims) {
    const writer = new ByteWriter()
    writer.varint(0)
    writer.raw(Buffer.alloc(32))
    write(writer)
    const raw = writer.finish()
    const frame = await compressFrame(raw, indexDictionary(null), {})
    const pack = Buffer.concat([MAGIC, frame, trailer(frame.length, raw.length)])
    await assert.rejects(readIndex(bytesSource(pack), null, PACK_LIMITS), { code: 'PACK_DAMAGED' }, what)
  }
  const groups = { method: 'zstd' as const, rawLength: 1, frameLength: 1, ranges: [] }
  const index = {
    root: '0'.repeat(64),
    baseRoot: null,
    files: [coded('a')],
    groups: Array(PACK_LIMITS.groups + 1).fill(groups)
  }
  assert.throws(() => decodeIndex(encodeIndex(index, null), null, PACK_LIMITS), { code: 'PACK_LIMIT' })
})
