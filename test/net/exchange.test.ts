// What the exchange of blocks asks of a line and of a peer: rates count the bytes that really go, and who does not deliver is
// left alone for a while.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { BlockExchange, type ExchangeOptions } from '../../src/net/blocks/exchange.ts'
import { INTEREST_RATE, InterestRate } from '../../src/net/blocks/interest-rate.ts'
import { coreId } from '../../src/net/blocks/interests.ts'
import { indexesOf } from '../../src/net/blocks/ranges.ts'
import { REST, Rests } from '../../src/net/blocks/rests.ts'
import { TELLING, Telling } from '../../src/net/blocks/telling.ts'
import {
  holdingCodec,
  type Interest,
  indexesCodec,
  interestCodec,
  requestCodec
} from '../../src/net/blocks/wire.ts'
import type { Links } from '../../src/net/link-options.ts'
import { Pacer } from '../../src/net/pacing.ts'
import type { LinkClass, Peer } from '../../src/net/peer.ts'
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

/** A member that only hears what others are after. */
async function listener(at: Links): Promise<Interest[]> {
  const heard: Interest[] = []
  await start('ear', [at], (peer) => {
    const channel = peer.mux.createChannel({ protocol: 'chasqui/blocks/1' })
    channel?.addMessage({ encoding: interestCodec, onmessage: (interest) => heard.push(interest) })
    channel?.open()
  })
  return heard
}

test('where a block came from is told once, however many downloads wait for it', async () => {
  const from = exchangeOf('from')
  from.use(pretendCore(() => true, honest))
  const told: number[] = []
  const to = exchangeOf('to', { onFetched: (index) => told.push(index) })
  to.use(pretendCore(() => false, honest))
  const a = await start('from', [], (peer) => from.open(peer))
  await start('to', [a], (peer) => to.open(peer))
  let got = 0
  const fetch = () => to.fetch(ALL, { signal, onBlock: () => got++ })
  await Promise.all([fetch(), fetch()])
  assert.deepEqual(
    told.sort((one, other) => one - other),
    ALL
  )
  assert.equal(got, 2 * COUNT)
})

test('what came by another way is asked for no more, and neighbours that wait for it hear of it', async () => {
  let isImported = false
  const imported = () => isImported
  const [a, b] = [exchangeOf('a'), exchangeOf('b')]
  a.use(pretendCore(imported, honest))
  b.use(pretendCore(() => false, honest))
  const at = await start('a', [], (peer) => a.open(peer))
  const mine = await start('b', [at], (peer) => b.open(peer))
  const heard = await listener(at)
  await until(() => mine.peers().length === 1 && at.peers().length === 2, 'all have met')
  const own: (LinkClass | null)[] = []
  const theirs: (LinkClass | null)[] = []
  const ended: string[] = []
  const follow = (name: string, fetched: Promise<void>) =>
    fetched.then(() => ended.push(name)).catch(() => undefined)
  void follow('own', a.fetch(ALL, { signal, onBlock: (_index, from) => own.push(from?.class ?? null) }))
  void follow('theirs', b.fetch(ALL, { signal, onBlock: (_index, from) => theirs.push(from?.class ?? null) }))
  await until(() => heard.length > 0, 'it is known what they are after')
  isImported = true
  a.lookAgain()
  await until(() => ended.length === 2, 'both downloads end')
  assert.deepEqual(own, new Array(COUNT).fill(null))
  assert.deepEqual(theirs, new Array(COUNT).fill('lan'))
})

test('what came by another way makes room on the line for the rest', async () => {
  const asked: number[] = []
  const imported = new Set<number>()
  const ours = exchangeOf('ours', { timeLimit: { lan: 60_000, uplink: 60_000 } })
  const core = pretendCore((index) => imported.has(index), honest)
  ours.use(core)
  const mine = await start('ours', [], (peer) => ours.open(peer))
  // it says that it has everything, and sends nothing
  await start('mute', [mine], (peer) => {
    const channel = peer.mux.createChannel({ protocol: 'chasqui/blocks/1' })
    const quiet = () => undefined
    const bits = Buffer.alloc(COUNT / 8, 0xff)
    const say = () => void holding?.send({ start: 0, length: COUNT, bits })
    channel?.addMessage({ encoding: interestCodec, onmessage: say })
    const holding = channel?.addMessage({ encoding: holdingCodec, onmessage: quiet })
    for (let n = 2; n < 5; n++) channel?.addMessage({ encoding: indexesCodec, onmessage: quiet })
    channel?.addMessage({ encoding: requestCodec, onmessage: ({ index }) => void asked.push(index) })
    channel?.open()
  })
  void ours.fetch(ALL, { signal }).catch(() => undefined)
  await until(() => asked.length > 0, 'blocks are asked for')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const first = asked.length
  assert.ok(first < COUNT)
  for (const index of asked) imported.add(index)
  ours.lookAgain()
  await until(() => asked.length >= Math.min(COUNT, 2 * first), 'as many others are asked for')
  assert.equal(new Set(asked).size, asked.length)
})

test('a peer hears once of what came by another way', async () => {
  let here = 0
  const a = exchangeOf('a')
  a.use(pretendCore((index) => index < here, honest))
  const at = await start('a', [], (peer) => a.open(peer))
  const held: number[] = []
  const gained: number[][] = []
  await start('b', [at], (peer) => {
    const channel = peer.mux.createChannel({ protocol: 'chasqui/blocks/1', onopen: () => say() })
    const quiet = () => undefined
    const interest = channel?.addMessage({ encoding: interestCodec, onmessage: quiet })
    channel?.addMessage({ encoding: holdingCodec, onmessage: (holding) => held.push(...indexesOf(holding)) })
    channel?.addMessage({ encoding: indexesCodec, onmessage: (indexes) => gained.push(indexes) })
    channel?.open()
    const core = coreId(pretendCore(() => false, honest))
    const say = () => void interest?.send({ core, ranges: [{ start: 2, length: COUNT - 2 }] })
  })
  here = 5
  await until(() => held.length === 3, 'it hears what is here')
  for (const [more, news] of [
    [5, []],
    [7, [5, 6]],
    [20, ALL.slice(7, 20)]
  ] as const) {
    here = more
    a.lookAgain()
    a.lookAgain()
    const all = gained.flat().length + news.length
    await until(() => gained.flat().length === all, 'it hears of more')
    assert.deepEqual(gained.flat().slice(-news.length || COUNT), news)
  }
})

test('of many small downloads in a row each says once what it is after', async () => {
  const from = exchangeOf('from')
  from.use(pretendCore(() => true, honest))
  const to = exchangeOf('to')
  to.use(pretendCore(() => false, honest))
  const a = await start('from', [], (peer) => from.open(peer))
  const mine = await start('to', [a], (peer) => to.open(peer))
  const heard = await listener(mine)
  await until(() => mine.peers().length === 2, 'both are there')
  const times = 3 * COUNT
  for (let n = 0; n < times; n++) await to.fetch([n % COUNT], { signal })
  await until(() => heard.at(-1)?.ranges.length === 0, 'it says that it is after nothing any more')
  assert.ok(heard.length <= times + 1, `${heard.length} messages`)
})

test('what a node is after is told at once, then as often as peers answer, and always as it is then', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let [now, state] = [1_000_000, 0]
  const told: { at: number; state: number }[] = []
  const telling = new Telling(
    () => told.push({ at: now, state }),
    () => now
  )
  const step = () => {
    now++
    t.mock.timers.tick(1)
  }
  telling.soon()
  telling.now()
  assert.equal(told.length, 1, 'the first at once')
  for (let ms = 0; ms < 3 * INTEREST_RATE.window; ms++, step()) {
    state++
    telling.now()
    assert.ok(ms > TELLING.burst || told.at(-1)?.state === state)
  }
  telling.soon()
  for (let ms = 0; ms < 1000; ms++) step()
  assert.equal(told.at(-1)?.state, state, 'the newest is never lost')
  for (const [n, { at }] of told.entries()) {
    const later = told[n + INTEREST_RATE.most - 1]
    assert.ok(later === undefined || later.at > at + INTEREST_RATE.window, 'no more than is answered')
  }
  telling.soon()
  telling.close()
  const before = told.length
  t.mock.timers.tick(10_000)
  assert.equal(told.length, before)
})

test('of more interests than are answered in a minute the newest is answered when it is over', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const passed: number[] = []
  const rate = new InterestRate(({ ranges }) => passed.push(ranges[0]?.start ?? -1))
  const now = 1_700_000_000_000
  const say = (start: number, at: number) =>
    rate.take({ core: Buffer.alloc(16), ranges: [{ start, length: 1 }] }, at)
  for (let n = 0; n < INTEREST_RATE.most + 3; n++) assert.ok(say(n, now))
  assert.equal(passed.length, INTEREST_RATE.most)
  t.mock.timers.tick(INTEREST_RATE.window)
  assert.equal(passed.length, INTEREST_RATE.most + 1)
  assert.equal(passed.at(-1), INTEREST_RATE.most + 2)
  assert.ok(say(7, now + INTEREST_RATE.window + 1))
  assert.equal(passed.at(-1), 7)
  let blamed = 0
  for (let n = 0; n < 2 * INTEREST_RATE.patience; n++)
    if (!say(n, now + 2 * INTEREST_RATE.window + 2)) blamed++
  assert.equal(blamed, INTEREST_RATE.patience, 'who never stops is to blame')
  rate.close()
})
