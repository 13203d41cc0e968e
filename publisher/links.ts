// The publisher's links: what chasqui.toml and the command line say, and how status and commands see them.
import type { LinkSettings } from '../src/member/fleet-links.ts'
import { gossipLimits } from '../src/member/link-policy.ts'
import type { LinkView } from '../src/member/link-states.ts'
import type { PublisherApp } from './app.ts'

/** Members that a publisher is connected with: every branch of a fleet dials it. 512 at rest cost 35 MB. */
const PEERS = 512

/** Link options of the command line; what is absent comes from chasqui.toml. */
export interface LinkFlags {
  listen?: string | undefined
  bootstrap?: string[] | undefined
  /** false: off whatever the file says */
  internet: boolean
  lan: boolean
  /** static peers, host:port */
  peers: string[]
}

/**
 * Outside the hours releases wait and the links stay: a branch may come for a critical one at any time, and only the branch
 * knows.
 */
export function linkSettings({ config, linkPolicy }: PublisherApp, flags: LinkFlags): LinkSettings {
  const { lan, internet, peers, bootstrap } = config.links
  return {
    listen: flags.listen ?? config.links.listen,
    bootstrap: flags.bootstrap ?? (bootstrap.length > 0 ? bootstrap : undefined),
    internet: flags.internet && internet.enabled,
    internetClass: internet.metered ? 'metered' : 'internet',
    lan: flags.lan && lan.enabled,
    lanNetworks: lan.networks ?? [],
    gossip: gossipLimits(config.links),
    peers: [...flags.peers, ...peers],
    rates: linkPolicy.rates,
    limits: { peers: PEERS }
  }
}

export function linkView(app: PublisherApp): LinkView {
  return {
    config: app.config.links,
    policy: app.linkPolicy,
    pause: app.linkPause,
    links: app.links?.links ?? null,
    gossip: app.links?.gossip.budget ?? null,
    isInternetOpen: () => true,
    now: app.now,
    // branches ask again by themselves
    resumed: () => undefined
  }
}
