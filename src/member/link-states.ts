// What `status` says of the links, class by class: may bulk pass now, and if not, why and until when; at which rates; what
// the month and the day have cost.
import type { GossipBudget } from '../net/gossip-budget.ts'
import type { Links } from '../net/link-options.ts'
import type { LinkClass } from '../net/peer.ts'
import { formatTime } from '../trust/bytes.ts'
import type { LinkPause } from './link-pause.ts'
import type { LinkPolicy } from './link-policy.ts'
import type { LinksConfig } from './links-config.ts'

/** What the links of a home are ruled by, and the links while a daemon runs. */
export interface LinkView {
  config: LinksConfig
  policy: LinkPolicy
  pause: LinkPause
  links: Links | null
  gossip: GossipBudget | null
  /** by the hours: is what is not the LAN used at all? */
  isInternetOpen(now: number): boolean
  now(): number
  /** after a pause: what waited may go on */
  resumed(): void
}

export interface ClassState {
  /** by the hours: is the link used at all? */
  open: boolean
  /** what keeps releases off it, and until when; null: nothing */
  paused: { by: string; until: string | null } | null
  /** bytes a second for releases; null: no limit */
  rates: { down: number | null; up: number | null }
  /** bytes of reports and news today; null: no daemon runs */
  gossip: { spent: number; limit: number | null } | null
}

export interface LinkStates {
  lan: ClassState & { enabled: boolean }
  internet: ClassState & { enabled: boolean; metered: boolean; month: { used: number; cap: number | null } }
  metered: ClassState
  static: unknown[]
  listening: string | null
}

export function linkStates(view: LinkView): LinkStates {
  const { lan, internet, peers } = view.config
  const listening = view.links?.listening() ?? null
  const month = view.policy.month(view.now())
  return {
    lan: { enabled: lan.enabled, ...classState(view, 'lan') },
    internet: {
      enabled: internet.enabled,
      metered: internet.metered,
      ...classState(view, internet.metered ? 'metered' : 'internet'),
      month
    },
    metered: classState(view, 'metered'),
    static: peers,
    listening: listening === null ? null : `${listening.host}:${listening.port}`
  }
}

function classState(view: LinkView, linkClass: LinkClass): ClassState {
  const { policy, gossip } = view
  const now = view.now()
  const { down, up } = policy.rates(linkClass, now)
  const why = policy.whyPaused(linkClass, now)
  const until = why === null || why.until === null ? null : formatTime(why.until)
  return {
    open: linkClass === 'lan' || view.isInternetOpen(now),
    paused: why === null ? null : { by: why.by, until },
    rates: { down: limited(down), up: limited(up) },
    gossip:
      gossip === null
        ? null
        : { spent: gossip.spent(linkClass, now), limit: limited(gossip.limit(linkClass)) }
  }
}

/** JSON has no infinity. */
function limited(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
