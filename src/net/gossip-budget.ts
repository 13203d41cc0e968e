// How much gossip a day may cost on each class of link, and which records go first when it does not suffice.
import type { RecordType } from '../fleet/record.ts'
import type { LinkClass } from './peer.ts'

const DAY = 86_400_000 // ms

/** bytes a day, both directions together */
const GOSSIP_BUDGET: Record<LinkClass, number> = {
  lan: Number.POSITIVE_INFINITY,
  internet: 64 * 1024 * 1024,
  metered: 2_000_000
}

/** Small and needed by all; these pass when the budget of the day is spent. */
const ESSENTIAL: ReadonlySet<RecordType> = new Set(['root', 'head', 'evidence'])
const ORDER: readonly RecordType[] = ['root', 'head', 'evidence', 'address', 'report']

export class GossipBudget {
  #limits: Record<LinkClass, number>
  #day = -1
  #spent: Record<LinkClass, number> = { lan: 0, internet: 0, metered: 0 }

  constructor(limits: Record<LinkClass, number> = GOSSIP_BUDGET) {
    this.#limits = limits
  }

  spend(linkClass: LinkClass, bytes: number, now: number): void {
    this.#turn(now)
    this.#spent[linkClass] += bytes
  }

  spent(linkClass: LinkClass, now: number): number {
    this.#turn(now)
    return this.#spent[linkClass]
  }

  /** May a record of this type still be moved on this class of link today? */
  allows(linkClass: LinkClass, type: RecordType, now: number): boolean {
    return ESSENTIAL.has(type) || this.spent(linkClass, now) < this.#limits[linkClass]
  }

  #turn(now: number): void {
    const day = Math.floor(now / DAY)
    if (day === this.#day) return
    this.#day = day
    this.#spent = { lan: 0, internet: 0, metered: 0 }
  }
}

/** What matters to everybody first; the many reports last. */
export function byImportance<T extends { type: RecordType }>(items: T[]): T[] {
  return [...items].sort((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type))
}
