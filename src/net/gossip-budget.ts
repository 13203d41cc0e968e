// How much gossip a day may cost on each class of link, and which records go first when it does not suffice. What is asked
// for is reserved before it comes, so that the day's number is a bound and not a mark to stop at.
import type { RecordType } from '../fleet/record.ts'
import type { LinkClass } from './peer.ts'

const DAY = 86_400_000 // ms

/** bytes a day, both directions together */
export type GossipLimits = Record<LinkClass, number>

const GOSSIP_BUDGET: GossipLimits = {
  lan: Number.POSITIVE_INFINITY,
  internet: 64 * 1024 * 1024,
  metered: 2_000_000
}

/** Small and needed by all; these pass when the budget of the day is spent. */
const ESSENTIAL: ReadonlySet<RecordType> = new Set(['root', 'head', 'evidence'])
export const BY_IMPORTANCE: readonly RecordType[] = ['root', 'head', 'evidence', 'address', 'report']

/** For storage: a restart does not begin the day anew. */
export interface GossipSpent {
  /** days since epoch */
  day: number
  spent: Record<LinkClass, number>
}

const nothing = () => ({ lan: 0, internet: 0, metered: 0 })

export class GossipBudget {
  #limits: GossipLimits
  #day: number
  #spent: Record<LinkClass, number>
  #reserved = nothing()

  constructor(limits: Partial<GossipLimits> = {}, saved: GossipSpent = { day: -1, spent: nothing() }) {
    this.#limits = { ...GOSSIP_BUDGET, ...limits }
    this.#day = saved.day
    this.#spent = { ...saved.spent }
  }

  spend(linkClass: LinkClass, bytes: number, now: number): void {
    this.#turn(now)
    this.#spent[linkClass] += bytes
  }

  spent(linkClass: LinkClass, now: number): number {
    this.#turn(now)
    return this.#spent[linkClass]
  }

  /** bytes a day; Infinity on the LAN */
  limit(linkClass: LinkClass): number {
    return this.#limits[linkClass]
  }

  /** May so many bytes of this type still be moved on this class of link today? */
  allows(linkClass: LinkClass, type: RecordType, bytes: number, now: number): boolean {
    if (ESSENTIAL.has(type)) return true
    return this.spent(linkClass, now) + this.#reserved[linkClass] + bytes <= this.#limits[linkClass]
  }

  /** Holds bytes back for what was asked for; give them back with a negative number when it came, or did not. */
  reserve(linkClass: LinkClass, bytes: number): void {
    this.#reserved[linkClass] += bytes
  }

  toJSON(): GossipSpent {
    return { day: this.#day, spent: { ...this.#spent } }
  }

  #turn(now: number): void {
    const day = Math.floor(now / DAY)
    if (day === this.#day) return
    this.#day = day
    this.#spent = nothing()
  }
}

/** What matters to everybody first; the many reports last. */
export function byImportance<T extends { type: RecordType }>(items: T[]): T[] {
  return [...items].sort((a, b) => BY_IMPORTANCE.indexOf(a.type) - BY_IMPORTANCE.indexOf(b.type))
}
