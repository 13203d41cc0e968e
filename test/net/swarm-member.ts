// A publisher or a branch with a real feed, as a process of its own: `swarm-member.ts JSON`. For the bench and the tests
// that need several hosts. Writes one JSON line for each thing that happens; ends when stdin ends.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import NoiseSecretStream from '@hyperswarm/secret-stream'
import { openFeed } from '../../src/feed/feed.ts'
import { feedKey } from '../../src/feed/open.ts'
import { openStore } from '../../src/feed/store.ts'
import { openWriter, startFeed } from '../../src/feed/writer.ts'
import { BlockExchange } from '../../src/net/blocks/exchange.ts'
import { Gossip } from '../../src/net/gossip.ts'
import { Pacer } from '../../src/net/pacing.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { TestFleet } from './members.ts'

export interface SwarmMember {
  name: string
  role: 'publisher' | 'branch'
  listen?: string
  peers: string[]
  lan: boolean
  /** bytes of the pack that the publisher makes */
  packBytes?: number
  /** bytes a second over the uplink, or over every link with `limitLan` */
  down?: number
  limitLan?: boolean
  /** where its feed is kept, across lives; absent: a folder that goes with it */
  folder?: string
  /** do not begin before so many peers are connected */
  startAfterPeers?: number
  /** Hypercore's own download in place of the exchange */
  plain?: boolean
}

const options: SwarmMember = JSON.parse(process.argv[2] ?? '{}')
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`)
const fleet = new TestFleet('swarm')
const member = fleet.member(options.name, options.role)
const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'chasqui-swarm-')))

const keyPair = NoiseSecretStream.keyPair(createHash('sha256').update('swarm feed').digest())
const identity = { key: feedKey(keyPair.publicKey), encryptionKey: Buffer.alloc(32, 7) }
const store = await openStore(folder)
const feed = await openFeed(store, options.role === 'publisher' ? { ...identity, keyPair } : identity)
if (options.role === 'publisher') {
  await startFeed(feed)
  const writer = await openWriter(feed, realFileSystem)
  const bytes = randomBytes(options.packBytes ?? 1024 * 1024)
  await writer.publish({
    put: [
      { path: '/packs/p', bytes },
      { path: '/ready', bytes: Buffer.from('1') }
    ],
    remove: []
  })
}

const down = options.down ?? Number.POSITIVE_INFINITY
const exchange = new BlockExchange({
  own: member.node,
  pacer: new Pacer((linkClass) => ({
    down: linkClass === 'lan' && options.limitLan !== true ? Number.POSITIVE_INFINITY : down,
    up: Number.POSITIVE_INFINITY
  })),
  log: (await import('../../src/system/log.ts')).createLog({ level: 'warn', pretty: false, colour: false }),
  now: Date.now,
  random: Math.random
})
const records = fleet.records()
const gossip = new Gossip({ records, own: member.node, now: Date.now })
const links = fleet.links(member, {
  lan: options.lan,
  listen: options.listen,
  peers: options.peers,
  onPeer: (peer) => {
    say({ event: 'peer', name: peer.member.name, class: peer.link.class })
    peer.onClose(() => say({ event: 'gone', name: peer.member.name, in: peer.bytesIn, out: peer.bytesOut }))
    feed.replicate(peer.stream)
    if (options.plain !== true) exchange.open(peer)
    gossip.open(peer)
  }
})
const sources = new Map<string, number>()
if (options.plain !== true) {
  feed.fetcher = (_core, indexes, { signal, onBlock }) =>
    exchange.fetch(indexes, {
      signal,
      onBlock: (index, from) => {
        const source = from === null ? 'elsewhere' : `${from.class} ${from.peer.slice(0, 6)}`
        sources.set(source, (sources.get(source) ?? 0) + (from?.bytes ?? 0))
        onBlock(index)
      }
    })
}
exchange.use(feed.bulk)
await links.start()
say({ event: 'ready', port: links.listening()?.port })

const stop = new AbortController()
let sequence = 0
records.onAdded((record) => say({ event: 'record', name: record.member.name, at: Date.now() }))
const commands = createInterface(process.stdin)
commands.on('line', (line) => {
  if (line === 'report') records.add(fleet.record(member, ++sequence, { at: Date.now() }).bytes, Date.now())
})
commands.once('close', async () => {
  stop.abort()
  exchange.close()
  gossip.close()
  await links.stop()
  await feed.close()
  await store.close()
  if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
})

if (options.role === 'branch') {
  let isFetching = false
  const fetchWhenThere = async () => {
    const snapshot = await feed.snapshot()
    if (links.peers().length < (options.startAfterPeers ?? 0)) {
      setTimeout(fetchWhenThere, 50)
      return
    }
    if (isFetching || snapshot === null || (await snapshot.size('/packs/p')) === null) return
    isFetching = true
    exchange.use(feed.bulk)
    const begun = Date.now()
    say({ event: 'fetching' })
    let done = 0
    const onProgress = (progress: { done: number }) => {
      done = progress.done
    }
    try {
      await feed.fetch(['/packs/p'], { signal: stop.signal, onProgress })
    } catch (error) {
      if (stop.signal.aborted) return
      throw error
    }
    say({ event: 'done', bytes: done, ms: Date.now() - begun, sources: Object.fromEntries(sources) })
  }
  feed.onUpdate(() => void fetchWhenThere())
  await fetchWhenThere()
}
