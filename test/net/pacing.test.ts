import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Flow } from '../../src/net/blocks/flow.ts'
import { byImportance, GossipBudget } from '../../src/net/gossip-budget.ts'
import { Ledger } from '../../src/net/ledger.ts'
import { Pacer, TokenBucket } from '../../src/net/pacing.ts'

const BLOCK = 65_536
const DAY = 86_400_000

/** Bytes that a pacer lets through in this many ms of virtual time, asked as often as it wants. */
function through(pacer: Pacer, ms: number, isCritical = false): number {
  let bytes = 0
  for (let now = 0; now < ms; ) {
    const wait = pacer.take('internet', 'down', BLOCK, now, isCritical)
    if (wait === 0) bytes += BLOCK
    else now += wait
  }
  return bytes
}

for (const rate of [16_000, 250_000, 1_250_000, 12_500_000]) {
  test(`a rate of ${rate} bytes a second holds within 5 % over a minute`, () => {
    const bytes = through(new Pacer(() => ({ down: rate, up: rate })), 60_000)
    assert.ok(
      Math.abs(bytes / (rate * 60) - 1) < 0.05 || Math.abs(bytes - rate * 60) <= 2 * BLOCK,
      `${bytes}`
    )
  })
}

test('a pause lets nothing through but what is critical, and that at the rate of the link', () => {
  const rate = 250_000
  const pacer = () => new Pacer(() => ({ down: rate, up: rate, isPaused: true }))
  assert.equal(through(pacer(), 60_000), 0)
  const critical = through(pacer(), 60_000, true)
  assert.ok(Math.abs(critical / (rate * 60) - 1) < 0.05, `${critical}`)
})

test('rates follow the hours without anybody setting a timer', () => {
  const pacer = new Pacer((_class, now) => ({ down: now < 1000 ? 0 : 1_000_000, up: 0 }))
  assert.ok(pacer.take('internet', 'down', BLOCK, 0) > 0)
  assert.equal(pacer.take('internet', 'down', BLOCK, 1000), 0)
})

test('the LAN is not slowed by the limit of the internet', () => {
  const pacer = new Pacer((linkClass) => ({
    down: linkClass === 'lan' ? Number.POSITIVE_INFINITY : 1,
    up: 1
  }))
  pacer.take('internet', 'down', BLOCK, 0)
  assert.ok(pacer.take('internet', 'down', BLOCK, 0) > 0)
  for (let count = 0; count < 100; count++) assert.equal(pacer.take('lan', 'down', BLOCK, 0), 0)
})

test('an idle bucket saves up no more than its burst', () => {
  const bucket = new TokenBucket(1000, 0)
  assert.equal(bucket.take(1000, 100, 3_600_000), 0)
  assert.ok(bucket.take(1000, 100, 3_600_000) > 0)
})

test('a clock that runs backwards does not stop a bucket for longer than its debt', () => {
  const bucket = new TokenBucket(1000, 1_000_000)
  bucket.take(2000, 1000, 1_000_000)
  assert.ok(bucket.take(1, 1000, 0) <= 1002)
  assert.equal(bucket.take(1, 1000, 1002), 0)
})

test('requests in flight grow while answers are prompt and shrink when they queue', () => {
  const flow = new Flow(false)
  for (let count = 0; count < 200; count++) flow.onResponse(20)
  const grown = flow.limit
  assert.ok(grown > 2)
  for (let count = 0; count < 2000; count++) flow.onResponse(900)
  assert.equal(flow.limit, 1)
})

test('gossip on a metered link ends for the day at its budget, but for what all need', () => {
  const budget = new GossipBudget()
  assert.equal(budget.allows('metered', 'report', 1, 0), true)
  budget.spend('metered', 2_000_000, 0)
  assert.equal(budget.allows('metered', 'report', 1, 1), false)
  assert.equal(budget.allows('metered', 'root', 1, 1), true)
  assert.equal(budget.allows('internet', 'report', 1, 1), true)
  assert.equal(budget.allows('metered', 'report', 1, DAY), true)
})

test('what is reserved counts as spent until it is given back', () => {
  const budget = new GossipBudget({ metered: 1000 })
  budget.reserve('metered', 900)
  assert.equal(budget.allows('metered', 'report', 101, 0), false)
  assert.equal(budget.allows('metered', 'report', 100, 0), true)
  budget.reserve('metered', -900)
  assert.equal(budget.allows('metered', 'report', 1000, 0), true)
})

test('a restart does not begin the day of the budget anew', () => {
  const budget = new GossipBudget({ metered: 1000 })
  budget.spend('metered', 1000, DAY)
  const again = new GossipBudget({ metered: 1000 }, JSON.parse(JSON.stringify(budget)))
  assert.equal(again.allows('metered', 'report', 1, DAY + 1), false)
  assert.equal(again.allows('metered', 'report', 1, 2 * DAY), true)
})

test('what matters to all travels before reports', () => {
  const order = byImportance([
    { type: 'report' },
    { type: 'address' },
    { type: 'root' },
    { type: 'evidence' }
  ])
  assert.deepEqual(
    order.map(({ type }) => type),
    ['root', 'evidence', 'address', 'report']
  )
})

test('a ledger adds up by peer and class and survives being stored', () => {
  const ledger = new Ledger()
  ledger.add('packs/a', 'b1', 'lan', 10)
  ledger.add('packs/a', 'b1', 'lan', 5)
  ledger.add('packs/a', 'b1', 'internet', 1)
  ledger.add('packs/b', 'stick7', 'stick', 3)
  const read = new Ledger(Object.fromEntries(ledger.items.map((item) => [item, ledger.of(item)])))
  assert.deepEqual(read.of('packs/a'), [
    { peer: 'b1', link: 'lan', bytes: 15 },
    { peer: 'b1', link: 'internet', bytes: 1 }
  ])
  read.forget('packs/a')
  assert.deepEqual([read.of('packs/a'), read.of('packs/b').length], [[], 1])
})
