// When a fetch is given up: real links and exchanges, and a clock of looks that the test moves.
import assert from 'node:assert/strict'
import { afterEach, mock, test } from 'node:test'
import c from 'compact-encoding'
import { Fetcher } from '../../node/fetcher.ts'
import type { Sources } from '../../node/sources.ts'
import type { BulkCore } from '../../src/feed/bulk-core.ts'
import type { Feed } from '../../src/feed/types.ts'
import { BlockExchange } from '../../src/net/blocks/exchange.ts'
import type { Links } from '../../src/net/link-options.ts'
import { Pacer } from '../../src/net/pacing.ts'
import type { Peer } from '../../src/net/peer.ts'
import { silentLog } from '../../src/system/log.ts'
import { addressOf, TestFleet, until } from '../net/members.ts'
import { ALL, COUNT, honest, pretendCore } from '../net/pretend-core.ts'

const LOOK = 20_000 // milliseconds
const MUCH = 10_000 // bytes, more than what counts as movement in one look

const fleet = new TestFleet('tienda')
const cleanUp: (() => unknown)[] = []

afterEach(async () => {
  mock.timers.reset()
  for (const act of cleanUp.splice(0).reverse()) await act()
})

function exchangeOf(name: string, core: BulkCore, pacer = new Pacer()): BlockExchange {
  const own = fleet.member(name).node
  const exchange = new BlockExchange({ own, pacer, log: silentLog, now: Date.now, random: Math.random })
  exchange.use(core)
  cleanUp.push(() => exchange.close())
  return exchange
}

async function start(name: string, peers: Links[], onPeer: (peer: Peer) => void): Promise<Links> {
  const links = fleet.links(fleet.member(name), { peers: peers.map(addressOf), onPeer })
  cleanUp.push(() => links.stop())
  await links.start()
  return links
}

/** A channel for what is no block. `opened` when both sides have it. */
function chatter(peer: Peer, opened = () => {}): () => void {
  const channel = peer.mux.createChannel({ protocol: 'chatter', onopen: opened })
  const talk = channel?.addMessage({ encoding: c.buffer, onmessage: () => undefined })
  channel?.open()
  return () => void talk?.send(Buffer.alloc(MUCH))
}

/** A fetch of all blocks from one peer that serves by `core`, and talks. */
async function fetchFrom(core: BulkCore, pacer = new Pacer()) {
  const theirs = exchangeOf('theirs', core)
  const ours = exchangeOf(
    'ours',
    pretendCore(() => false, honest),
    pacer
  )
  let say = () => {}
  let canTalk = false
  const a = await start('theirs', [], (peer) => {
    theirs.open(peer)
    say = chatter(peer, () => {
      canTalk = true
    })
  })
  const met: Peer[] = []
  await start('ours', [a], (peer) => {
    met.push(peer)
    ours.open(peer)
    chatter(peer)
  })
  await until(() => canTalk, 'they can talk')
  const signal = new AbortController()
  cleanUp.push(() => signal.abort())
  const feed = {
    missing: async () => COUNT,
    snapshot: async () => null,
    fetch: (_paths: string[], options: Parameters<Feed['fetch']>[1]) =>
      ours.fetch(ALL, { signal: options.signal })
  }
  mock.timers.enable({ apis: ['setInterval'] })
  const fetcher = new Fetcher({
    feed: () => feed as unknown as Feed,
    sources: {} as Sources,
    hasPeers: () => true,
    isPaused: () => false,
    awaited: () => ours.awaited,
    isPaced: () => ours.isPaced
  })
  const end = { code: null as string | null }
  fetcher.fetch(['/packs/p'], { signal: signal.signal }).then(
    () => {
      end.code = 'here'
    },
    (error) => {
      end.code = error.code
    }
  )
  /** the peer talks, and the fetch looks */
  const look = async () => {
    const before = met[0]?.received ?? 0
    say()
    await until(() => (met[0]?.received ?? 0) - before >= MUCH, 'it is heard')
    mock.timers.tick(LOOK)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { ours, end, look }
}

test('a fetch that no peer can serve is given up, however much they have to say', async () => {
  const { end, look } = await fetchFrom(pretendCore(() => false, honest))
  await look()
  await look()
  assert.equal(end.code, 'PLAN_NOT_HERE')
})

test('a fetch waits as long as the line moves that owes it a block', async () => {
  let asked = 0
  let answer = () => undefined as unknown
  const slow = new Promise((resolve) => {
    answer = () => resolve(undefined)
  })
  const core = pretendCore(
    () => true,
    async (index) => {
      asked++
      await slow
      return honest(index)
    }
  )
  const { end, look } = await fetchFrom(core)
  await until(() => asked > 0, 'blocks are asked for')
  for (let looks = 0; looks < 5; looks++) await look()
  assert.equal(end.code, null)
  answer()
  await until(() => end.code !== null, 'it ends')
  assert.equal(end.code, 'here')
})

test('a fetch that waits for a low rate of this node waits longer, but not for ever', async () => {
  const pacer = new Pacer(() => ({ down: 1, up: Number.POSITIVE_INFINITY }))
  pacer.take('lan', 'down', 1_000_000, Date.now())
  const { ours, end, look } = await fetchFrom(
    pretendCore(() => true, honest),
    pacer
  )
  await until(() => ours.isPaced, 'the rate is why')
  for (let looks = 0; looks < 5; looks++) await look()
  assert.equal(end.code, null)
  await look()
  assert.equal(end.code, 'PLAN_NOT_HERE')
})
