// Fetches blocks of one core from all admitted peers and serves them (decisions 0401, 0402). The plan says what to ask of
// whom; this file carries it out: who is there, what is wanted, pacing, and what came from where.
import type { Log } from '../../system/log.ts'
import { Pacer } from '../pacing.ts'
import type { Peer } from '../peer.ts'
import { Flow } from './flow.ts'
import { coreId, Interests } from './interests.ts'
import { type BlockOrigin, type FetchOptions, Jobs } from './jobs.ts'
import { OtherWays } from './other-ways.ts'
import { BlockPlan, type Holder } from './plan.ts'
import { indexesOf, rangesOf } from './ranges.ts'
import { type Neighbour, Requests, TIME_LIMIT, type TimeLimit } from './requests.ts'
import { Rests } from './rests.ts'
import { BlockSession, type BulkCore, type SessionEvents } from './session.ts'
import { Telling } from './telling.ts'
import { Toll } from './toll.ts'
import { BLOCK_LIMITS, type BlockMessage, type Interest } from './wire.ts'

const RETRY = 500 // ms before a block that did not fit is asked for again
const PAUSE_CHECK = 5000 // ms between looks whether a paused link is open again
const PATIENCE = 5 // time-outs after which a peer is dropped

export interface ExchangeOptions {
  /** node key of this node in hex */
  own: string
  pacer?: Pacer
  log: Log
  now(): number
  /** in [0, 1) */
  random(): number
  onServed?(peer: Peer, bytes: number): void
  /** a block came in that was waited for: told once, however many downloads wait for it */
  onFetched?(index: number, from: BlockOrigin): void
  timeLimit?: TimeLimit
}

export class BlockExchange {
  #options: ExchangeOptions
  #toll: Record<'down' | 'up', Toll>
  #core: BulkCore | null = null
  #plan: BlockPlan
  #neighbours = new Map<string, Neighbour>()
  #requests: Requests
  #rests = new Rests()
  #interests = new Interests(() => this.#core)
  #jobs = new Jobs((indexes) => this.#forget(indexes))
  #telling: Telling
  #otherWays = new OtherWays({
    core: () => this.#core,
    missing: () => this.#jobs.missing(),
    found: (index) => this.#onFound(index)
  })
  #isClosed = false
  /** blocks that came since all peers were told what we are after */
  #gainedSinceTold = 0
  #pumpTimer: NodeJS.Timeout | null = null
  /** ms since the epoch until which the rate of this node lets nothing be asked for */
  #pacedUntil = 0

  constructor(options: ExchangeOptions) {
    this.#options = options
    const pacer = options.pacer ?? new Pacer()
    this.#toll = { down: new Toll(pacer, 'down'), up: new Toll(pacer, 'up') }
    this.#plan = new BlockPlan(options.own, options.random)
    this.#telling = new Telling(() => this.#tellInterest(), options.now)
    this.#requests = new Requests(options.timeLimit ?? TIME_LIMIT, (index, neighbour) =>
      this.#onTimeout(index, neighbour)
    )
  }

  /** The core to exchange; null when there is none yet. Everything in flight for another one is given up. */
  use(core: BulkCore | null): void {
    const isSame = core !== null && this.#core !== null && Buffer.compare(core.key, this.#core.key) === 0
    this.#core = core
    if (isSame) return
    this.#jobs.cancelAll()
    this.#telling.now()
    this.#interests.answerAgain()
    for (const neighbour of this.#neighbours.values()) this.#noteFetching(neighbour)
  }

  /** Blocks may have come by another way: they are asked for no more, and peers that are after them hear of them. */
  lookAgain(): void {
    void this.#otherWays.look().then(() => this.#pump())
    this.#interests.lookAgain()
  }

  /** Opens the channel on an admitted peer. */
  open(peer: Peer): void {
    BlockSession.open(peer, this.#events(), {
      core: () => this.#core,
      toll: this.#toll.up,
      now: this.#options.now,
      onServed: (to, bytes) => this.#options.onServed?.(to, bytes)
    })
  }

  close(): void {
    this.#isClosed = true
    this.#jobs.cancelAll()
    if (this.#pumpTimer !== null) clearTimeout(this.#pumpTimer)
    this.#telling.close()
    this.#interests.close()
    this.#requests.close()
  }

  /** Returns when all blocks are here; waits for peers as long as it takes. @throws ChasquiError CANCELLED */
  fetch(indexes: readonly number[], options: FetchOptions): Promise<void> {
    if (indexes.length === 0) return Promise.resolve()
    return this.#jobs.add(indexes, options, () => {
      this.#plan.want(indexes, this.#options.now())
      this.#telling.now()
      this.#pump()
    })
  }

  /** Bytes that came in so far from peers while they owed us a block: only what grows here brings a download on. */
  get awaited(): number {
    return this.#requests.awaited
  }

  /** Is it the rate of this node that the next block waits for, not a peer? */
  get isPaced(): boolean {
    return this.#options.now() < this.#pacedUntil
  }

  #events(): SessionEvents {
    const of = (session: BlockSession) => {
      const neighbour = this.#neighbours.get(session.id)
      return neighbour?.session === session ? neighbour : undefined
    }
    return {
      opened: (session) => this.#onOpened(session),
      closed: (session) => this.#onClosed(session),
      interest: (session, interest) => {
        const neighbour = of(session)
        if (neighbour === undefined) return
        this.#interests.set(session, interest)
        this.#noteFetching(neighbour)
      },
      holding: (session, holding) => {
        this.#plan.holds(session.id, indexesOf(holding))
        this.#pump()
      },
      gained: (session, indexes) => {
        this.#plan.holds(session.id, indexes)
        this.#pump()
      },
      claimed: (session, indexes) => {
        if (session.peer.link.class !== 'lan') return
        const given = this.#plan.claimed(session.id, indexes, this.#options.now())
        if (given.length > 0) this.#pump()
      },
      released: (session, indexes) => {
        this.#plan.released(session.id, indexes)
        this.#pump()
      },
      block: (session, block) => {
        const neighbour = of(session)
        if (neighbour !== undefined) void this.#onBlock(neighbour, block)
      },
      declined: (session, index) => {
        const neighbour = of(session)
        if (neighbour === undefined || !this.#requests.isOf(index, neighbour)) return
        this.#giveUp(index, false)
        this.#pump()
      }
    }
  }

  #onOpened(session: BlockSession): void {
    const older = this.#neighbours.get(session.id)
    if (older !== undefined) this.#detach(older)
    const flow = new Flow(session.peer.link.class === 'lan')
    const holder: Holder = {
      id: session.id,
      isLan: session.peer.link.class === 'lan',
      isFetching: false,
      inFlight: 0,
      get limit() {
        return flow.limit
      }
    }
    const neighbour = { session, holder, flow, timeouts: 0, late: new Set<number>() }
    this.#neighbours.set(session.id, neighbour)
    const rest = this.#rests.left(session.id, this.#options.now())
    if (rest === 0) this.#askOf(neighbour)
    else setTimeout(() => this.#askOf(neighbour), rest).unref()
  }

  /** From now on blocks are asked of it; until then it is served like all others. */
  #askOf(neighbour: Neighbour): void {
    const { session, holder } = neighbour
    if (this.#isClosed || this.#neighbours.get(session.id) !== neighbour) return
    this.#plan.addHolder(holder)
    if (!this.#jobs.isEmpty) session.tellInterest(this.#interest())
  }

  #onClosed(session: BlockSession): void {
    const neighbour = this.#neighbours.get(session.id)
    if (neighbour?.session !== session) return
    this.#detach(neighbour)
    this.#pump()
  }

  #detach(neighbour: Neighbour): void {
    this.#neighbours.delete(neighbour.session.id)
    this.#interests.remove(neighbour.session)
    for (const index of this.#requests.to(neighbour)) this.#giveUp(index, true)
    this.#plan.removeHolder(neighbour.session.id)
  }

  #noteFetching({ session, holder }: Neighbour): void {
    holder.isFetching = session.interests.length > 0
  }

  async #onBlock(neighbour: Neighbour, block: BlockMessage): Promise<void> {
    const [link, bytes] = [neighbour.session.peer.link.class, block.value.byteLength]
    if (this.#requests.isOf(block.index, neighbour)) {
      this.#toll.down.settle(link, bytes)
      const request = this.#requests.end(block.index)
      if (request !== null) neighbour.flow.onResponse(this.#options.now() - request.sentAt)
      this.#pump()
    } else if (neighbour.late.delete(block.index)) this.#toll.down.charge(link, bytes)
    else return // not asked for
    const isApplied = await this.#apply(neighbour, block)
    if (!isApplied) {
      // our core may not know of that length yet: once more, a little later
      setTimeout(() => {
        this.#plan.failed(neighbour.session.id, block.index, true)
        this.#pump()
      }, RETRY).unref()
      return
    }
    neighbour.timeouts = 0
    this.#onGained(block, neighbour.session.peer)
  }

  async #apply(neighbour: Neighbour, block: BlockMessage): Promise<boolean> {
    try {
      return (await this.#core?.apply(block)) ?? false
    } catch (error) {
      if (this.#isClosed) return false
      const peer = neighbour.session.peer.member.name
      this.#options.log.warn({ err: error, peer }, 'a peer sent a block that does not verify')
      neighbour.session.peer.expel()
      return false
    }
  }

  #onFound(index: number): void {
    this.#plan.drop(index)
    this.#endElsewhere(index)
    this.#jobs.gained(index, null)
  }

  #onGained(block: BlockMessage, peer: Peer): void {
    const from = { peer: peer.node, class: peer.link.class, bytes: block.value.byteLength }
    this.#plan.drop(block.index)
    this.#interests.gained(block.index)
    this.#endElsewhere(block.index)
    if (this.#jobs.isMissing(block.index)) this.#options.onFetched?.(block.index, from)
    this.#jobs.gained(block.index, from)
    // an interest may have been too long for one message: then the rest is told in time
    if (++this.#gainedSinceTold >= BLOCK_LIMITS.ranges) this.#telling.now()
    this.#pump()
  }

  /** A block that came late from one peer need not come from another. */
  #endElsewhere(index: number): void {
    this.#endRequest(index)?.session.cancel(index)
  }

  #endRequest(index: number): Neighbour | null {
    const neighbour = this.#requests.giveUp(index)
    if (neighbour !== null) this.#toll.down.settle(neighbour.session.peer.link.class, 0)
    return neighbour
  }

  #tellInterest(): void {
    this.#gainedSinceTold = 0
    if (this.#core === null) return
    const interest = this.#interest()
    for (const { session } of this.#neighbours.values()) session.tellInterest(interest)
  }

  #interest(): Interest {
    return {
      core: this.#core === null ? new Uint8Array(16) : coreId(this.#core),
      ranges: rangesOf(this.#jobs.missing())
    }
  }

  #forget(indexes: number[]): void {
    for (const index of indexes) {
      this.#plan.drop(index)
      this.#giveUp(index, true)?.session.cancel(index)
    }
    this.#telling.soon()
  }

  #giveUp(index: number, stillHas: boolean): Neighbour | null {
    const neighbour = this.#endRequest(index)
    if (neighbour === null) return null
    this.#plan.failed(neighbour.session.id, index, stillHas)
    this.#tellFetching((session) => session.tellReleased([index]))
    return neighbour
  }

  /** Asks for what can be asked for now. */
  #pump(): void {
    if (this.#core === null || this.#plan.isIdle) return
    const now = this.#options.now()
    let wait = Number.POSITIVE_INFINITY
    const classOf = (holder: Holder) => this.#neighbours.get(holder.id)?.session.peer.link.class ?? 'internet'
    const mayAsk = (holder: Holder, index: number) => {
      const pause = this.#toll.down.take(classOf(holder), now, this.#jobs.isCritical(index))
      if (pause > 0) {
        wait = Math.min(wait, pause)
        this.#pacedUntil = now + pause
      }
      return pause === 0
    }
    const isPaused = (holder: Holder, index: number) => {
      if (!this.#toll.down.isPaused(classOf(holder), now) || this.#jobs.isCritical(index)) return false
      wait = Math.min(wait, PAUSE_CHECK)
      return true
    }
    const step = this.#plan.next(now, mayAsk, isPaused)
    for (const { holder, index } of step.requests) void this.#request(holder, index, now)
    if (step.claims.length > 0) this.#tellFetching((session) => session.tellClaims(step.claims))
    wait = Math.min(wait, step.again ?? Number.POSITIVE_INFINITY)
    if (wait < Number.POSITIVE_INFINITY) this.#pumpIn(wait)
  }

  #pumpIn(ms: number): void {
    if (this.#pumpTimer !== null) clearTimeout(this.#pumpTimer)
    this.#pumpTimer = setTimeout(() => {
      this.#pumpTimer = null
      this.#pump()
    }, ms)
  }

  async #request(holder: Holder, index: number, now: number): Promise<void> {
    const neighbour = this.#neighbours.get(holder.id)
    if (neighbour === undefined) return
    this.#requests.add(index, neighbour, now)
    const nodes = (await this.#core?.missingNodes(index).catch(() => 0)) ?? 0
    if (!this.#requests.isOf(index, neighbour)) return
    neighbour.session.request({ index, nodes, isCritical: this.#jobs.isCritical(index) })
  }

  #onTimeout(index: number, neighbour: Neighbour): void {
    neighbour.session.cancel(index)
    this.#giveUp(index, true)
    if (++neighbour.timeouts === PATIENCE) {
      this.#options.log.warn({ peer: neighbour.session.peer.member.name }, 'a peer does not deliver; dropped')
      this.#rests.failed(neighbour.session.id, this.#options.now())
      neighbour.session.peer.close()
    }
    this.#pump()
  }

  #tellFetching(tell: (session: BlockSession) => void): void {
    for (const { session, holder } of this.#neighbours.values())
      if (holder.isLan && holder.isFetching) tell(session)
  }
}
