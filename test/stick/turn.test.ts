import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StickHome } from '../../src/stick/home.ts'
import { inTurn } from '../../src/stick/turn.ts'

const home = {} as StickHome
const never = new AbortController().signal

test('stick work of one home is done one after the other, also after one that failed', async () => {
  const done: string[] = []
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const waits: string[] = []
  const first = inTurn(
    home,
    never,
    () => held.then(() => done.push('first')),
    () => waits.push('first')
  )
  const second = inTurn(
    home,
    never,
    () => Promise.reject(new Error('no stick')),
    () => waits.push('second')
  )
  const third = inTurn(
    home,
    never,
    async () => done.push('third'),
    () => waits.push('third')
  )
  const refused = assert.rejects(second, /no stick/)
  release()
  await Promise.all([first, refused, third])
  assert.deepEqual(done, ['first', 'third'])
  assert.deepEqual(waits, ['second', 'third'])
  // and whoever comes when all is done does not wait
  await inTurn(
    home,
    never,
    async () => done.push('fourth'),
    () => waits.push('fourth')
  )
  assert.deepEqual(waits, ['second', 'third'])
})

test('work that is stopped while it waits ends at once, and is not done when its turn comes', async () => {
  const done: string[] = []
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const first = inTurn(home, never, () => held.then(() => done.push('first')))
  const stop = new AbortController()
  const second = inTurn(home, stop.signal, async () => done.push('second'))
  stop.abort()
  await assert.rejects(second, { code: 'CANCELLED' })
  assert.equal(done.length, 0)
  release()
  await first
  await inTurn(home, never, async () => done.push('third'))
  assert.deepEqual(done, ['first', 'third'])
})
