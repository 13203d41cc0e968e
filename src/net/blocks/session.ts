// The channel `chasqui/blocks` with one peer (FORMAT 9.5): sends and receives its messages, and serves the blocks that the
// peer asks for, one after the other, as fast as the link's class allows and the connection drains.
import type Protomux from 'protomux'
import type { Pacer } from '../pacing.ts'
import type { Peer } from '../peer.ts'
import {
  type BlockMessage,
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
const BLOCK = 65_536 // bytes, for pacing

/** The blobs core of a feed, as far as the exchange of blocks goes (src/feed implements it). */
export interface BulkCore {
  readonly key: Uint8Array
  readonly length: number
  has(index: number): Promise<boolean>
  /** Merkle nodes that are missing between a block and what is known here */
  missingNodes(index: number): Promise<number>
  /** a block with its proof, or null when it is not here */
  prove(index: number, nodes: number): Promise<BlockMessage | null>
  /** verifies and stores; false when it does not fit (any more). Throws when it does not verify. */
  apply(block: BlockMessage): Promise<boolean>
}

export interface SessionEvents {
  opened(session: BlockSession): void
  closed(session: BlockSession): void
  interest(session: BlockSession, interest: Interest): void
  holding(session: BlockSession, holding: Holding): void
  gained(session: BlockSession, indexes: number[]): void
  claimed(session: BlockSession, indexes: number[]): void
  released(session: BlockSession, indexes: number[]): void
  block(session: BlockSession, block: BlockMessage): void
  declined(session: BlockSession, index: number): void
}

export interface ServeOptions {
  core(): BulkCore | null
  pacer: Pacer
  now(): number
  /** a block went out */
  onServed(peer: Peer, bytes: number): void
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
    block: Protomux.Message<BlockMessage>
    decline: Protomux.Message<number>
    cancel: Protomux.Message<number>
  }
  #serve: ServeOptions
  #queue: BlockRequest[] = []
  #isServing = false
  #isClosed = false
  #drained: (() => void) | null = null

  /** null when the channel cannot be opened (the peer is gone already). */
  static open(peer: Peer, events: SessionEvents, serve: ServeOptions): BlockSession | null {
    const channel = peer.mux.createChannel({
      protocol: PROTOCOL,
      onopen: () => events.opened(session),
      onclose: () => {
        session.#isClosed = true
        session.#drained?.()
        events.closed(session)
      },
      ondrain: () => session.#drained?.()
    })
    if (channel === null) return null
    const session = new BlockSession(peer, channel, events, serve)
    channel.open()
    return session
  }

  private constructor(peer: Peer, channel: Protomux.Channel, events: SessionEvents, serve: ServeOptions) {
    this.peer = peer
    this.#serve = serve
    // the order of these lines is the number of the message on the wire
    this.#send = {
      interest: channel.addMessage({ encoding: interestCodec, onmessage: (m) => events.interest(this, m) }),
      holding: channel.addMessage({ encoding: holdingCodec, onmessage: (m) => events.holding(this, m) }),
      gained: channel.addMessage({ encoding: indexesCodec, onmessage: (m) => events.gained(this, m) }),
      claim: channel.addMessage({ encoding: indexesCodec, onmessage: (m) => events.claimed(this, m) }),
      release: channel.addMessage({ encoding: indexesCodec, onmessage: (m) => events.released(this, m) }),
      request: channel.addMessage({ encoding: requestCodec, onmessage: (m) => this.#onRequest(m) }),
      block: channel.addMessage({ encoding: blockCodec, onmessage: (m) => events.block(this, m) }),
      decline: channel.addMessage({ encoding: indexCodec, onmessage: (m) => events.declined(this, m) }),
      cancel: channel.addMessage({ encoding: indexCodec, onmessage: (m) => this.#onCancel(m) })
    }
  }

  get id(): string {
    return this.peer.node
  }

  tellInterest(interest: Interest): void {
    this.#send.interest.send(interest)
  }

  tellHolding(holding: Holding): void {
    this.#send.holding.send(holding)
  }

  tellGained(indexes: number[]): void {
    this.#send.gained.send(indexes)
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

  #onRequest(request: BlockRequest): void {
    if (this.#queue.length >= QUEUE) {
      this.#send.decline.send(request.index)
      return
    }
    this.#queue.push(request)
    if (!this.#isServing) void this.#serveQueue()
  }

  #onCancel(index: number): void {
    this.#queue = this.#queue.filter((request) => request.index !== index)
  }

  async #serveQueue(): Promise<void> {
    this.#isServing = true
    for (let next = this.#queue.shift(); next !== undefined && !this.#isClosed; next = this.#queue.shift()) {
      await this.#pace()
      const block = await this.#proveOrNull(next)
      if (this.#isClosed) break
      if (block === null) this.#send.decline.send(next.index)
      else {
        this.#serve.onServed(this.peer, block.value.byteLength)
        if (!this.#send.block.send(block)) await this.#drain()
      }
    }
    this.#isServing = false
  }

  async #proveOrNull({ index, nodes }: BlockRequest): Promise<BlockMessage | null> {
    const core = this.#serve.core()
    if (core === null || index >= core.length || nodes > 64) return null
    return core.prove(index, nodes).catch(() => null)
  }

  async #pace(): Promise<void> {
    const { pacer, now } = this.#serve
    for (;;) {
      const wait = this.#isClosed ? 0 : pacer.take(this.peer.link.class, 'up', BLOCK, now())
      if (wait === 0) return
      await new Promise((resolve) => setTimeout(resolve, Math.min(wait, 1000)))
    }
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = () => {
        this.#drained = null
        resolve()
      }
    })
  }
}
