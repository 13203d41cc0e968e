// Every byte of a small stick flipped in turn.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flipBytes } from './flips.ts'

test('every byte of a small stick flipped in turn is harmless or refused, never imported', async (t) => {
  const outcomes = await flipBytes(t, 1)
  t.diagnostic(JSON.stringify(outcomes))
  assert.deepEqual(outcomes.wrong, [])
})
