// Every operation of every recovery, under every fault: a kill at each change of state, then the fault.
import { test } from 'node:test'
import { FURTHER } from './scenarios.ts'
import { recoveries } from './sweep.ts'

for (const scenario of FURTHER.filter((one) => one.action === 'apply' && one.kinds.length === 1)) {
  test(`recovery of ${scenario.name}: old or new when it is disturbed too`, async (t) => {
    t.diagnostic(await recoveries(scenario, 1))
  })
}
