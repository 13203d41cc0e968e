// 200 pulls of an export and 200 of an import, 60 of a sync with an update in its middle and 60 of a compaction, on real
// file systems; the count of each outcome is printed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MEDIA_KINDS, unavailable } from './media.ts'
import { ACTS, pullDuring } from './pull.ts'

const TIMES = { fat: 70, exfat: 70, ntfs: 60 } as const
const FEWER = 20

for (const kind of MEDIA_KINDS) {
  for (const [at, act] of ACTS.entries()) {
    const times = act === 'export' || act === 'import' ? TIMES[kind] : FEWER
    const name = `pulled at ${times} random moments of ${act} on ${kind}`
    test(name, { skip: unavailable(kind) }, async (t) => {
      const outcomes = await pullDuring(t, { kind, act, times, seed: 11 + at })
      t.diagnostic(`${name}: ${JSON.stringify(outcomes)}`)
      assert.equal(outcomes.wrong, 0, JSON.stringify(outcomes))
    })
  }
}
