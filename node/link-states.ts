// What `status` says of the links, class by class: may bulk pass now, and if not, why and until when; at which rates; what
// the month and the day have cost.
import type { LinkClass } from '../src/net/peer.ts'
import { formatTime } from '../src/trust/bytes.ts'
import type { NodeApp } from './app.ts'

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

export function linkStates(app: NodeApp): LinkStates {
  const { lan, internet, peers } = app.config.links
  const listening = app.links?.listening() ?? null
  const month = app.linkPolicy.month(app.now())
  return {
    lan: { enabled: lan.enabled, ...classState(app, 'lan') },
    internet: {
      enabled: internet.enabled,
      metered: internet.metered,
      ...classState(app, internet.metered ? 'metered' : 'internet'),
      month
    },
    metered: classState(app, 'metered'),
    static: peers,
    listening: listening === null ? null : `${listening.host}:${listening.port}`
  }
}

function classState(app: NodeApp, linkClass: LinkClass): ClassState {
  const { linkPolicy, gossip } = app
  const now = app.now()
  const { down, up } = linkPolicy.rates(linkClass, now)
  const why = linkPolicy.whyPaused(linkClass, now)
  const until = why === null || why.until === null ? null : formatTime(why.until)
  return {
    open: linkClass === 'lan' || linkPolicy.isInternetOpen(now),
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
