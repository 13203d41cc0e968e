// The channel `chasqui/gossip` with one peer (FORMAT 9.3): sends and receives its messages, counts their bytes, and serves
// the records that the peer wants, one after the other, as fast as the connection drains.
import type { Comparison, Item } from '../fleet/reconcile.ts'
import type { VerifiedRecord } from '../fleet/record.ts'
import { addMessage } from './channel.ts'
import { type Codec, encodedLength } from './codec.ts'
import { Conduct, Rate } from './conduct.ts'
import {
  comparisonCodec,
  itemsCodec,
  keysCodec,
  recordCodec,
  splitComparison,
  WIRE_LIMITS
} from './gossip-wire.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = 'chasqui/gossip/1'

const LIMITS = {
  /** comparison messages from one peer in one minute */
  comparisons: 600,
  /** records that a peer wants and has not got yet */
  wants: 4096,
  /** times that one record goes to the same peer in one minute */
  repeats: 3
}

export interface GossipEvents {
  opened(session: GossipSession): void
  closed(session: GossipSession): void
  comparison(session: GossipSession, message: Comparison): void
  offer(session: GossipSession, items: Item[]): void
  record(session: GossipSession, bytes: Uint8Array): void
  /** the record of a key, when it may go to this peer now */
  find(session: GossipSession, key: string): VerifiedRecord | null
  /** bytes of a message went one way or the other */
  moved(peer: Peer, bytes: number): void
  misconduct(peer: Peer): void
  /** ms since epoch */
  now(): number
}

/** Each gives false when the connection has to drain first. */
interface Senders {
  compare(message: Comparison): boolean
  offer(items: Item[]): boolean
  want(keys: string[]): boolean
  record(bytes: Uint8Array): boolean
}

export class GossipSession {
  readonly peer: Peer
  readonly conduct: Conduct
  #events: GossipEvents
  #comparisons = new Rate(LIMITS.comparisons)
  #wanted = new Set<string>()
  #served = new Map<string, { bytes: Uint8Array; times: number }>()
  #servedSince = 0
  #isServing = false
  #isClosed = false
  #drained: (() => void) | null = null
  #send: Senders

  /** Opens the channel on an admitted peer. It lives until the connection ends. */
  static open(peer: Peer, events: GossipEvents): void {
    const channel = peer.mux.createChannel({
      protocol: PROTOCOL,
      onopen: () => events.opened(session),
      onclose: () => session.#onClosed(),
      ondrain: () => session.#drained?.()
    })
    if (channel === null) return
    const sender = <T>(codec: Codec<T>, onMessage: (value: T) => void) => {
      const message = addMessage<T>(channel, codec, (value) => {
        events.moved(peer, encodedLength(codec, value))
        onMessage(value)
      })
      return (value: T) => {
        events.moved(peer, encodedLength(codec, value))
        return message.send(value)
      }
    }
    const session: GossipSession = new GossipSession(peer, events, {
      compare: sender(comparisonCodec, (message) => session.#onComparison(message)),
      offer: sender(itemsCodec, (items) => events.offer(session, items)),
      want: sender(keysCodec, (keys) => session.#onWant(keys)),
      record: sender(recordCodec, (bytes) => events.record(session, bytes))
    })
    channel.open()
  }

  private constructor(peer: Peer, events: GossipEvents, send: Senders) {
    this.peer = peer
    this.conduct = new Conduct(peer, events.now, () => events.misconduct(peer))
    this.#events = events
    this.#send = send
  }

  /** In several messages when it is more than one may hold. */
  compare(message: Comparison): void {
    for (const part of splitComparison(message)) this.#send.compare(part)
  }

  offer(items: Item[]): void {
    for (let at = 0; at < items.length; at += WIRE_LIMITS.items) {
      this.#send.offer(items.slice(at, at + WIRE_LIMITS.items))
    }
  }

  want(keys: string[]): void {
    for (let at = 0; at < keys.length; at += WIRE_LIMITS.items) {
      this.#send.want(keys.slice(at, at + WIRE_LIMITS.items))
    }
  }

  #onComparison(message: Comparison): void {
    if (this.#comparisons.isExceeded(this.#events.now())) this.conduct.blame(50)
    else this.#events.comparison(this, message)
  }

  #onWant(keys: string[]): void {
    const fresh = new Set(keys)
    if (fresh.size < keys.length || this.#wanted.size + fresh.size > LIMITS.wants) {
      this.conduct.blame(25) // nobody needs a record twice, or so many at once
      return
    }
    for (const key of fresh) this.#wanted.add(key)
    if (!this.#isServing) this.#serve().catch(() => this.peer.close())
  }

  async #serve(): Promise<void> {
    this.#isServing = true
    for (const key of this.#wanted) {
      this.#wanted.delete(key)
      const record = this.#events.find(this, key)
      if (record === null || this.#isRepeated(key, record.bytes)) continue
      if (!this.#send.record(record.bytes)) await this.#drain()
      if (this.#isClosed) break
    }
    this.#isServing = false
  }

  /** Whoever asks for the same bytes again and again would get the whole line's worth of them. */
  #isRepeated(key: string, bytes: Uint8Array): boolean {
    const now = this.#events.now()
    if (Math.abs(now - this.#servedSince) > 60_000) {
      this.#served.clear()
      this.#servedSince = now
    }
    const before = this.#served.get(key)
    const times = before?.bytes === bytes ? before.times + 1 : 1
    this.#served.set(key, { bytes, times })
    return times > LIMITS.repeats
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = () => {
        this.#drained = null
        resolve()
      }
      if (this.#isClosed) this.#drained()
    })
  }

  #onClosed(): void {
    this.#isClosed = true
    this.#wanted.clear()
    this.#drained?.()
    this.#events.closed(this)
  }
}
