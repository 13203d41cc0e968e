// The channel `chasqui/blocks` with one peer (FORMAT 9.5): sends and receives its messages, and serves the blocks that the
// peer asks for, one after the other, as fast as the link's class allows and the connection drains.
import type Protomux from 'protomux'
import type { BulkCore, ProvenBlock } from '../../feed/bulk-core.ts'
import { addMessage } from '../channel.ts'
import { Conduct } from '../conduct.ts'
import type { Peer } from '../peer.ts'
import { InterestRate } from './interest-rate.ts'
import type { Toll } from './toll.ts'
import {
  type BlockRange,
  type BlockRequest,
  blockCodec,
  type Holding,
  holdingCodec,
  type Interest,
  indexCodec,
  indexesCodec,
  interestCodec,
  requestCodec
} from './wire.ts'

const PROTOCOL = 'chasqui/blocks/1'
const QUEUE = 64 // requests of one peer that wait; more are declined

const CONDUCT = {
  /** holdings that may come for each range of an interest: peers answer anew when their feed changes */
  holdings: 4,
  holdingsDue: 16_384
}

export interface SessionEvents {
  opened(session: BlockSession): void
  closed(session: BlockSession): void
  interest(session: BlockSession, interest: Interest): void
  holding(session: BlockSession, holding: Holding): void
  gained(session: BlockSession, indexes: number[]): void
  claimed(session: BlockSession, indexes: number[]): void
  released(session: BlockSession, indexes: number[]): void
  block(session: BlockSession, block: ProvenBlock): void
  declined(session: BlockSession, index: number): void
}

export interface ServeOptions {
  core(): BulkCore | null
  toll: Toll
  now(): number
}

export class BlockSession {
  readonly peer: Peer
  /** what the peer is fetching */
  interests: BlockRange[] = []
  #send: {
    interest: Protomux.Message<Interest>
    holding: Protomux.Message<Holding>
    gained: Protomux.Message<number[]>
    claim: Protomux.Message<number[]>
    release: Protomux.Message<number[]>
    request: Protomux.Message<BlockRequest>
    block: Protomux.Message<ProvenBlock>
    decline: Protomux.Message<number>
    cancel: Protomux.Message<number>
  }
  #serve: ServeOptions
  #queue: BlockRequest[] = []
  #isServing = false
  #isClosed = false
  #draining: (() => void)[] = []
  #conduct: Conduct
  #interestRate: InterestRate
  /** holdings that the peer may still send */
  #holdingsDue = 0

  /** null when the channel cannot be opened (the peer is gone already). */
  static open(peer: Peer, events: SessionEvents, serve: ServeOptions): BlockSession | null {
    const channel = peer.mux.createChannel({
      protocol: PROTOCOL,
      onopen: () => events.opened(session),
      onclose: () => {
        session.#isClosed = true
        session.#interestRate.close()
        session.#onDrained()
        events.closed(session)
      },
      ondrain: () => session.#onDrained()
    })
    if (channel === null) return null
    const session = new BlockSession(peer, channel, events, serve)
    channel.open()
    return session
  }

  private constructor(peer: Peer, channel: Protomux.Channel, events: SessionEvents, serve: ServeOptions) {
    this.peer = peer
    this.#serve = serve
    this.#conduct = new Conduct(peer, serve.now)
    this.#interestRate = new InterestRate((interest) => events.interest(this, interest))
    // the order of these lines is the number of the message on the wire
    this.#send = {
      interest: addMessage(channel, interestCodec, (m) => this.#onInterest(m)),
      holding: addMessage(channel, holdingCodec, (m) => this.#onHolding(m, events)),
      gained: addMessage(channel, indexesCodec, (m) => events.gained(this, m)),
      claim: addMessage(channel, indexesCodec, (m) => events.claimed(this, m)),
      release: addMessage(channel, indexesCodec, (m) => events.released(this, m)),
      request: addMessage(channel, requestCodec, (m) => this.#onRequest(m)),
      block: addMessage(channel, blockCodec, (m) => events.block(this, m)),
      decline: addMessage(channel, indexCodec, (m) => events.declined(this, m)),
      cancel: addMessage(channel, indexCodec, (m) => this.#onCancel(m))
    }
  }

  get id(): string {
    return this.peer.node
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  tellInterest(interest: Interest): void {
    const due = this.#holdingsDue + interest.ranges.length * CONDUCT.holdings
    this.#holdingsDue = Math.min(CONDUCT.holdingsDue, due)
    this.#send.interest.send(interest)
  }

  /** False when the connection has to drain first. */
  tellHolding(holding: Holding): boolean {
    return this.#send.holding.send(holding)
  }

  /** False when the connection has to drain first. */
  tellGained(indexes: number[]): boolean {
    return this.#send.gained.send(indexes)
  }

  tellClaims(indexes: number[]): void {
    this.#send.claim.send(indexes)
  }

  tellReleased(indexes: number[]): void {
    this.#send.release.send(indexes)
  }

  request(request: BlockRequest): void {
    this.#send.request.send(request)
  }

  cancel(index: number): void {
    this.#send.cancel.send(index)
  }

  #onInterest(interest: Interest): void {
    if (!this.#interestRate.take(interest, this.#serve.now())) this.#conduct.blame(10)
  }

  /** Only what answers our own interest counts; it is compared with what is wanted by whoever reads it. */
  #onHolding(holding: Holding, events: SessionEvents): void {
    if (--this.#holdingsDue < 0) this.#conduct.blame(10)
    else events.holding(this, holding)
  }

  #onRequest(request: BlockRequest): void {
    if (this.#queue.length >= QUEUE) {
      this.#send.decline.send(request.index)
      this.#conduct.blame(1)
      return
    }
    this.#queue.push(request)
    if (!this.#isServing) this.#serveQueue().catch(() => this.peer.close())
  }

  #onCancel(index: number): void {
    this.#queue = this.#queue.filter((request) => request.index !== index)
  }

  async #serveQueue(): Promise<void> {
    this.#isServing = true
    for (let next = this.#queue.shift(); next !== undefined && !this.#isClosed; next = this.#queue.shift()) {
      await this.#pace(next.isCritical)
      const block = await this.#proveOrNull(next)
      this.#serve.toll.settle(this.peer.link.class, block?.value.byteLength ?? 0)
      if (this.#isClosed) break
      if (block === null) this.#send.decline.send(next.index)
      else if (!this.#send.block.send(block)) await this.drained()
    }
    this.#isServing = false
  }

  async #proveOrNull({ index, nodes }: BlockRequest): Promise<ProvenBlock | null> {
    const core = this.#serve.core()
    if (core === null || index >= core.length || nodes > 64) return null
    return core.prove(index, nodes).catch(() => null)
  }

  async #pace(isCritical: boolean): Promise<void> {
    const { toll, now } = this.#serve
    for (;;) {
      const wait = this.#isClosed ? 0 : toll.take(this.peer.link.class, now(), isCritical)
      if (wait === 0) return
      await new Promise((resolve) => setTimeout(resolve, Math.min(wait, 1000)))
    }
  }

  /** When the connection has drained, or is closed. */
  drained(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => this.#draining.push(resolve))
  }

  #onDrained(): void {
    for (const resolve of this.#draining.splice(0)) resolve()
  }
}
