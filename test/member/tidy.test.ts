import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tidier } from '../../src/member/tidy.ts'

const MB = 1_000_000

const rows: { name: string; moved: number[]; times: number }[] = [
  { name: 'nothing ever moved', moved: [0, 0, 0], times: 0 },
  { name: 'a little now and then', moved: [10_000, 20_000, 30_000], times: 0 },
  { name: 'much, and it still moves', moved: [5 * MB, 10 * MB, 15 * MB], times: 0 },
  { name: 'much, and then nothing', moved: [5 * MB, 10 * MB, 10 * MB, 10 * MB, 10 * MB], times: 1 },
  { name: 'much twice', moved: [5 * MB, 5 * MB, 9 * MB, 9 * MB, 9 * MB], times: 2 },
  { name: 'much, and the peer is gone', moved: [5 * MB, 0, 0], times: 1 },
  { name: 'a little for very long', moved: Array.from({ length: 101 }, (_, n) => n * 10_000), times: 1 }
]
for (const { name, moved, times } of rows) {
  test(`garbage is collected ${times} times: ${name}`, () => {
    const tidier = new Tidier()
    assert.equal(moved.filter((bytes) => tidier.look(bytes)).length, times)
  })
}
