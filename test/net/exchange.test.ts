// What the exchange of blocks asks of a line and of a peer: rates count the bytes that really go, and who does not deliver is
// left alone for a while.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { BlockExchange, type ExchangeOptions } from '../../src/net/blocks/exchange.ts'
import { REST, Rests } from '../../src/net/blocks/rests.ts'
import type { Links } from '../../src/net/link-options.ts'
import { Pacer } from '../../src/net/pacing.ts'
import type { Peer } from '../../src/net/peer.ts'
import { silentLog } from '../../src/system/log.ts'
import { addressOf, TestFleet, until } from './members.ts'
import { ALL, COUNT, honest, pretendCore } from './pretend-core.ts'

const fleet = new TestFleet('tienda')
const running: Links[] = []
const open: BlockExchange[] = []

afterEach(async () => {
  for (const exchange of open.splice(0)) exchange.close()
  await Promise.all(running.splice(0).map((links) => links.stop()))
})

async function start(name: string, peers: Links[], onPeer: (peer: Peer) => void): Promise<Links> {
  const links = fleet.links(fleet.member(name), { peers: peers.map(addressOf), onPeer })
  running.push(links)
  await links.start()
  return links
}

function exchangeOf(name: string, more: Partial<ExchangeOptions> = {}): BlockExchange {
  const own = fleet.member(name).node
  const exchange = new BlockExchange({ own, log: silentLog, now: Date.now, random: Math.random, ...more })
  open.push(exchange)
  return exchange
}

const signal = new AbortController().signal

for (const side of ['down', 'up'] as const) {
  test(`small blocks cost a rate ${side} what they weigh, not what a whole block would`, async () => {
    // the clock stands still: nothing is added to the bucket, so that all must pass with what it holds at first
    const frozen = () => 1_700_000_000_000
    const rate = (own: 'down' | 'up') =>
      new Pacer(() => ({
        down: Number.POSITIVE_INFINITY,
        up: Number.POSITIVE_INFINITY,
        ...(own === side ? { [own]: 1 } : {})
      }))
    const from = exchangeOf('from', { pacer: rate('up'), now: frozen })
    from.use(pretendCore(() => true, honest))
    const to = exchangeOf('to', { pacer: rate('down'), now: frozen })
    to.use(pretendCore(() => false, honest))
    const a = await start('from', [], (peer) => from.open(peer))
    await start('to', [a], (peer) => to.open(peer))
    let got = 0
    void to.fetch(ALL, { signal, onBlock: () => got++ }).catch(() => undefined)
    await until(() => got === COUNT, `${COUNT} small blocks`)
  })
}

test('a peer that does not deliver comes back, and is not asked again at once', async () => {
  const asked: number[] = []
  const never = () => new Promise<Uint8Array>(() => undefined)
  const mute = exchangeOf('mute')
  mute.use(
    pretendCore(
      () => true,
      (index) => {
        asked.push(index)
        return never()
      }
    )
  )
  const ours = exchangeOf('ours', { timeLimit: { lan: 50, uplink: 50 } })
  ours.use(pretendCore(() => false, honest))
  const a = await start('mute', [], (peer) => mute.open(peer))
  let meetings = 0
  const mine = await start('ours', [a], (peer) => {
    meetings++
    ours.open(peer)
  })
  void ours.fetch(ALL, { signal }).catch(() => undefined)
  await until(() => meetings >= 2, 'it was dropped and is there again')
  const before = asked.length
  // long enough for another few time-outs, and short of the rest
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.equal(asked.length, before)
  assert.equal(mine.peers().length, 1)

  const good = exchangeOf('good')
  good.use(pretendCore(() => true, honest))
  await start('good', [mine], (peer) => good.open(peer))
  let got = 0
  await ours.fetch(ALL, { signal, onBlock: () => got++ })
  assert.equal(got, COUNT)
})

test('rests grow with each failure up to a limit, end, and are forgiven in time', () => {
  const rests = new Rests()
  let now = 1_000_000
  const seen: number[] = []
  for (let n = 0; n < 8; n++) {
    rests.failed('a', now)
    seen.push(rests.left('a', now))
  }
  const { first, most } = REST
  assert.deepEqual(
    seen,
    [1, 2, 4, 8, 16, 32, 64, 128].map((times) => Math.min(most, first * times))
  )
  assert.equal(rests.left('b', now), 0)
  assert.equal(rests.left('a', now - 86_400_000), most, 'a clock that was set back')
  now += most
  assert.equal(rests.left('a', now), 0)
  now += 7 * REST.forgiven
  rests.failed('a', now)
  assert.equal(rests.left('a', now), 2 * first)
  now += 2 * REST.forgiven
  rests.failed('a', now)
  assert.equal(rests.left('a', now), first)
})
