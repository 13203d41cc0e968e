// The rate that an operator wrote in chasqui.toml holds between real daemons, and small messages pass beside the bulk.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CAP, median, overCappedLine } from './capped-line.ts'
import { Lab } from './support.ts'

const HALF_SECOND = CAP / 2 // bytes of bulk in half a second

for (const side of ['down', 'up'] as const) {
  test(`a cap of 2 Mbit/s ${side} holds, and reports, news and status pass beside the bulk`, async (t) => {
    const got = await overCappedLine(await Lab.create(t, `cap-${side}`), side, 12)
    t.diagnostic(JSON.stringify(got))
    for (const where of ['socket', 'events', 'status'] as const) {
      assert.ok(Math.abs(got[where] - 1) < 0.05, `${where}: ${got[where]} of the cap`)
    }
    assert.ok(got.reports.length >= 3, `${got.reports.length} reports`)
    for (const what of ['reports', 'news', 'answers'] as const) {
      assert.ok(median(got[what]) < HALF_SECOND, `${what}: ${got[what]} bytes of bulk went first`)
    }
  })
}
