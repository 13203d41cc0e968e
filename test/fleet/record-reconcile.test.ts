import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Comparison, compare, openComparison } from '../../src/fleet/reconcile.ts'
import type { SignedRecord } from '../../src/fleet/record.ts'
import { RecordIndex } from '../../src/fleet/record-index.ts'
import { encodedLength } from '../../src/net/codec.ts'
import { comparisonCodec } from '../../src/net/gossip-wire.ts'

/** A record as the index sees it; reconciliation never looks at signatures. */
function record(author: number, sequence: number): SignedRecord {
  const key = Buffer.alloc(32)
  key.writeUInt32BE(author)
  const nothing = new Uint8Array(0)
  const bytes = Buffer.from(`${author}/${sequence}`)
  return {
    type: 'report',
    author: key,
    membership: nothing,
    epoch: 1,
    sequence,
    at: 0,
    header: nothing,
    body: nothing,
    signature: nothing,
    bytes
  }
}

interface Node {
  index: RecordIndex
  records: Map<string, SignedRecord>
}

function node(versions: Map<number, number>): Node {
  const made: Node = { index: new RecordIndex(), records: new Map() }
  for (const [author, sequence] of versions) put(made, record(author, sequence))
  return made
}

function put(at: Node, added: SignedRecord): void {
  at.index.put(added)
  at.records.set(Buffer.from(added.author).toString('hex'), added)
}

/** Runs a whole meeting; returns how many bytes were spent on comparing, and how many records moved. */
function meet(one: Node, two: Node): { bytes: number; moved: number } {
  let [speaker, listener] = [one, two]
  let message: Comparison | null = openComparison(speaker.index)
  let bytes = 0
  let moved = 0
  while (message !== null) {
    bytes += encodedLength(comparisonCodec, message)
    const { reply, want, offer } = compare(listener.index, message)
    moved += copy(speaker, listener, want) + copy(listener, speaker, offer)
    message = reply
    ;[speaker, listener] = [listener, speaker]
  }
  return { bytes, moved }
}

function copy(from: Node, to: Node, items: { key: string }[]): number {
  const keys = new Set(items.map((item) => item.key))
  for (const [author, kept] of from.records) {
    if (!keys.has(keyOf(kept))) continue
    to.index.put(kept)
    to.records.set(author, kept)
  }
  return keys.size
}

function keyOf(kept: SignedRecord): string {
  const single = new RecordIndex()
  single.put(kept)
  return single.items('')[0]?.key ?? ''
}

test('two nodes that agree spend less than 1 KB, whatever the size of the fleet', () => {
  for (const size of [0, 1, 100, 10_000]) {
    const versions = new Map(Array.from({ length: size }, (_, author) => [author, 1]))
    const { bytes, moved } = meet(node(versions), node(versions))
    assert.ok(bytes < 100, `${bytes} bytes for ${size} records`)
    assert.equal(moved, 0)
  }
})

test('one difference among 10,000 records costs less than 1 KB', () => {
  const versions = new Map(Array.from({ length: 10_000 }, (_, author) => [author, 1]))
  const one = node(versions)
  const two = node(versions.set(4321, 2))
  const { bytes, moved } = meet(one, two)
  assert.equal(moved, 1)
  assert.ok(bytes < 1000, `${bytes} bytes`)
})

test('after any meeting both sides have the newest record of every author', () => {
  const versions = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 3 })))
  fc.assert(
    fc.property(versions, versions, (left, right) => {
      const [one, two] = [node(new Map(left)), node(new Map(right))]
      meet(one, two)
      const newest = new Map<string, number>()
      for (const [author, sequence] of [...new Map(left), ...new Map(right)]) {
        newest.set(`${author}`, Math.max(sequence, newest.get(`${author}`) ?? 0))
      }
      for (const side of [one, two]) {
        const has = new Map(
          [...side.records.values()].map((kept) => [
            `${Buffer.from(kept.author).readUInt32BE()}`,
            kept.sequence
          ])
        )
        assert.deepEqual([...has].sort(), [...newest].sort())
      }
      assert.deepEqual(one.index.summary(''), two.index.summary(''))
    }),
    { numRuns: 60 }
  )
})

test('taking a record away restores the summary of the rest', () => {
  const index = new RecordIndex()
  index.put(record(1, 1))
  const before = index.summary('')
  index.put(record(2, 1))
  assert.equal(index.summary('').count, 2)
  index.remove(keyOf(record(2, 1)))
  index.remove(keyOf(record(3, 1)))
  assert.deepEqual(index.summary(''), before)
})
