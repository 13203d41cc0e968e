// The stick's vectors carry their own verdict; this reads them with the implementation.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import sodium from 'sodium-native'
import { ChasquiError } from '../../src/errors.ts'
import { checkOrder, encodeOrder, orderBytes } from '../../src/stick/apply-order.ts'
import { decodeBundle, encodeBundle } from '../../src/stick/report-bundle.ts'
import { encodeFooter, encodeHeader, encodeTable, proveSegment } from '../../src/stick/segment.ts'
import { leafHash } from '../../src/stick/tree.ts'
import type { OrderGiven } from '../independent/order-reader.ts'
import { readVectors } from '../independent/read-vectors.ts'

const hex = (text: string) => Buffer.from(text, 'hex')

interface SegmentCase {
  comment: string
  expect: string
  header: string
  blocks: string
  table: string
  footer: string
}

function judgeSegment(found: SegmentCase): string {
  const blocks = hex(found.blocks)
  try {
    const segment = proveSegment(hex(found.header), hex(found.table), hex(found.footer))
    for (const core of segment.cores) {
      for (const [at, block] of core.blocks.entries()) {
        const position = (core.positions[at] ?? 0) - 80
        if (!Buffer.from(leafHash(blocks.subarray(position, position + block.size))).equals(block.hash))
          return 'BLOCK'
      }
    }
    assert.equal(Buffer.from(encodeHeader(segment.header)).toString('hex'), found.header)
    const table = encodeTable(segment.cores)
    assert.equal(Buffer.from(table).toString('hex'), found.table)
    const footer = encodeFooter(hex(found.header), table, 80 + blocks.length)
    assert.equal(Buffer.from(footer).toString('hex'), found.footer)
    return 'OK'
  } catch (error) {
    if (error instanceof ChasquiError) return error.code
    throw error
  }
}

for (const found of readVectors<SegmentCase>('segment')) {
  test(`segment: ${found.comment}: ${found.expect}`, () => {
    assert.equal(judgeSegment(found), found.expect)
  })
}

interface RecordCase {
  comment: string
  bytes: string
  expect: string[]
  damaged: boolean
}

for (const { comment, bytes, expect, damaged } of readVectors<RecordCase>('report-file')) {
  test(`records: ${comment}`, () => {
    const found = decodeBundle(hex(bytes))
    assert.deepEqual(
      found.records.map((record) => Buffer.from(record).toString('hex')),
      expect
    )
    assert.equal(found.damaged, damaged)
    const again = Buffer.from(encodeBundle(found.records)).toString('hex')
    assert.equal(again === bytes, !damaged)
  })
}

type OrderCase = OrderGiven & { comment: string; expect: string }

async function judgeOrder(found: OrderCase): Promise<string> {
  const check = {
    fleet: found.fleet,
    node: found.node,
    stick: { id: found.stick, sequence: found.sequence },
    now: Date.parse(found.now),
    used: async () => found.used,
    verifyMembership: (bytes: Uint8Array) => {
      const node = Buffer.from(bytes).toString('hex')
      return { node, invite: '', name: '', groups: [], modules: [], role: found.role }
    },
    verifySignature: (message: Uint8Array, signature: Uint8Array, node: string) =>
      sodium.crypto_sign_verify_detached(signature, message, hex(node))
  }
  try {
    return (await checkOrder(Buffer.from(found.bytes), check)) === null ? 'OTHER' : 'OK'
  } catch (error) {
    if (error instanceof ChasquiError) return error.code
    throw error
  }
}

for (const found of readVectors<OrderCase>('apply-order')) {
  test(`apply order: ${found.comment}: ${found.expect}`, async () => {
    assert.equal(await judgeOrder(found), found.expect)
  })
}

test('an order has one encoding', () => {
  const cases = readVectors<OrderCase>('apply-order')
  const file = JSON.parse(cases[0]?.bytes ?? '') as { order: never; membership: string; signature: string }
  const again = encodeOrder(file.order, Buffer.from(file.membership, 'base64'), hex(file.signature))
  assert.equal(Buffer.from(again).toString(), cases[0]?.bytes)
  assert.match(Buffer.from(orderBytes(file.order)).toString(), /^chasqui\/apply-now\/1\0\{"created":/)
})
