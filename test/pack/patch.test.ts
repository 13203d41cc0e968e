import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChasquiError, type ErrorCode } from '../../src/errors.ts'
import { ByteWriter } from '../../src/pack/bytes.ts'
import { PACK_LIMITS } from '../../src/pack/limits.ts'
import { applyPatch, decodePatchFrame, encodePatchFrame, type OldBytes } from '../../src/pack/patch.ts'
import { matchPatch, type PatchStreams } from '../../src/pack/patch-match.ts'
import { matchInWorker, sharedBytes } from '../../src/pack/patch-worker.ts'
import { noise } from './fixtures.ts'

function oldOf(bytes: Uint8Array): OldBytes {
  return {
    length: bytes.length,
    read: async (position, length) => Buffer.from(bytes.subarray(position, position + length))
  }
}

async function patched(streams: PatchStreams, old: Uint8Array, length: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of applyPatch(streams, oldOf(old), length)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Moved, removed and inserted parts, and 32-bit numbers that change all over. */
function edited(old: Buffer, edits: { kind: string; at: number; length: number; value: number }[]): Buffer {
  let bytes = Buffer.from(old)
  for (const { kind, at, length, value } of edits) {
    const [from, size] = [at % (bytes.length + 1), Math.min(length, bytes.length)]
    if (kind === 'insert')
      bytes = Buffer.concat([bytes.subarray(0, from), noise(size, value), bytes.subarray(from)])
    else if (kind === 'remove') bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + size)])
    else if (kind === 'move') bytes = Buffer.concat([bytes.subarray(from), bytes.subarray(0, from)])
    else
      for (let i = from; i + 4 <= bytes.length; i += 61)
        bytes.writeInt32LE((bytes.readInt32LE(i) + value) | 0, i)
  }
  return bytes
}

const edits = fc.array(
  fc.record({
    kind: fc.constantFrom('insert', 'remove', 'move', 'fields'),
    at: fc.nat({ max: 70_000 }),
    length: fc.nat({ max: 5_000 }),
    value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
  }),
  { maxLength: 6 }
)

test('a patch gives the new bytes back, whatever changed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 70_000 }), edits, async (length, changes) => {
      const old = noise(length, 3)
      const fresh = edited(old, changes)
      const streams = matchPatch(old, fresh)
      assert.ok((await patched(streams, old, fresh.length)).equals(fresh))
      const frame = await encodePatchFrame(streams, () => ({}))
      assert.ok((await patched(await decodePatchFrame(frame, PACK_LIMITS), old, fresh.length)).equals(fresh))
    }),
    { numRuns: 150 }
  )
})

test('numbers that change all over cost little', async () => {
  const old = noise(400_000, 5)
  const fresh = edited(old, [{ kind: 'fields', at: 0, length: 0, value: 1_000_000 }])
  const frame = await encodePatchFrame(matchPatch(old, fresh), () => ({}))
  assert.ok(frame.length < 2_000, `${frame.length} bytes`)
})

test('the search in a thread finds the same, and can be stopped', async () => {
  const [old, fresh] = [sharedBytes(50_000), sharedBytes(50_004)]
  old.set(noise(50_000))
  fresh.set(Buffer.concat([noise(50_000), Buffer.from('tail')]))
  assert.deepEqual(await matchInWorker(old, fresh), matchPatch(old, fresh))
  const abort = new AbortController()
  const running = matchInWorker(old, fresh, abort.signal)
  abort.abort(new Error('stopped'))
  await assert.rejects(running, /stopped/)
})

function column(...values: number[]): Uint8Array {
  const writer = new ByteWriter()
  for (const value of values) writer.varint(value)
  return writer.finish()
}

const NONE = new Uint8Array()
/** 10 bytes copied from the start of the old content. */
const PLAIN: PatchStreams = {
  literalLengths: column(0),
  copyLengths: column(10),
  seeks: column(0),
  gaps: NONE,
  fields: NONE,
  literals: NONE
}

const HOSTILE: [what: string, change: Partial<PatchStreams>, length?: number][] = [
  ['copy before the old content', { seeks: column(1) }],
  ['copy beyond the old content', { seeks: column(200) }],
  ['copy longer than the group', { copyLengths: column(11) }],
  ['copy longer than everything', { copyLengths: column(2 ** 52) }],
  ['copy of nothing', { copyLengths: column(0) }],
  ['literal that is not there', { literalLengths: column(5), copyLengths: column(5) }],
  ['literals that are left', { literals: Buffer.from('x') }],
  ['copies that are left', { copyLengths: column(10, 1) }],
  ['seeks that are left', { seeks: column(0, 0) }],
  ['copies that are missing', { literalLengths: column(0, 0) }],
  ['field after the end', { gaps: column(10), fields: column(2) }],
  ['gap without a field', { gaps: column(2) }],
  ['field without a gap', { fields: column(2) }],
  ['field out of range', { gaps: column(2), fields: column(2 ** 33) }],
  ['group longer than the patch', {}, 11],
  [
    'endless copies of one byte',
    {
      literalLengths: column(...Array(20).fill(0)),
      copyLengths: column(...Array(20).fill(1)),
      seeks: column(...Array(20).fill(0))
    }
  ]
]

test('hostile patches are refused', async () => {
  const old = noise(100)
  assert.ok((await patched(PLAIN, old, 10)).equals(old.subarray(0, 10)))
  for (const [what, change, length] of HOSTILE) {
    await assert.rejects(patched({ ...PLAIN, ...change }, old, length ?? 10), { code: 'PACK_DAMAGED' }, what)
  }
})

const FRAMES: [what: string, code: ErrorCode, head: number[]][] = [
  ['streams beyond the limit', 'PACK_LIMIT', [2 ** 40, 1]],
  ['streams that add up beyond the limit', 'PACK_LIMIT', Array(12).fill(PACK_LIMITS.patchBytes / 4)],
  ['frames that are not there', 'PACK_DAMAGED', Array(12).fill(100)],
  ['a head that is cut', 'PACK_DAMAGED', [1, 1, 1]]
]

test('hostile frames are refused before they are decompressed', async () => {
  for (const [what, code, head] of FRAMES) {
    const numbers =
      code === 'PACK_LIMIT' && head.length < 12 ? [...head, ...Array(12 - head.length).fill(0)] : head
    await assert.rejects(decodePatchFrame(column(...numbers), PACK_LIMITS), { code }, what)
  }
})

test('any flipped byte of a frame is refused or means another content, and never anything else', async () => {
  const old = noise(30_000, 5)
  const fresh = edited(old, [
    { kind: 'fields', at: 3, length: 0, value: 77 },
    { kind: 'insert', at: 500, length: 300, value: 3 }
  ])
  const frame = await encodePatchFrame(matchPatch(old, fresh), () => ({}))
  for (let i = 0; i < frame.length; i++) {
    const bytes = Buffer.from(frame)
    bytes[i] = (bytes[i] as number) ^ (1 << (i % 8))
    try {
      const content = await patched(await decodePatchFrame(bytes, PACK_LIMITS), old, fresh.length)
      assert.equal(content.length, fresh.length)
    } catch (error) {
      assert.ok(error instanceof ChasquiError && error.code.startsWith('PACK_'), `byte ${i}: ${error}`)
    }
  }
})
