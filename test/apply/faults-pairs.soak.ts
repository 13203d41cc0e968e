// Pairs of faults at random: one in the transaction, one in the start after it. CHASQUI_SEED repeats a run.
import { test } from 'node:test'
import { CORE, FURTHER, STUCK } from './scenarios.ts'
import { randomPairs } from './sweep.ts'

const PAIRS = Number(process.env.CHASQUI_PAIRS ?? 3_000)

for (const scenario of [...CORE, ...FURTHER, ...STUCK]) {
  test(`${scenario.name}: old or new under two faults at random`, async (t) => {
    const seed = Number(process.env.CHASQUI_SEED ?? Date.now() % 1_000_000)
    t.diagnostic(`seed ${seed}: ${await randomPairs(scenario, PAIRS, seed)}`)
  })
}
