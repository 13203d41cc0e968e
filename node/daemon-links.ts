// The node's links: what the configuration and the command line say, and the accounts of where blocks came from.
import { readGrantFile } from '../src/feed/grant-files.ts'
import type { VerifiedRecord } from '../src/fleet/record.ts'
import { parseReportHeader } from '../src/fleet/report.ts'
import { type FleetLinks, type LinkSettings, startFleetLinks } from '../src/member/fleet-links.ts'
import { gossipLimits } from '../src/member/link-policy.ts'
import type { Peer } from '../src/net/peer.ts'
import type { NodeApp } from './app.ts'
import { watchMembers } from './member-watch.ts'

/** Link options of the command line; what is absent comes from chasqui.toml. */
export interface LinkFlags {
  listen?: string
  bootstrap?: string[]
  peers?: string[]
  internet?: boolean
  lan?: boolean
}

/** Throws ADDRESS_IN_USE, PEER_ADDRESS_INVALID. */
export async function startLinks(
  app: NodeApp,
  flags: LinkFlags,
  onPeer: (peer: Peer) => void
): Promise<FleetLinks> {
  const { access, keyPair, node } = app.identity
  const watch = await watchMembers(app)
  const started = await startFleetLinks({
    self: {
      node,
      keyPair,
      fleetSecret: access.fleetSecret,
      // it becomes a better one while the daemon runs, when the publisher's grant arrives
      get membership() {
        return app.identity.membership
      }
    },
    settings: linkSettings(app, flags),
    verifyMembership: (bytes) => app.members.verify(bytes, app.now()),
    feed: app.feed,
    state: app.state,
    records: app.records.set,
    roots: { list: () => app.trust.roots(), offer: (chain) => takeRoots(app, chain) },
    grants: {
      generation: async () => app.identity.access.generation,
      find: async (invite) => readGrantFile(await app.feed.snapshot(), invite),
      take: async (grant) => void (await app.follower.offer(grant))
    },
    announce: (type, header) => app.records.announce(type, header),
    onPeer: (peer) => {
      app.internetUse.track(peer)
      onPeer(peer)
    },
    onRecord: (result, peer) => {
      app.records.note(result, peer.member.name)
      // what failed elsewhere may halt what is planned here
      if (result.outcome === 'added' && tellsFailure(result.record)) app.events.emit('changed')
    },
    onBlock: (index, from) => app.sources.count(index, from),
    log: app.log,
    now: () => app.now()
  }).catch(async (error: unknown) => {
    await watch.stop()
    throw error
  })
  app.links = started.links
  app.exchange = started.exchange
  app.gossip = started.gossip.budget
  // what a stick brought need not be fetched, and is there for neighbours
  const lookAgain = () => started.exchange.lookAgain()
  app.events.on('imported', lookAgain)
  const stop = async () => {
    app.events.off('imported', lookAgain)
    await watch.stop()
    await started.stop()
  }
  return { ...started, stop }
}

function tellsFailure({ type, header }: VerifiedRecord): boolean {
  if (type !== 'report') return false
  try {
    return parseReportHeader(header).outcomes.some(({ result }) => result !== 'committed')
  } catch {
    return false
  }
}

function linkSettings(app: NodeApp, flags: LinkFlags): LinkSettings {
  const { access } = app.identity
  const config = app.config.links
  const bootstrap = flags.bootstrap ?? (config.bootstrap.length > 0 ? config.bootstrap : access.bootstrap)
  return {
    listen: flags.listen ?? config.listen,
    bootstrap: bootstrap.length === 0 ? undefined : bootstrap,
    internet: flags.internet ?? config.internet.enabled,
    internetClass: config.internet.metered ? 'metered' : 'internet',
    lan: flags.lan ?? config.lan.enabled,
    gossip: gossipLimits(config),
    lanNetworks: config.lan.networks ?? [],
    peers: [...new Set([...(flags.peers ?? []), ...config.peers, ...access.peers])],
    rates: app.linkPolicy.rates,
    isInternetOpen: (time) => app.linkPolicy.isInternetOpen(time) || app.fetcher.isCriticalWanted
  }
}

async function takeRoots(app: NodeApp, chain: ReadonlyMap<number, Uint8Array>): Promise<number> {
  const added = await app.trust.offerRoots(chain)
  if (added > 0) {
    app.events.emit('changed')
    app.follower.followSoon()
  }
  return added
}
