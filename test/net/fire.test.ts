// Strangers and members who misbehave: what they cost, and that everybody else gets on.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import net from 'node:net'
import { afterEach, test } from 'node:test'
import c from 'compact-encoding'
import type { BulkCore } from '../../src/feed/bulk-core.ts'
import type { Item } from '../../src/fleet/reconcile.ts'
import { recordKey } from '../../src/fleet/record.ts'
import { BlockExchange } from '../../src/net/blocks/exchange.ts'
import {
  type BlockRequest,
  type Holding,
  holdingCodec,
  type Interest,
  indexesCodec,
  interestCodec,
  requestCodec
} from '../../src/net/blocks/wire.ts'
import { Gossip } from '../../src/net/gossip.ts'
import { comparisonCodec, itemsCodec, keysCodec, recordCodec } from '../../src/net/gossip-wire.ts'
import type { Links } from '../../src/net/link-options.ts'
import type { Peer } from '../../src/net/peer.ts'
import { silentLog } from '../../src/system/log.ts'
import { addressOf, TestFleet, until } from './members.ts'
import { ALL, COUNT, honest, pretendCore } from './pretend-core.ts'

const NOW = 1_700_000_000_000
const fleet = new TestFleet('tienda')
const running: Links[] = []
const cleanUp: (() => void)[] = []

afterEach(async () => {
  for (const act of cleanUp.splice(0)) act()
  await Promise.all(running.splice(0).map((links) => links.stop()))
})

async function start(name: string, peers: Links[], onPeer: (peer: Peer) => void): Promise<Links> {
  const links = fleet.links(fleet.member(name), { peers: peers.map(addressOf), onPeer })
  running.push(links)
  await links.start()
  return links
}

test('a member gets in past a crowd of strangers who hold every place', async () => {
  const a = await start('a', [], () => undefined)
  const port = a.listening()?.port ?? 0
  const strangers = Array.from({ length: 400 }, () =>
    net.connect(port, '127.0.0.1').on('error', () => undefined)
  )
  cleanUp.push(() => {
    for (const stranger of strangers) stranger.destroy()
  })
  await until(() => strangers.filter((one) => !one.connecting).length > 150, 'the crowd is there')
  await start('b', [a], () => undefined)
  await until(() => a.peers().length === 1, 'the member is in')
})

const rudeness = [
  {
    name: 'records that nobody asked for',
    say: (flood: Flood) => flood.record(fleet.record(flood.member, ++flood.count).bytes)
  },
  {
    name: 'forged records when it is asked for true ones',
    say: (flood: Flood) => {
      const name = `author${++flood.count}`
      const bytes = Buffer.from(fleet.record(fleet.member(name), 1).bytes)
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
      flood.offer([{ key: keyOf(name), type: 'report', epoch: 1, sequence: 1, check: 1 }])
      flood.record(bytes)
    }
  },
  { name: 'garbage for records', say: (flood: Flood) => flood.record(Buffer.from('garbage')) },
  { name: 'comparisons without end', say: (flood: Flood) => flood.compare() },
  {
    name: 'the same question again and again, and reads no answer',
    say: (flood: Flood) => {
      flood.pause()
      flood.want(new Array(1024).fill(keyOf('known')))
    }
  },
  {
    name: 'offers of records that there are not',
    say: (flood: Flood) =>
      flood.offer(
        Array.from({ length: 1024 }, () => ({
          key: (++flood.count).toString(16).padStart(16, '0'),
          type: 'report' as const,
          epoch: 1,
          sequence: 1,
          check: 1
        }))
      )
  }
]

const keyOf = (name: string) => recordKey('report', fleet.member(name).keyPair.publicKey)

interface Flood {
  member: ReturnType<TestFleet['member']>
  count: number
  record(bytes: Uint8Array): void
  compare(): void
  offer(items: Item[]): void
  want(keys: string[]): void
  /** reads no more */
  pause(): void
}

for (const { name, say } of rudeness) {
  test(`a peer that sends ${name} is dropped and leaves nothing behind`, async () => {
    const records = fleet.records()
    records.add(fleet.record(fleet.member('known'), 1, { body: 'x'.repeat(60_000) }).bytes, NOW)
    let dropped = 0
    const gossip = new Gossip({
      records,
      own: fleet.member('a').node,
      now: () => NOW,
      onMisconduct: () => dropped++
    })
    cleanUp.push(() => gossip.close())
    const a = await start('a', [], (peer) => gossip.open(peer))
    await start('rude', [a], (peer) => {
      const channel = peer.mux.createChannel({ protocol: 'chasqui/gossip/1' })
      if (channel === null) return
      const quiet = () => undefined
      const comparison = channel.addMessage({ encoding: comparisonCodec, onmessage: quiet })
      const items = channel.addMessage({ encoding: itemsCodec, onmessage: quiet })
      const keys = channel.addMessage({ encoding: keysCodec, onmessage: quiet })
      const record = channel.addMessage({ encoding: recordCodec, onmessage: quiet })
      channel.open()
      const flood: Flood = {
        member: fleet.member('rude'),
        count: 0,
        record: (bytes) => record.send(bytes),
        compare: () =>
          comparison.send({ ranges: [{ prefix: '', summary: { count: 9, high: 1, low: 1 } }], lists: [] }),
        offer: (offered) => items.send(offered),
        want: (wanted) => keys.send(wanted),
        pause: () => peer.stream.pause()
      }
      for (let times = 0; times < 700; times++) say(flood)
    })
    await until(() => dropped > 0, 'the flooder is dropped')
    assert.equal(records.size, 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(a.peers().length, 0, 'and is not admitted again')
  })
}

/** Messages that no honest peer sends, as bytes: some make the reader throw what Protomux takes for a bug of the program. */
const broken: { name: string; protocol: string; number: number; bytes: Uint8Array }[] = [
  { name: 'noise', protocol: 'chasqui/gossip/1', number: 0, bytes: Buffer.alloc(40, 0xff) },
  {
    name: 'a list that is longer than allowed',
    protocol: 'chasqui/gossip/1',
    number: 1,
    bytes: c.encode(c.uint, 1025)
  },
  {
    name: 'a comparison that covers everything four thousand times',
    protocol: 'chasqui/gossip/1',
    number: 0,
    bytes: c.encode(comparisonCodec, {
      ranges: new Array(4096).fill({ prefix: '', summary: { count: 0, high: 0, low: 0 } }),
      lists: []
    })
  },
  {
    name: 'a comparison of a range and of a part of it',
    protocol: 'chasqui/gossip/1',
    number: 0,
    bytes: c.encode(comparisonCodec, {
      ranges: ['a', 'ab'].map((prefix) => ({ prefix, summary: { count: 0, high: 0, low: 0 } })),
      lists: []
    })
  },
  {
    name: 'an interest in the same blocks four thousand times',
    protocol: 'chasqui/blocks/1',
    number: 0,
    bytes: c.encode(interestCodec, {
      core: Buffer.alloc(16),
      ranges: new Array(4096).fill({ start: 0, length: 1 << 20 })
    })
  },
  {
    name: 'an interest in more blocks than there can be',
    protocol: 'chasqui/blocks/1',
    number: 0,
    bytes: c.encode(interestCodec, {
      core: Buffer.alloc(16),
      ranges: [0, 1, 2].map((n) => ({ start: n << 20, length: 1 << 20 }))
    })
  },
  {
    name: 'more claims than allowed',
    protocol: 'chasqui/blocks/1',
    number: 3,
    bytes: c.encode(c.uint, 4097)
  }
]
for (const { name, protocol, number, bytes } of broken) {
  test(`${name} ends the connection, not the program`, async () => {
    const gossip = new Gossip({ records: fleet.records(), own: '', now: () => NOW })
    const exchange = exchangeOf(
      'a',
      pretendCore(() => true, honest)
    )
    cleanUp.push(() => gossip.close())
    let closed = 0
    const a = await start('a', [], (peer) => {
      gossip.open(peer)
      exchange.open(peer)
      peer.onClose(() => closed++)
    })
    await start('rude', [a], (peer) => {
      const channel = peer.mux.createChannel({ protocol })
      if (channel === null) return
      const quiet = () => undefined
      const messages = Array.from({ length: 9 }, () =>
        channel.addMessage({ encoding: c.raw, onmessage: quiet })
      )
      channel.open()
      messages[number]?.send(bytes)
    })
    await until(() => closed > 0, 'the connection ended')
  })
}

/** What the peers of a fetch may say about blocks, and what that may cost. */
const chatter = [
  {
    name: 'that it has blocks beyond all there are',
    say: (rude: RudeBlocks) => {
      for (let n = 0; n < 40; n++)
        rude.holding({ start: n << 20, length: 1 << 20, bits: Buffer.alloc(1 << 17, 0xff) })
    }
  },
  {
    name: 'again and again what it is after',
    say: (rude: RudeBlocks) => {
      for (let n = 0; n < 3000; n++) rude.interest({ core: ID, ranges: [{ start: 0, length: 1 << 20 }] })
    }
  },
  {
    name: 'more requests than may wait',
    say: (rude: RudeBlocks) => {
      for (let n = 0; n < 3000; n++) rude.request({ index: 0, nodes: 0, isCritical: false })
    }
  }
]

interface RudeBlocks {
  interest(interest: Interest): void
  holding(holding: Holding): void
  request(request: BlockRequest): void
}

for (const { name, say } of chatter) {
  test(`a peer that says ${name} is dropped, and costs little`, async () => {
    const exchange = exchangeOf(
      'a',
      pretendCore(() => true, honest)
    )
    const served: Peer[] = []
    const a = await start('a', [], (peer) => {
      served.push(peer)
      exchange.open(peer)
    })
    await start('rude', [a], (peer) => {
      const channel = peer.mux.createChannel({ protocol: 'chasqui/blocks/1' })
      if (channel === null) return
      const quiet = () => undefined
      const interest = channel.addMessage({ encoding: interestCodec, onmessage: quiet })
      const holding = channel.addMessage({ encoding: holdingCodec, onmessage: quiet })
      for (let n = 2; n < 5; n++) channel.addMessage({ encoding: indexesCodec, onmessage: quiet })
      const request = channel.addMessage({ encoding: requestCodec, onmessage: quiet })
      channel.open()
      say({
        interest: (value) => interest.send(value),
        holding: (value) => holding.send(value),
        request: (value) => request.send(value)
      })
    })
    await until(() => served[0]?.isExpelled === true, 'it is dropped')
    assert.ok((served[0]?.bytesOut ?? 0) < 500_000, `${served[0]?.bytesOut} bytes went out`)
  })
}

const ID = createHash('sha256')
  .update('chasqui/blocks/1\0')
  .update(Buffer.alloc(32, 1))
  .digest()
  .subarray(0, 16)

function exchangeOf(member: string, bulk: BulkCore): BlockExchange {
  const exchange = new BlockExchange({
    own: fleet.member(member).node,
    log: silentLog,
    now: Date.now,
    random: Math.random,
    timeLimit: { lan: 100, uplink: 100 }
  })
  exchange.use(bulk)
  cleanUp.push(() => exchange.close())
  return exchange
}

const liars = [
  { name: 'sends wrong bytes', answer: async () => Buffer.from('lies') },
  {
    name: 'says that it has everything and sends nothing',
    answer: () => new Promise<Uint8Array>(() => undefined)
  },
  { name: 'declines what it said it has', answer: async () => Promise.reject(new Error('no')) }
]

for (const { name, answer } of liars) {
  test(`a fetch ends from one honest peer although another ${name}`, async () => {
    const liar = exchangeOf(
      'liar',
      pretendCore(() => true, answer)
    )
    const good = exchangeOf(
      'good',
      pretendCore(() => true, honest)
    )
    const ours = exchangeOf(
      'ours',
      pretendCore(() => false, honest)
    )
    const a = await start('liar', [], (peer) => liar.open(peer))
    const b = await start('good', [], (peer) => good.open(peer))
    const mine = await start('ours', [a, b], (peer) => ours.open(peer))
    await until(() => mine.peers().length === 2, 'both are there')
    const got = new Set<number>()
    await ours.fetch(ALL, { signal: new AbortController().signal, onBlock: (index) => got.add(index) })
    assert.equal(got.size, COUNT)
  })
}
