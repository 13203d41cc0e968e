// Every operation of every scenario, under every fault.
import { test } from 'node:test'
import { CORE, FURTHER, STUCK } from './scenarios.ts'
import { sweepAll } from './sweep.ts'

for (const scenario of [...CORE, ...FURTHER, ...STUCK]) {
  test(`${scenario.name}: old or new under every single fault`, async (t) => {
    t.diagnostic(await sweepAll(scenario, 1))
  })
}
