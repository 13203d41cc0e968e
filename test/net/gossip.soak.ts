// Two real members whose sets of records have nothing in common, tens of thousands each: they come into agreement in one
// meeting, nobody is taken for a flooder, and what it costs is the records themselves.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gossip } from '../../src/net/gossip.ts'
import type { Links } from '../../src/net/link-options.ts'
import { addressOf, TestFleet } from './members.ts'

const EACH = 30_000
const NOW = 1_700_000_000_000
/** bytes that a record of some 1000 bytes may take in memory, with all that is kept beside it */
const PER_RECORD = 6000

test(`two members with ${EACH} records each that the other lacks come into agreement`, async (t) => {
  const fleet = new TestFleet('tienda')
  const misconduct: string[] = []
  let bytes = 0
  const start = async (name: string, from: number, peers: Links[]) => {
    const records = fleet.records()
    for (let n = from; n < from + EACH; n++) {
      const record = fleet.record(fleet.member(`branch${n}`), 1, { body: 'x'.repeat(800) })
      bytes += record.bytes.byteLength
      records.add(record.bytes, NOW)
    }
    const own = fleet.member(name).node
    const onMisconduct = () => misconduct.push(name)
    const gossip = new Gossip({ records, own, now: Date.now, onMisconduct })
    const onPeer: Parameters<TestFleet['links']>[1] = { onPeer: (peer) => gossip.open(peer) }
    const links = fleet.links(fleet.member(name), { peers: peers.map(addressOf), ...onPeer })
    await links.start()
    t.after(async () => {
      gossip.close()
      await links.stop()
    })
    return { links, records }
  }
  const a = await start('a', 0, [])
  const before = process.memoryUsage().rss
  const b = await start('b', EACH, [a.links])
  let peak = 0
  let passed = 0
  const isEqual = () => a.records.size === 2 * EACH && b.records.size === 2 * EACH
  while (!isEqual() && misconduct.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    peak = Math.max(peak, process.memoryUsage().rss)
    const [peer] = b.links.peerInfos()
    passed = Math.max(passed, (peer?.bytesIn ?? 0) + (peer?.bytesOut ?? 0))
  }
  t.diagnostic(
    `${passed} bytes for ${bytes} bytes of records, ${Math.round((peak - before) / 1e6)} MB more memory`
  )
  assert.deepEqual(misconduct, [])
  assert.ok(passed < 1.3 * bytes, `${passed} bytes for ${bytes}`)
  // one set more than before, and the other half of both
  assert.ok(peak - before < 3 * EACH * PER_RECORD, `${peak - before} bytes of memory`)
})
