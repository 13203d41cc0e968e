// Strangers and members who misbehave: what they cost, and that everybody else gets on.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import net from 'node:net'
import { afterEach, test } from 'node:test'
import c from 'compact-encoding'
import { BlockExchange } from '../../src/net/blocks/exchange.ts'
import type { BulkCore } from '../../src/net/blocks/session.ts'
import type { BlockMessage } from '../../src/net/blocks/wire.ts'
import { Gossip } from '../../src/net/gossip.ts'
import { comparisonCodec, itemsCodec, keysCodec, recordCodec } from '../../src/net/gossip-wire.ts'
import type { Links } from '../../src/net/link-options.ts'
import type { Peer } from '../../src/net/peer.ts'
import { silentLog } from '../../src/system/log.ts'
import { addressOf, TestFleet, until } from './members.ts'

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
  { name: 'garbage for records', say: (flood: Flood) => flood.record(Buffer.from('garbage')) },
  { name: 'comparisons without end', say: (flood: Flood) => flood.compare() }
]

interface Flood {
  member: ReturnType<TestFleet['member']>
  count: number
  record(bytes: Uint8Array): void
  compare(): void
}

for (const { name, say } of rudeness) {
  test(`a peer that sends ${name} is dropped and leaves nothing behind`, async () => {
    const records = fleet.records()
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
      channel.addMessage({ encoding: itemsCodec, onmessage: quiet })
      channel.addMessage({ encoding: keysCodec, onmessage: quiet })
      const record = channel.addMessage({ encoding: recordCodec, onmessage: quiet })
      channel.open()
      const flood: Flood = {
        member: fleet.member('rude'),
        count: 0,
        record: (bytes) => record.send(bytes),
        compare: () =>
          comparison.send({ ranges: [{ prefix: '', summary: { count: 9, high: 1, low: 1 } }], lists: [] })
      }
      for (let times = 0; times < 700; times++) say(flood)
    })
    await until(() => dropped > 0, 'the flooder is dropped')
    assert.equal(records.size, 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(a.peers().length, 0, 'and is not admitted again')
  })
}

test('a message that breaks the protocol ends the connection, not the program', async () => {
  const gossip = new Gossip({ records: fleet.records(), own: '', now: () => NOW })
  cleanUp.push(() => gossip.close())
  let closed = 0
  const a = await start('a', [], (peer) => {
    gossip.open(peer)
    peer.onClose(() => closed++)
  })
  await start('rude', [a], (peer) => {
    const channel = peer.mux.createChannel({ protocol: 'chasqui/gossip/1' })
    const message = channel?.addMessage<Uint8Array>({ encoding: c.raw, onmessage: () => undefined })
    channel?.open()
    message?.send(Buffer.alloc(40, 0xff))
  })
  await until(() => closed > 0, 'the connection ended')
})

/** A core whose blocks are known by their hash; `answer` may lie. */
function core(has: (index: number) => boolean, answer: (index: number) => Promise<Uint8Array>): BulkCore {
  const here = new Map<number, Uint8Array>()
  return {
    key: Buffer.alloc(32, 1),
    length: COUNT,
    has: async (index) => has(index) || here.has(index),
    missingNodes: async () => 0,
    prove: async (index) => ({ index, fork: 0, nodes: [], value: await answer(index) }),
    apply: async (block: BlockMessage) => {
      if (!content(block.index).equals(block.value)) throw new Error('it does not verify')
      here.set(block.index, block.value)
      return true
    }
  }
}

const COUNT = 40
const content = (index: number) => createHash('sha512').update(`block ${index}`).digest()
const honest = async (index: number) => content(index)

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
    const exchangeOf = (member: string, bulk: BulkCore) => {
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
    const liar = exchangeOf(
      'liar',
      core(() => true, answer)
    )
    const good = exchangeOf(
      'good',
      core(() => true, honest)
    )
    const ours = exchangeOf(
      'ours',
      core(() => false, honest)
    )
    const a = await start('liar', [], (peer) => liar.open(peer))
    const b = await start('good', [], (peer) => good.open(peer))
    const mine = await start('ours', [a, b], (peer) => ours.open(peer))
    await until(() => mine.peers().length === 2, 'both are there')
    const got = new Set<number>()
    const wanted = Array.from({ length: COUNT }, (_, index) => index)
    await ours.fetch(wanted, { signal: new AbortController().signal, onBlock: (index) => got.add(index) })
    assert.equal(got.size, COUNT)
  })
}
