// The channel `chasqui/gossip` (FORMAT 9.3): members bring their record sets into agreement. On meeting they compare
// summaries; afterwards each passes on what is new. A record is asked for from one peer at a time, and only what was
// asked for is taken, so that a flood costs the flooder its connection and nobody else anything.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Comparison, compare, type Item, missing, openComparison } from '../fleet/reconcile.ts'
import { decodeRecord, recordKey, type VerifiedRecord } from '../fleet/record.ts'
import type { AddResult, RecordSet } from '../fleet/record-set.ts'
import { type Codec, encodedLength } from './codec.ts'
import { byImportance, GossipBudget } from './gossip-budget.ts'
import { comparisonCodec, itemsCodec, keysCodec, recordCodec, WIRE_LIMITS } from './gossip-wire.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = 'chasqui/gossip/1'

const TIMES = {
  /** ms in which new records are gathered into one offer */
  gather: 25,
  /** ms after which a record that was asked for may be asked for elsewhere */
  patience: 15_000,
  /** ms between comparisons on a connection that lasts; catches what an offer missed */
  again: 10 * 60_000,
  farewell: 500 // ms that neighbours have to ask for what was said last, before the links go down
}

const CONDUCT = {
  /** comparison messages from one peer in one minute */
  comparisons: 600,
  /** points after which a peer is dropped; each wrong message costs some, each minute forgives ten */
  patience: 50
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

interface Session {
  peer: Peer
  compare(message: Comparison): void
  offer(items: Item[]): void
  want(keys: string[]): void
  record(bytes: Uint8Array): void
  points: number
  comparisons: number
}

/** One per record set; every admitted peer is handed to `open`. */
export class Gossip {
  readonly budget: GossipBudget
  #options: GossipOptions
  #sessions = new Set<Session>()
  /** key of a record → who was asked for it, and when */
  #asked = new Map<string, { session: Session; at: number }>()
  #fresh: { item: Item; from: Session | null }[] = []
  #receiving: Session | null = null
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
    this.#timers.push(setInterval(() => this.#forgive(), 60_000).unref())
  }

  /** Opens the channel on an admitted peer. It lives until the connection ends. */
  open(peer: Peer): void {
    const channel = peer.mux.createChannel({
      protocol: PROTOCOL,
      onopen: () => {
        this.#sessions.add(session)
        if (peer.link.isInitiator) this.#compare(session)
        else this.#offerOwn(session)
      },
      onclose: () => this.#close(session)
    })
    if (channel === null) return
    const sender = <T>(codec: Codec<T>, onMessage: (value: T) => void) => {
      const message = channel.addMessage<T>({
        encoding: codec,
        onmessage: (value) => {
          this.#count(peer, encodedLength(codec, value))
          onMessage(value)
        }
      })
      return (value: T) => {
        this.#count(peer, encodedLength(codec, value))
        message.send(value)
      }
    }
    const session: Session = {
      peer,
      compare: sender(comparisonCodec, (message) => this.#onComparison(session, message)),
      offer: sender(itemsCodec, (items) => this.#onOffer(session, items)),
      want: sender(keysCodec, (keys) => this.#onWant(session, keys)),
      record: sender(recordCodec, (bytes) => this.#onRecord(session, bytes)),
      points: 0,
      comparisons: 0
    }
    channel.open()
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

  #onComparison(session: Session, message: Comparison): void {
    if (++session.comparisons > CONDUCT.comparisons) {
      this.#blame(session, CONDUCT.patience)
      return
    }
    if (this.#isSpent(session)) return
    const { reply, want, offer } = compare(this.#options.records.index, message)
    if (reply !== null) session.compare(reply)
    this.#offer(session, offer)
    this.#ask(session, want)
  }

  #onOffer(session: Session, items: Item[]): void {
    this.#ask(session, missing(this.#options.records.index, items))
  }

  #onWant(session: Session, keys: string[]): void {
    for (const key of keys) {
      const record = this.#options.records.byKey(key)
      if (record !== undefined && this.#allows(session, record)) session.record(record.bytes)
    }
  }

  #onRecord(session: Session, bytes: Uint8Array): void {
    const key = keyOf(bytes)
    if (key === null || this.#asked.get(key)?.session !== session) {
      this.#blame(session, 5)
      return
    }
    this.#asked.delete(key)
    this.#receiving = session
    const result = this.#options.records.add(bytes, this.#options.now())
    this.#receiving = null
    this.#options.onRecord?.(result, session.peer)
    if (result.outcome === 'refused') this.#blame(session, 10)
  }

  #offer(session: Session, items: Item[]): void {
    const offered = byImportance(items).filter((item) => this.#allows(session, item))
    for (let at = 0; at < offered.length; at += WIRE_LIMITS.items) {
      session.offer(offered.slice(at, at + WIRE_LIMITS.items))
    }
  }

  #ask(session: Session, items: Item[]): void {
    const now = this.#options.now()
    const wanted = byImportance(items).filter((item) => {
      const asked = this.#asked.get(item.key)
      const isWaiting = asked !== undefined && now - asked.at < TIMES.patience
      return (
        !isWaiting &&
        (isOwnWord(item, session.peer) || this.budget.allows(session.peer.link.class, item.type, now))
      )
    })
    for (const item of wanted) this.#asked.set(item.key, { session, at: now })
    for (let at = 0; at < wanted.length; at += WIRE_LIMITS.items) {
      session.want(wanted.slice(at, at + WIRE_LIMITS.items).map((item) => item.key))
    }
  }

  /** A spent budget still lets a node's own words out: that is what the publisher waits for. */
  #allows(session: Session, item: Item | VerifiedRecord): boolean {
    const author = 'author' in item ? item : this.#options.records.byKey(item.key)
    if (author?.member.node === this.#options.own) return true
    return this.budget.allows(session.peer.link.class, item.type, this.#options.now())
  }

  /** No budget is left for finding out what differs; what is essential or our own is offered all the same. */
  #isSpent(session: Session): boolean {
    return !this.budget.allows(session.peer.link.class, 'report', this.#options.now())
  }

  #compare(session: Session): void {
    if (this.#isSpent(session)) this.#offerOwn(session)
    else session.compare(openComparison(this.#options.records.index))
  }

  /** When the budget is spent there is no comparison: then a meeting begins with the little that still passes. */
  #offerOwn(session: Session): void {
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
    for (const session of this.#sessions) {
      const unknown = fresh.filter(({ from }) => from !== session)
      if (unknown.length > 0)
        this.#offer(
          session,
          unknown.map(({ item }) => item)
        )
    }
  }

  #close(session: Session): void {
    this.#sessions.delete(session)
    let wasWaiting = false
    for (const [key, asked] of this.#asked) {
      if (asked.session !== session) continue
      this.#asked.delete(key)
      wasWaiting = true
    }
    if (wasWaiting) this.#compareAgain()
  }

  #compareAgain(): void {
    for (const session of this.#sessions) this.#compare(session)
  }

  #count(peer: Peer, bytes: number): void {
    this.budget.spend(peer.link.class, bytes, this.#options.now())
  }

  #blame(session: Session, points: number): void {
    session.points += points
    if (session.points < CONDUCT.patience) return
    this.#options.onMisconduct?.(session.peer)
    session.peer.expel()
  }

  #forgive(): void {
    for (const session of this.#sessions) {
      session.points = Math.max(0, session.points - 10)
      session.comparisons = 0
    }
  }
}

/** Does the peer speak of itself? That is taken even when the budget is spent. */
function isOwnWord(item: Item, peer: Peer): boolean {
  return item.key === recordKey(item.type, Buffer.from(peer.node, 'hex'))
}

function keyOf(bytes: Uint8Array): string | null {
  try {
    const record = decodeRecord(bytes)
    return recordKey(record.type, record.author)
  } catch {
    return null
  }
}
