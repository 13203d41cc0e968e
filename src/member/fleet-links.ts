// Everything that a member does on its links, for publishers and nodes alike: meets members, exchanges the feed's db core
// with each, blocks of packs from the best of them, and records. One function starts it, one stops it.
import type { Feed } from '../feed/types.ts'
import type { AddResult, RecordSet } from '../fleet/record-set.ts'
import { BlockExchange } from '../net/blocks/exchange.ts'
import type { BlockOrigin } from '../net/blocks/jobs.ts'
import { Gossip } from '../net/gossip.ts'
import { GossipBudget, type GossipLimits } from '../net/gossip-budget.ts'
import { type GrantBox, GrantExchange } from '../net/grants.ts'
import { exchangeHeads } from '../net/head-exchange.ts'
import type { Links, LinksOptions, StaticPeer } from '../net/link-options.ts'
import { createLinks } from '../net/links.ts'
import { Pacer, type RatePolicy } from '../net/pacing.ts'
import type { Peer } from '../net/peer.ts'
import { type RootChain, RootExchange } from '../net/roots.ts'
import type { Log } from '../system/log.ts'
import type { StateStore } from '../system/state.ts'
import type { Member } from '../trust/membership.ts'
import { discoveryTopic, responderKeyPair } from '../trust/topic.ts'
import { keepAddressBook } from './address-book.ts'
import { openGossipDay } from './gossip-day.ts'
import { tidyAtRest } from './tidy.ts'

/** How members are found and what the links may do: flags of the command line over the configuration. */
export interface LinkSettings {
  /** host:port for members over TCP; absent: a free port when the LAN is on, else none */
  listen?: string | undefined
  /** nodes of an own DHT; absent: the public one */
  bootstrap?: string[] | undefined
  internet: boolean
  internetClass?: 'internet' | 'metered'
  lan: boolean
  /** static peers: host:port, with the class of the link where the address does not tell it */
  peers: (string | StaticPeer)[]
  /** networks that count as the LAN besides the own ones, CIDR */
  lanNetworks?: readonly string[]
  /** hours: false leaves everything but the LAN until it is true again; absent: always open */
  isInternetOpen?(now: number): boolean
  /** bytes a second by class of link; absent: no limit */
  rates?: RatePolicy
  /** bytes a day that gossip may cost by class of link, where it is not the usual */
  gossip?: Partial<GossipLimits>
  /** connections at the same time, where they are not the usual */
  limits?: NonNullable<LinksOptions['limits']>
}

export interface FleetLinksOptions {
  self: {
    /** hex */
    node: string
    keyPair: { publicKey: Uint8Array; secretKey: Uint8Array }
    membership: Uint8Array
    fleetSecret: Uint8Array
  }
  settings: LinkSettings
  /** with the time and the revocations of now; throws when the membership is not good */
  verifyMembership(membership: Uint8Array): Member
  feed: Feed
  /** where the bytes of the day are kept; absent: they are counted from the start of the program */
  state?: StateStore
  records: RecordSet
  /** the root chain, to be kept up with peers; absent: not exchanged */
  roots?: RootChain
  /** sealed keys of a newer feed; absent: not exchanged */
  grants?: GrantBox
  /** signs and keeps a record of this member; absent: its address is not announced */
  announce?(type: 'address', header: Uint8Array): Promise<void>
  /** a member is connected and everything is wired */
  onPeer?(peer: Peer): void
  /** a peer sent a record that was asked for */
  onRecord?(result: AddResult, peer: Peer): void
  /** a block of the blobs core came in that was waited for */
  onBlock?(index: number, from: BlockOrigin): void
  log: Log
  /** ms since the epoch */
  now(): number
}

export interface FleetLinks {
  links: Links
  gossip: Gossip
  exchange: BlockExchange
  stop(): Promise<void>
}

/** Throws ADDRESS_IN_USE, PEER_ADDRESS_INVALID. */
export async function startFleetLinks(options: FleetLinksOptions): Promise<FleetLinks> {
  const { self, settings, feed, records, log, now } = options
  const day = options.state === undefined ? null : await openGossipDay(options.state, settings.gossip)
  const gossip = new Gossip({
    records,
    budget: day?.budget ?? new GossipBudget(settings.gossip),
    own: self.node,
    now,
    ...(options.onRecord === undefined ? {} : { onRecord: options.onRecord })
  })
  const exchange = exchangeOf(options)
  const roots = options.roots === undefined ? null : new RootExchange(options.roots, log)
  const grants = options.grants === undefined ? null : new GrantExchange(options.grants, log)
  const links = createLinks({
    identity: {
      keyPair: asBuffers(self.keyPair),
      get membership() {
        return self.membership
      }
    },
    fleet: {
      topic: discoveryTopic(self.fleetSecret),
      responder: asBuffers(responderKeyPair(self.fleetSecret)),
      verifyMembership: options.verifyMembership
    },
    ...settings,
    onPeer(peer) {
      feed.replicate(peer.stream)
      exchangeHeads(peer.mux, feed)
      exchange.open(peer)
      roots?.open(peer)
      grants?.open(peer)
      gossip.open(peer)
      options.onPeer?.(peer)
    },
    log,
    now
  })
  const stopBlobs = watchBlobs(feed, exchange)
  const stopGrants = feed.onUpdate(() => grants?.news())
  const stopTidying = tidyAtRest(
    () => links.peers().reduce((sum, peer) => sum + peer.bytesIn + peer.bytesOut, 0),
    () => feed.cores.db.flush()
  )
  let closeBook = () => {}
  const stop = async () => {
    stopTidying()
    await gossip.farewell()
    stopBlobs()
    stopGrants()
    closeBook()
    feed.fetcher = null
    exchange.close()
    gossip.close()
    await links.stop()
    await day?.close()
  }
  try {
    await links.start()
  } catch (error) {
    await stop()
    throw error
  }
  const { announce } = options
  if (announce !== undefined) {
    closeBook = keepAddressBook({ node: self.node, records, links, announce, log, now, random: Math.random })
  }
  return { links, gossip, exchange, stop }
}

function exchangeOf({ self, settings, feed, onBlock, log, now }: FleetLinksOptions): BlockExchange {
  const exchange = new BlockExchange({
    own: self.node,
    pacer: new Pacer(settings.rates),
    log,
    now,
    random: Math.random,
    ...(onBlock === undefined ? {} : { onFetched: onBlock })
  })
  feed.fetcher = (_core, indexes, options) => exchange.fetch(indexes, options)
  return exchange
}

/** The blobs core appears with the first news of a feed, may be opened anew later, and grows by other ways too. */
function watchBlobs(feed: Feed, exchange: BlockExchange): () => void {
  exchange.use(feed.bulk)
  return feed.onUpdate(() => {
    exchange.use(feed.bulk)
    exchange.lookAgain()
  })
}

function asBuffers(pair: { publicKey: Uint8Array; secretKey: Uint8Array }) {
  return { publicKey: Buffer.from(pair.publicKey), secretKey: Buffer.from(pair.secretKey) }
}
