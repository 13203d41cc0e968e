// What the configuration allows the links to carry, by class and hour.
import { isOpen } from '../src/fleet/window.ts'
import type { RatePolicy } from '../src/net/pacing.ts'
import type { LinkClass } from '../src/net/peer.ts'
import type { NodeConfig } from './config/schema.ts'

export function isOpenAt({ internet }: NodeConfig['links'], now: number): boolean {
  return internet.hours === undefined || isOpen(internet.hours, now)
}

/** Bytes a second that bulk may take, by class of link and hour; a metered link carries no bulk but what is critical. */
export function ratePolicy(
  links: () => NodeConfig['links'],
  usedThisMonth: (now: number) => number = () => 0
): RatePolicy {
  return (linkClass, now) => {
    const { lan, internet } = links()
    const { down = Number.POSITIVE_INFINITY, up = Number.POSITIVE_INFINITY } =
      linkClass === 'lan' ? lan : internet
    if (linkClass === 'lan') return { down, up }
    const cap = internet['monthly-cap'] ?? Number.POSITIVE_INFINITY
    const isPaused = linkClass === 'metered' || !isOpenAt(links(), now) || usedThisMonth(now) >= cap
    return { down, up, isPaused }
  }
}

/** Do all links to peers carry nothing for now? With nobody connected nothing is paused. */
export function areAllPaused(classes: readonly LinkClass[], policy: RatePolicy, now: number): boolean {
  return classes.length > 0 && classes.every((linkClass) => policy(linkClass, now).isPaused === true)
}
