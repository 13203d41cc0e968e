// Slow sweeps: files around the sizes where segments, groups and blocks end, larger random trees, and the memory of both
// sides at the size of a large program.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { THRIFT } from '../../bench/lib/thrift.ts'
import { readTree } from '../../src/pack/tree.ts'
import { manifestRoot } from '../../src/release/manifest.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { apply, baseOf, makePack, makeTree, noise, temporaryFolder } from './fixtures.ts'

const MiB = 1024 * 1024
const SIZES = [
  0,
  1,
  MiB - 1,
  MiB,
  MiB + 1,
  24 * MiB + 1,
  32 * MiB,
  32 * MiB + 1,
  64 * MiB - 1,
  64 * MiB,
  64 * MiB + 1
]

/** Text-like or binary content of exactly that size, the second version edited in the middle. */
function versions(size: number, binary: boolean): [Buffer, Buffer] {
  const unit = binary ? noise(65_537, 7) : Buffer.from(noise(49_153, 7).toString('base64'))
  const before = Buffer.alloc(size, unit)
  for (let i = 0; i + 40 < size; i += 99_991) before.write(String(i), i)
  const middle = Math.floor(size / 2)
  const insert = Buffer.from('inserted here')
  const after = Buffer.concat([before.subarray(0, middle), insert, before.subarray(middle)]).subarray(0, size)
  if (size > 0) after[0] = (after[0] as number) ^ 1
  return [before, after]
}

for (const binary of [false, true]) {
  for (const size of SIZES) {
    test(`a ${binary ? 'binary' : 'text'} file of ${size} bytes comes back whole`, async (context) => {
      const folder = await temporaryFolder(context)
      const [before, after] = versions(size, binary)
      const v1 = await makeTree(join(folder, 'v1'), { file: before, 'other/a': 'a' })
      const v2 = await makeTree(join(folder, 'v2'), { file: after, 'other/b': 'b' })
      const delta = await makePack(join(folder, 'delta'), v2, v1)
      const full = await makePack(join(folder, 'full'), v1)
      await apply({ steps: [full.step, delta.step], base: null, into: join(folder, 'out') })
      const out = await readTree(realFileSystem, join(folder, 'out'))
      assert.equal(manifestRoot(out.manifest), manifestRoot(v2.manifest))
    })
  }
}

test('random trees of some hundred files', async (context) => {
  const folder = await temporaryFolder(context)
  const name = fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 40 })).map(([a, b]) => `d${a}/e${b % 5}/f${b}.txt`)
  const content = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 60_000 })).map(([seed, length]) => noise(length, seed + 1))
  )
  const tree = fc.dictionary(name, fc.record({ content, executable: fc.boolean() }), {
    minKeys: 1,
    maxKeys: 300,
    noNullPrototype: true
  })
  await fc.assert(
    fc.asyncProperty(tree, tree, async (before, after) => {
      const here = join(folder, randomBytes(4).toString('hex'))
      const [v1, v2] = [await makeTree(join(here, 'v1'), before), await makeTree(join(here, 'v2'), after)]
      const delta = await makePack(join(here, 'delta'), v2, v1)
      await apply({ steps: [delta.step], base: baseOf(v1), into: join(here, 'out') })
      const out = await readTree(realFileSystem, join(here, 'out'))
      assert.equal(manifestRoot(out.manifest), manifestRoot(v2.manifest))
      await rm(here, { recursive: true })
    }),
    { numRuns: 100 }
  )
})

/** Runs the measuring child of the benchmark and returns its peak memory in bytes. */
async function peak(...args: string[]): Promise<number> {
  const child = join(import.meta.dirname, '..', '..', 'bench', 'lib', 'pack-child.ts')
  const env = { ...process.env, ...THRIFT }
  const { stdout } = await promisify(execFile)(process.execPath, [child, ...args], { env })
  return (JSON.parse(stdout) as { rss: number }).rss
}

test('an update of a 98 MB program stays within 1 GB at the publisher and 300 MB at the branch', async (context) => {
  const folder = await temporaryFolder(context)
  const [v1, v2] = [join(folder, 'v1'), join(folder, 'v2')]
  await mkdir(v1)
  await mkdir(v2)
  const before = randomBytes(98 * 1_000_000)
  for (let i = 0; i + 4 < before.length; i += 50) before.writeInt32LE(i, i)
  const after = Buffer.concat([
    before.subarray(0, 40_000_000),
    randomBytes(500_000),
    before.subarray(41_000_000)
  ])
  for (let i = 0; i + 4 < after.length; i += 50) after.writeInt32LE((after.readInt32LE(i) + 64) | 0, i)
  await writeFile(join(v1, 'program'), before)
  await writeFile(join(v2, 'program'), after)
  const pack = join(folder, 'pack')
  const encode = await peak('encode', pack, v2, v1)
  const apply = await peak('apply', pack, join(folder, 'out'), v2, v1)
  context.diagnostic(`peak: ${encode} bytes to encode, ${apply} bytes to apply`)
  assert.ok(encode < 1_000_000_000, `${encode} bytes to encode`)
  assert.ok(apply < 300_000_000, `${apply} bytes to apply`)
})
