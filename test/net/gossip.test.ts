import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import c from 'compact-encoding'
import type { RecordSet } from '../../src/fleet/record-set.ts'
import { Gossip } from '../../src/net/gossip.ts'
import { GossipBudget } from '../../src/net/gossip-budget.ts'
import { comparisonCodec, splitComparison } from '../../src/net/gossip-wire.ts'
import type { Links } from '../../src/net/link-options.ts'
import type { Peer } from '../../src/net/peer.ts'
import { addressOf, TestFleet, until } from './members.ts'

const NOW = 1_700_000_000_000
const fleet = new TestFleet('tienda')
const running: Links[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((links) => links.stop()))
})

async function start(name: string, peers: Links[]): Promise<{ links: Links; records: RecordSet }> {
  const records = fleet.records()
  const gossip = new Gossip({ records, own: fleet.member(name).node, now: () => NOW })
  const links = fleet.links(fleet.member(name), {
    peers: peers.map(addressOf),
    onPeer: (peer) => gossip.open(peer)
  })
  running.push(links)
  await links.start()
  return { links, records }
}

test('a report reaches a node that never met its author', async () => {
  const a = await start('a', [])
  const report = fleet.record(fleet.member('a'), 1)
  a.records.add(report.bytes, NOW)
  const c = await start('c', [a.links])
  await until(() => c.records.size === 1, 'c has the report of a')
  await a.links.stop()
  const b = await start('b', [c.links])
  await until(() => b.records.size === 1, 'b has the report of a')
  assert.equal(b.records.list()[0]?.member.name, 'a')
})

test('a new record passes on at once through everybody who is connected', async () => {
  const a = await start('a', [])
  const b = await start('b', [a.links])
  const c = await start('c', [b.links])
  await until(() => b.links.peers().length === 2, 'the chain stands')
  a.records.add(fleet.record(fleet.member('a'), 1).bytes, NOW)
  await until(() => c.records.size === 1, 'c has it')
  a.records.add(fleet.record(fleet.member('a'), 2).bytes, NOW)
  await until(() => c.records.list()[0]?.sequence === 2, 'c has the newer one')
})

test('gossip keeps within the budget of the day, but what a node says itself still goes out', async () => {
  const limit = 600_000
  const start = async (name: string, peers: Links[], authors: number) => {
    const own = fleet.member(name)
    const records = fleet.records()
    for (let n = 0; n < authors; n++) {
      records.add(fleet.record(fleet.member(`${name}${n}`), 1, { body: 'x'.repeat(2500) }).bytes, NOW)
    }
    const budget = new GossipBudget({ lan: limit })
    const gossip = new Gossip({ records, own: own.node, now: () => NOW, budget })
    const onPeer = (peer: Peer) => gossip.open(peer)
    const links = fleet.links(own, { peers: peers.map(addressOf), onPeer })
    running.push(links)
    await links.start()
    return { links, records, gossip }
  }
  const a = await start('a', [], 2000)
  const b = await start('b', [a.links], 0)
  await until(() => b.records.size > 50, 'something came')
  await quiet(() => b.records.size)
  const spent = b.gossip.budget.spent('lan', NOW)
  assert.ok(spent <= limit && spent > limit / 2, `${spent} bytes of ${limit}, ${b.records.size} records`)
  a.records.add(fleet.record(fleet.member('a'), 1).bytes, NOW)
  b.records.add(fleet.record(fleet.member('b'), 1).bytes, NOW)
  await until(() => a.records.get('report', fleet.member('b').node) !== undefined, 'a has what b says itself')
  await until(() => b.records.get('report', fleet.member('a').node) !== undefined, 'b has what a says itself')
})

for (const { gone, most } of [
  { gone: 6, most: 6 },
  { gone: 500, most: 100 }
]) {
  test(`a member that was away keeps its place though it offers records of ${gone} who were revoked since`, async () => {
    const [old, late] = [new TestFleet('tienda'), new TestFleet('tienda')]
    const outcomes: string[] = []
    const join = async (of: TestFleet, name: string, records: RecordSet, peers: Links[]) => {
      const gossip = new Gossip({
        records,
        own: of.member(name).node,
        now: () => NOW,
        onRecord: ({ outcome }) => void (name === 'late' && outcomes.push(outcome))
      })
      const onPeer = (peer: Peer) => gossip.open(peer)
      const links = of.links(of.member(name), { peers: peers.map(addressOf), onPeer })
      running.push(links)
      await links.start()
      return links
    }
    const kept = old.records()
    for (let n = 0; n < gone; n++) {
      late.revoked.add(`gone${n}`)
      kept.add(old.record(old.member(`gone${n}`), 1).bytes, NOW)
    }
    kept.add(old.record(old.member('away'), 1).bytes, NOW)
    const records = late.records()
    const hub = await join(late, 'late', records, [])
    await join(old, 'away', kept, [hub])
    await until(() => records.get('report', old.member('away').node) !== undefined, 'its own report is there')
    await quiet(() => outcomes.length)
    const refused = () => outcomes.filter((outcome) => outcome === 'refused').length
    assert.ok(refused() >= Math.min(gone, 64) && refused() <= most, `${refused()} were asked for`)
    // whoever else brings them is not asked for them again
    if (gone === 6) {
      await join(old, 'away2', kept, [hub])
      await until(() => hub.peers().length === 2, 'another one is there')
      await quiet(() => hub.peers().reduce((sum, { bytesIn }) => sum + bytesIn, 0))
      assert.equal(refused(), gone)
    }
    assert.ok(hub.peers().some(({ member }) => member.name === 'away'))
  })
}

/** Waits until a number does not grow any more. */
async function quiet(number: () => number): Promise<void> {
  for (let before = -1; before !== number(); ) {
    before = number()
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

test('a comparison that one message cannot hold goes in several, and each is well formed', () => {
  const prefix = (n: number) => n.toString(16).padStart(4, '0')
  const summary = { count: 1, high: 1, low: 1 }
  const whole = {
    ranges: Array.from({ length: 20_064 }, (_, n) => ({ prefix: prefix(n), summary })),
    lists: Array.from({ length: 9000 }, (_, n) => ({ prefix: prefix(n + 30_000), items: [] }))
  }
  const parts = splitComparison(whole).map((part) =>
    c.decode(comparisonCodec, c.encode(comparisonCodec, part))
  )
  assert.deepEqual(
    { ranges: parts.flatMap(({ ranges }) => ranges), lists: parts.flatMap(({ lists }) => lists) },
    whole
  )
})
