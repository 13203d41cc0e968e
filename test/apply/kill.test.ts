import { test } from 'node:test'
import { killApplies } from './kill.ts'

for (const kind of ['directory', 'overlay'] as const) {
  test(`kill -9 at random moments of real applies leaves old or new, whole (${kind})`, async (t) => {
    const tally = await killApplies({ kind, kills: 4, random: Math.random })
    t.diagnostic(JSON.stringify(tally))
  })
}
