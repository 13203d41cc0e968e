// Every operation of apply, of its way back and of the recovery after a cut, under every fault: the outcome is the old
// version or the new one, whole, running, with the database that fits. The apply of one module exhaustively, the rest by a
// sample here and exhaustively in the soak.
import { test } from 'node:test'
import { recoveries, SCENARIOS, sweepAll } from './sweep.ts'

const SAMPLE = { back: 3, large: 29 } // every so many operations

for (const scenario of SCENARIOS) {
  test(`${scenario.name}: old or new under every single fault`, async (t) => {
    const isBack = scenario.till.sickVersion !== undefined
    t.diagnostic(await sweepAll(scenario, scenario.modules > 1 ? SAMPLE.large : isBack ? SAMPLE.back : 1))
  })
}

for (const kind of ['directory', 'overlay'] as const) {
  test(`recovery, ${kind}: old or new when it is disturbed too`, async (t) => {
    t.diagnostic(await recoveries(kind, SAMPLE.large))
  })
}
