// Every operation of a transaction, of its way back and of the recovery after a cut, under every fault: the outcome is the
// old state or the new one, whole, running, with the database that fits, and no sale lost. The update of one module
// exhaustively, the rest by a sample here and exhaustively in the soak.
import { test } from 'node:test'
import { CORE, FURTHER, STUCK } from './scenarios.ts'
import { recoveries, sweepAll } from './sweep.ts'

const SAMPLE = { core: 1, further: 37, stuck: 41, recoveries: 199 } // every so many operations

for (const [scenarios, stride] of [
  [CORE, SAMPLE.core],
  [FURTHER, SAMPLE.further],
  [STUCK, SAMPLE.stuck]
] as const) {
  for (const scenario of scenarios) {
    test(`${scenario.name}: old or new under every single fault`, async (t) => {
      t.diagnostic(await sweepAll(scenario, stride))
    })
  }
}

for (const scenario of FURTHER.filter((one) => one.action === 'apply' && one.kinds.length === 1)) {
  test(`recovery of ${scenario.name}: old or new when it is disturbed too`, async (t) => {
    t.diagnostic(await recoveries(scenario, SAMPLE.recoveries))
  })
}
