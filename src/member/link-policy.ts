// What links may carry of bulk, by class and hour: the configuration, the month's cap and an operator's pause in one place,
// as rates for the exchange and in words for people. What a pause holds up never includes signed critical releases.
import { isOpen, nextOpening } from '../fleet/window.ts'
import type { GossipLimits } from '../net/gossip-budget.ts'
import type { Rates } from '../net/pacing.ts'
import type { LinkClass } from '../net/peer.ts'
import type { Pause } from './link-pause.ts'
import type { LinksConfig } from './links-config.ts'

export interface LinkPolicyParts {
  /** of now: the file may be read again */
  links(): LinksConfig
  /** bytes of the month that `now` (ms) is in, of everything but the LAN */
  usedThisMonth(now: number): number
  /** the operator's pause, or null */
  paused(now: number): Pause | null
}

export interface WhyPaused {
  by: 'operator' | 'metered' | 'hours' | 'monthly-cap'
  /** ms since the epoch; null: until somebody changes it */
  until: number | null
}

export class LinkPolicy {
  readonly #parts: LinkPolicyParts

  constructor(parts: LinkPolicyParts) {
    this.#parts = parts
  }

  /** By the hours: outside of them only the LAN is used. */
  isInternetOpen(now: number): boolean {
    const { hours } = this.#parts.links().internet
    return hours === undefined || isOpen(hours, now)
  }

  /** Bytes a second that bulk may take. */
  readonly rates = (linkClass: LinkClass, now: number): Rates => {
    const { lan, internet } = this.#parts.links()
    const link = linkClass === 'lan' ? lan : internet
    const hourly = link.rates?.find(({ hours }) => isOpen(hours, now))
    const down = hourly?.down ?? link.down ?? Number.POSITIVE_INFINITY
    const up = hourly?.up ?? link.up ?? Number.POSITIVE_INFINITY
    return { down, up, isPaused: this.#pausedBy(linkClass, now) !== null }
  }

  /** What keeps bulk off a class of link now. */
  whyPaused(linkClass: LinkClass, now: number): WhyPaused | null {
    const by = this.#pausedBy(linkClass, now)
    return by === null ? null : { by, until: this.#pausedUntil(by, now) }
  }

  /** Asked for every block: cheap. */
  #pausedBy(linkClass: LinkClass, now: number): WhyPaused['by'] | null {
    if (this.#parts.paused(now) !== null) return 'operator'
    if (linkClass === 'lan') return null
    if (linkClass === 'metered') return 'metered'
    if (!this.isInternetOpen(now)) return 'hours'
    const cap = this.#parts.links().internet['monthly-cap']
    return cap !== undefined && this.#parts.usedThisMonth(now) >= cap ? 'monthly-cap' : null
  }

  #pausedUntil(by: WhyPaused['by'], now: number): number | null {
    switch (by) {
      case 'operator':
        return this.#parts.paused(now)?.until ?? null
      case 'metered':
        return null
      case 'hours':
        return nextOpening(this.#parts.links().internet.hours, now)
      case 'monthly-cap':
        return nextMonth(now)
    }
  }

  /** Do all links to peers carry nothing for now? With nobody connected nothing is paused. */
  areAllPaused(classes: readonly LinkClass[], now: number): boolean {
    return classes.length > 0 && classes.every((linkClass) => this.#pausedBy(linkClass, now) !== null)
  }

  /** Bytes of this month, and what they may become; null: no cap. */
  month(now: number): { used: number; cap: number | null } {
    const cap = this.#parts.links().internet['monthly-cap'] ?? null
    return { used: this.#parts.usedThisMonth(now), cap }
  }
}

/** Bytes a day for gossip, where the configuration says other than the usual. */
export function gossipLimits({ internet }: LinksConfig): Partial<GossipLimits> {
  const daily = internet['gossip-daily']
  return daily === undefined ? {} : { [internet.metered ? 'metered' : 'internet']: daily }
}

function nextMonth(now: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}
