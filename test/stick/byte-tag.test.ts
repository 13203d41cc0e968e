import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tagPair } from '../../src/stick/byte-tag.ts'

const pieces = fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 })

test('the same bytes are the same, however they are cut', () => {
  fc.assert(
    fc.property(pieces, (cut) => {
      const [one, other] = tagPair()
      for (const piece of cut) one.add(piece)
      other.add(Buffer.concat(cut))
      assert.ok(one.equals(other))
    })
  )
})

test('one bit, one byte more, or another order is not the same', () => {
  const bytes = Buffer.from('what was written to the stick')
  const same = (given: Uint8Array) => {
    const [one, other] = tagPair()
    one.add(bytes)
    other.add(given)
    return one.equals(other)
  }
  assert.ok(same(bytes))
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = changed.readUInt8(bit >> 3) ^ (1 << (bit & 7))
    assert.ok(!same(changed), `bit ${bit}`)
  }
  assert.ok(!same(Buffer.concat([bytes, Buffer.alloc(1)])))
  assert.ok(!same(bytes.subarray(1)))
  assert.ok(!same(Buffer.from(bytes).reverse()))
})
