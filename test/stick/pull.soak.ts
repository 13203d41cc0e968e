// 200 pulls of an export and 200 of an import, on real file systems.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MEDIA_KINDS, unavailable } from './media.ts'
import { pullDuring } from './pull.ts'

const TIMES = { fat: 70, exfat: 70, ntfs: 60 } as const

for (const kind of MEDIA_KINDS) {
  for (const act of ['export', 'import'] as const) {
    const name = `pulled at ${TIMES[kind]} random moments of an ${act} on ${kind}`
    test(name, { skip: unavailable(kind) }, async (t) => {
      const outcomes = await pullDuring(t, {
        kind,
        act,
        times: TIMES[kind],
        seed: act === 'export' ? 11 : 12
      })
      t.diagnostic(`${name}: ${JSON.stringify(outcomes)}`)
      assert.equal(outcomes.wrong, 0)
    })
  }
}
