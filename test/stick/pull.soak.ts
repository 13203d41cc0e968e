// 200 pulls each of an export, an import, a sync with an update in its middle, and a compaction, on real file systems; the
// count of each outcome is printed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MEDIA_KINDS, unavailable } from './media.ts'
import { ACTS, pullDuring } from './pull.ts'

const TIMES = { fat: 70, exfat: 70, ntfs: 60 } as const

for (const kind of MEDIA_KINDS) {
  for (const [at, act] of ACTS.entries()) {
    const name = `pulled at ${TIMES[kind]} random moments of ${act} on ${kind}`
    test(name, { skip: unavailable(kind) }, async (t) => {
      const outcomes = await pullDuring(t, {
        kind,
        act,
        times: TIMES[kind],
        seed: 11 + at
      })
      t.diagnostic(`${name}: ${JSON.stringify(outcomes)}`)
      assert.equal(outcomes.wrong, 0, JSON.stringify(outcomes))
    })
  }
}
