// Two real members whose sets of records have nothing in common, tens of thousands each: they come into agreement in one
// meeting, nobody is taken for a flooder, and what it costs is the records themselves. And one on a metered link that meets
// the reports of 10,000 branches: it takes what its day allows, and no more.
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

const BRANCHES = 10_000
const A_DAY = 2_000_000 // bytes: what a metered link gives to gossip
const SETTLED = 3000 // milliseconds without a byte

test(`the reports of ${BRANCHES} branches cost a metered link no more than its day`, async (t) => {
  const fleet = new TestFleet('tienda')
  const start = async (name: string, count: number, peers: Parameters<TestFleet['links']>[1]) => {
    const records = fleet.records()
    for (let n = 0; n < count; n++)
      records.add(fleet.record(fleet.member(`branch${n}`), 1, { body: 'x'.repeat(1200) }).bytes, NOW)
    const gossip = new Gossip({ records, own: fleet.member(name).node, now: Date.now })
    const links = fleet.links(fleet.member(name), { ...peers, onPeer: (peer) => gossip.open(peer) })
    await links.start()
    t.after(async () => {
      gossip.close()
      await links.stop()
    })
    return { links, records }
  }
  const office = await start('office', BRANCHES, {})
  const address = addressOf(office.links)
  const shop = await start('shop', 0, { peers: [{ address, class: 'metered' }] })
  let [bytes, since] = [0, Date.now()]
  while (bytes === 0 || Date.now() - since < SETTLED) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    const [peer] = shop.links.peerInfos()
    const now = (peer?.bytesIn ?? 0) + (peer?.bytesOut ?? 0)
    if (now !== bytes) [bytes, since] = [now, Date.now()]
  }
  t.diagnostic(`${bytes} bytes on the link, ${shop.records.size} of ${BRANCHES} reports`)
  assert.ok(shop.records.size > 1000, `${shop.records.size} reports`)
  assert.ok(bytes <= A_DAY * 1.02, `${bytes} bytes`) // the cipher and the frames of the link are not counted by gossip
})
