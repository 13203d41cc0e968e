// A sample of what flips.soak.ts does with every byte.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flipBytes } from './flips.ts'

test('a flipped byte anywhere on a stick is harmless or refused, never imported (a sample)', async (t) => {
  const outcomes = await flipBytes(t, 307, 7)
  t.diagnostic(JSON.stringify(outcomes))
  assert.deepEqual(outcomes.wrong, [])
  assert.ok((outcomes.refused.STICK_DAMAGED ?? 0) >= 3)
})
