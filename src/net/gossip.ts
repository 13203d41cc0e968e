// Members bring their record sets into agreement (FORMAT 9.3). On meeting they compare summaries; afterwards each passes on
// what is new. A record is asked for from one peer at a time, and only what was asked for is taken, so that a flood costs
// the flooder its connection and nobody else anything.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChasquiError } from '../errors.ts'
import { type Comparison, compare, type Item, missing, openComparison } from '../fleet/reconcile.ts'
import { decodeRecord, RECORD_TYPES, recordKey, type VerifiedRecord } from '../fleet/record.ts'
import type { AddResult, RecordSet } from '../fleet/record-set.ts'
import { Asking } from './gossip-asking.ts'
import { byImportance, GossipBudget } from './gossip-budget.ts'
import { Refusals } from './gossip-refusals.ts'
import { GossipSession } from './gossip-session.ts'
import type { Peer } from './peer.ts'

const TIMES = {
  /** ms in which new records are gathered into one offer */
  gather: 25,
  /** ms between looks for what was asked for and does not come */
  check: 5000,
  /** ms between comparisons on a connection that lasts; catches what an offer missed */
  again: 10 * 60_000,
  farewell: 500 // ms that neighbours have to ask for what was said last, before the links go down
}

export interface GossipOptions {
  records: RecordSet
  /** node key of this node in hex: its own records go out even when the day's budget is spent */
  own: string
  /** ms since epoch */
  now(): number
  budget?: GossipBudget
  /** told of every record that a peer sent and that was asked for, whatever came of it */
  onRecord?(result: AddResult, peer: Peer): void
  /** a peer that floods or lies was dropped */
  onMisconduct?(peer: Peer): void
}

/** bytes of one item in an offer */
const OFFER = 24

/** One per record set; every admitted peer is handed to `open`. */
export class Gossip {
  readonly budget: GossipBudget
  #options: GossipOptions
  #sessions = new Map<GossipSession, Asking>()
  /** key of a record → where it was asked for */
  #askedOf = new Map<string, Asking>()
  #fresh: { item: Item; from: GossipSession | null }[] = []
  #refusals = new Refusals()
  #receiving: GossipSession | null = null
  #timers: NodeJS.Timeout[] = []
  #flush: NodeJS.Timeout | null = null
  /** ms since the epoch: when something new was last passed on */
  #saidAt = 0
  #stopListening: () => void

  constructor(options: GossipOptions) {
    this.#options = options
    this.budget = options.budget ?? new GossipBudget()
    this.#stopListening = options.records.onAdded((record) => this.#announce(record))
    this.#timers.push(setInterval(() => this.#compareAgain(), TIMES.again).unref())
    this.#timers.push(setInterval(() => this.#expire(), TIMES.check).unref())
  }

  /** Opens the channel on an admitted peer. It lives until the connection ends. */
  open(peer: Peer): void {
    GossipSession.open(peer, {
      opened: (session) => this.#onOpened(session),
      closed: (session) => this.#onClosed(session),
      comparison: (session, message) => this.#onComparison(session, message),
      offer: (session, items) => this.#ask(session, items),
      record: (session, bytes) => this.#onRecord(session, bytes),
      find: (session, key) => {
        const record = this.#options.records.byKey(key)
        return record !== undefined && this.#allows(session, record, record.bytes.byteLength) ? record : null
      },
      moved: (to, bytes) => this.budget.spend(to.link.class, bytes, this.#options.now()),
      misconduct: (rude) => this.#options.onMisconduct?.(rude),
      now: () => this.#options.now()
    })
  }

  /** Says what is still unsaid and leaves a moment to ask for it: a PC that is switched off has often just reported. */
  async farewell(): Promise<void> {
    if (this.#flush !== null) {
      clearTimeout(this.#flush)
      this.#passOn()
    }
    const left = TIMES.farewell - (this.#options.now() - this.#saidAt)
    if (this.#sessions.size > 0 && left > 0) await sleep(Math.min(left, TIMES.farewell))
  }

  close(): void {
    this.#stopListening()
    for (const timer of this.#timers) clearInterval(timer)
    if (this.#flush !== null) clearTimeout(this.#flush)
  }

  #onOpened(session: GossipSession): void {
    // what a peer says of itself is taken even when the budget is spent
    const author = Buffer.from(session.peer.node, 'hex')
    const ownWords = new Set(RECORD_TYPES.map((type) => recordKey(type, author)))
    const asking = new Asking({
      linkClass: session.peer.link.class,
      budget: this.budget,
      askedOf: this.#askedOf,
      isMissing: (item) => this.#missing([item]).length > 0,
      isFree: ({ key }) => ownWords.has(key)
    })
    this.#sessions.set(session, asking)
    if (session.peer.link.isInitiator) this.#compare(session)
    else this.#offerOwn(session)
  }

  #onComparison(session: GossipSession, message: Comparison): void {
    if (this.#isSpent(session)) return
    const { reply, want, offer } = compare(this.#options.records.index, message)
    if (reply !== null) session.compare(reply)
    this.#offer(session, offer)
    this.#ask(session, want)
  }

  #onRecord(session: GossipSession, bytes: Uint8Array): void {
    const key = keyOf(bytes)
    const asking = this.#sessions.get(session)
    if (key === null || asking === undefined || !asking.take(key, this.#options.now())) {
      session.conduct.blame(5)
      return
    }
    this.#receiving = session
    const result = this.#options.records.add(bytes, this.#options.now())
    this.#receiving = null
    this.#options.onRecord?.(result, session.peer)
    if (result.outcome === 'refused') this.#onRefused(session, asking, bytes, result.error)
    this.#askNext(session, asking)
  }

  /** A carrier can tell that a record is damaged or forged; not that its author was revoked while it was away. */
  #onRefused(session: GossipSession, asking: Asking, bytes: Uint8Array, { code }: ChasquiError): void {
    if (code === 'RECORD_INVALID') {
      session.conduct.blame(10)
      return
    }
    const now = this.#options.now()
    this.#refusals.note(bytes, now)
    asking.refuse(now)
  }

  #offer(session: GossipSession, items: Item[]): void {
    session.offer(byImportance(items).filter((item) => this.#allows(session, item, OFFER)))
  }

  #ask(session: GossipSession, items: Item[]): void {
    const asking = this.#sessions.get(session)
    if (asking === undefined) return
    if (!asking.offer(this.#missing(items))) session.conduct.blame(10)
    this.#askNext(session, asking)
  }

  /** Of what a peer has, what is worth asking for. */
  #missing(items: Item[]): Item[] {
    const now = this.#options.now()
    return missing(this.#options.records.index, items).filter((item) => !this.#refusals.has(item, now))
  }

  #askNext(session: GossipSession, asking: Asking): void {
    const keys = asking.next(this.#options.now())
    if (keys.length > 0) session.want(keys)
  }

  /** What one peer does not deliver is asked of the others. */
  #expire(): void {
    const now = this.#options.now()
    const idle = [...this.#sessions].filter(([, asking]) => asking.expire(now))
    for (const [session] of idle) session.conduct.blame(1)
    for (const [session, asking] of this.#sessions) this.#askNext(session, asking)
  }

  /** A spent budget still lets a node's own words out: that is what the publisher waits for. */
  #allows(session: GossipSession, item: Item | VerifiedRecord, bytes: number): boolean {
    const author = 'author' in item ? item : this.#options.records.byKey(item.key)
    if (author?.member.node === this.#options.own) return true
    return this.budget.allows(session.peer.link.class, item.type, bytes, this.#options.now())
  }

  /** No budget is left for finding out what differs; what is essential or our own is offered all the same. */
  #isSpent(session: GossipSession): boolean {
    return !this.budget.allows(session.peer.link.class, 'report', 1, this.#options.now())
  }

  #compare(session: GossipSession): void {
    if (this.#isSpent(session)) this.#offerOwn(session)
    else session.compare(openComparison(this.#options.records.index))
  }

  /** When the budget is spent there is no comparison: then a meeting begins with the little that still passes. */
  #offerOwn(session: GossipSession): void {
    if (this.#isSpent(session)) this.#offer(session, this.#options.records.index.items(''))
  }

  #announce(record: VerifiedRecord): void {
    const item = this.#options.records.index.find(recordKey(record.type, record.author))
    if (item !== undefined) this.#fresh.push({ item, from: this.#receiving })
    this.#flush ??= setTimeout(() => this.#passOn(), TIMES.gather)
  }

  #passOn(): void {
    this.#flush = null
    const fresh = this.#fresh.splice(0)
    this.#saidAt = this.#options.now()
    for (const session of this.#sessions.keys()) {
      const unknown = fresh.filter(({ from }) => from !== session)
      this.#offer(
        session,
        unknown.map(({ item }) => item)
      )
    }
  }

  #onClosed(session: GossipSession): void {
    const asking = this.#sessions.get(session)
    this.#sessions.delete(session)
    if (asking?.close() === true) this.#expire()
  }

  #compareAgain(): void {
    for (const session of this.#sessions.keys()) this.#compare(session)
  }
}

function keyOf(bytes: Uint8Array): string | null {
  try {
    const record = decodeRecord(bytes)
    return recordKey(record.type, record.author)
  } catch {
    return null
  }
}
