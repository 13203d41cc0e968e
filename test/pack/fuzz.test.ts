// Mutated files against every parser of releases: whatever comes, it is read, or refused with a code of ours, and limits
// hold while it is read.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChasquiError } from '../../src/errors.ts'
import { ByteWriter } from '../../src/pack/bytes.ts'
import { decodeIndex } from '../../src/pack/index-decode.ts'
import { encodeIndex } from '../../src/pack/index-encode.ts'
import { bytesSource, indexDictionary, MAGIC, readIndex, trailer } from '../../src/pack/layout.ts'
import { PACK_LIMITS } from '../../src/pack/limits.ts'
import type { PackIndex } from '../../src/pack/pack-index.ts'
import { compressFrame } from '../../src/pack/zstd.ts'
import { encodeManifest, type Manifest, parseManifest } from '../../src/release/manifest.ts'
import { encodeRelease, parseRelease } from '../../src/release/release.ts'
import { makePack, makeTree, noise, temporaryFolder } from './fixtures.ts'
import { coded } from './forge.ts'

interface Mutation {
  kind: 'flip' | 'set' | 'insert' | 'remove' | 'double' | 'cut'
  at: number
  value: number
  length: number
}

const mutations = fc.array(
  fc.record({
    kind: fc.constantFrom<Mutation['kind'][]>('flip', 'set', 'insert', 'remove', 'double', 'cut'),
    at: fc.nat({ max: 100_000 }),
    value: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 0x7f, 0x80, 0xff)),
    length: fc.nat({ max: 12 })
  }),
  { minLength: 1, maxLength: 4 }
)

function mutate(bytes: Uint8Array, changes: readonly Mutation[]): Buffer {
  let mutated: Buffer = Buffer.from(bytes)
  for (const { kind, at, value, length } of changes) {
    const place = at % (mutated.length + 1)
    const [before, after] = [mutated.subarray(0, place), mutated.subarray(place)]
    if (kind === 'flip' && after.length > 0) mutated[place] = (mutated[place] as number) ^ (1 << (value % 8))
    else if (kind === 'set' && after.length > 0) mutated[place] = value
    else if (kind === 'insert') mutated = Buffer.concat([before, Buffer.alloc(length, value), after])
    else if (kind === 'remove') mutated = Buffer.concat([before, after.subarray(length)])
    else if (kind === 'double') mutated = Buffer.concat([before, after.subarray(0, length), after])
    else if (kind === 'cut' && value > 200) mutated = Buffer.from(before)
  }
  return mutated
}

async function readsOrRefuses(run: () => unknown): Promise<void> {
  try {
    await run()
  } catch (error) {
    assert.ok(error instanceof ChasquiError && error.code !== 'UNEXPECTED', String(error))
  }
}

const release = Buffer.from(
  encodeRelease(
    parseRelease(
      Buffer.from(
        JSON.stringify({
          schema: 1,
          module: 'pos_base',
          track: '17.0',
          version: '17.0.1.2.3',
          order: 'odoo',
          created: '2026-01-02T03:04:05Z',
          notes: 'New: ñ',
          severity: 'normal',
          kind: 'directory',
          files: { root: 'a'.repeat(64), count: 3, bytes: 10 },
          requires: { base_x: '>=17.0.1.0.0' },
          compat: { app: '>=17.0', platform: ['linux-x64'] },
          steps: ['one'],
          packs: [
            { sha256: 'b'.repeat(64), bytes: 5, kind: 'full' },
            { sha256: 'c'.repeat(64), bytes: 5, kind: 'delta', base: '17.0.1.2.2' }
          ]
        })
      )
    )
  )
)

test('mutated release.json', async () => {
  await fc.assert(
    fc.asyncProperty(mutations, (changes) => readsOrRefuses(() => parseRelease(mutate(release, changes)))),
    { numRuns: 1500 }
  )
})

test('release.json of any JSON', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), (text) => readsOrRefuses(() => parseRelease(Buffer.from(text)))),
    { numRuns: 500 }
  )
})

async function scene(
  folder: string
): Promise<{ v1: Manifest; v2: Manifest; delta: Uint8Array; raw: Uint8Array; index: PackIndex }> {
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
  return { v1: v1.manifest, v2: v2.manifest, delta: bytes, raw: encodeIndex(index, v1.manifest), index }
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
