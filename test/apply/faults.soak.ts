// The whole sweep: every operation of every scenario, every operation of every recovery, and pairs of faults at random.
import { test } from 'node:test'
import { CORE, FURTHER, STUCK } from './scenarios.ts'
import { randomPairs, recoveries, sweepAll } from './sweep.ts'

const PAIRS = 3_000

for (const scenario of [...CORE, ...FURTHER, ...STUCK]) {
  test(`${scenario.name}: old or new under every single fault`, async (t) => {
    t.diagnostic(await sweepAll(scenario, 1))
  })
  test(`${scenario.name}: old or new under two faults at random`, async (t) => {
    const seed = Number(process.env.CHASQUI_SEED ?? Date.now() % 1_000_000)
    t.diagnostic(`seed ${seed}: ${await randomPairs(scenario, PAIRS, seed)}`)
  })
}

for (const scenario of FURTHER.filter((one) => one.action === 'apply' && one.kinds.length === 1)) {
  test(`recovery of ${scenario.name}: old or new when it is disturbed too`, async (t) => {
    t.diagnostic(await recoveries(scenario, 1))
  })
}
