import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Transfer, Transfers } from '../../node/transfers.ts'

const what = { app: 'till', releases: ['shop@1.0.0'] }

/** ms, and what had come by then; null: nobody tells, somebody asks */
const rows: { name: string; steps: [number, number | null][]; rate: number; eta: number | null }[] = [
  {
    name: 'steady',
    steps: [
      [1000, 1000],
      [2000, 2000]
    ],
    rate: 1000,
    eta: 8
  },
  {
    name: 'by the last ten seconds only',
    steps: [
      [10_000, 1000],
      [20_000, 6000]
    ],
    rate: 500,
    eta: 8
  },
  {
    name: 'a line that went silent slows down',
    steps: [
      [1000, 1000],
      [10_000, null]
    ],
    rate: 100,
    eta: 90
  },
  {
    name: 'and stands still',
    steps: [
      [1000, 1000],
      [11_000, null]
    ],
    rate: 0,
    eta: null
  },
  { name: 'all is here', steps: [[1000, 10_000]], rate: 10_000, eta: 0 },
  { name: 'all at once', steps: [[0, 10_000]], rate: 10_000_000, eta: 0 }
]

for (const { name, steps, rate, eta } of rows) {
  test(`rate and rest of a transfer: ${name}`, async () => {
    let now = 1_000_000
    const start = now
    const transfers = new Transfers(() => now)
    await transfers.follow(what, async (update) => {
      assert.deepEqual(transfers.list(), [], 'nothing is known yet')
      let done = 0
      let told: Transfer | null = null
      for (const [at, came] of steps) {
        now = start + at
        if (came === null) continue
        done = came
        told = update({ done, total: 10_000 })
      }
      const is = { ...what, done, total: 10_000, rate, eta }
      assert.deepEqual(transfers.list(), [is])
      if (steps.at(-1)?.[1] !== null) assert.deepEqual(told, is)
    })
    assert.deepEqual(transfers.list(), [], 'it has ended')
  })
}

test('a transfer that fails is none any more', async () => {
  const transfers = new Transfers(() => 0)
  const failing = transfers.follow(what, async (update) => {
    update({ done: 1, total: 2 })
    throw new Error('gone')
  })
  await assert.rejects(failing, /gone/)
  assert.deepEqual(transfers.list(), [])
})
