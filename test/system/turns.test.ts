// Turns: nothing overlaps, and what fails holds up nobody.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from '../../src/system/turns.ts'

test('work is done one piece after the other, also after one that failed', async () => {
  const turns = new Turns()
  const seen: string[] = []
  const piece = (name: string, fails = false) =>
    turns.take(async () => {
      seen.push(`${name} begins`)
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    })
  const [first, second, third] = [piece('first'), piece('second', true), piece('third')]
  const failing = assert.rejects(second, { message: 'second' })
  await turns.ended()
  assert.deepEqual(
    seen,
    ['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`])
  )
  await failing
  assert.deepEqual(await Promise.all([first, third]), ['first', 'third'])
})
