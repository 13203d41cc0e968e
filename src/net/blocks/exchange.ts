// Fetches blocks of one core from all admitted peers and serves them (decisions 0401, 0402). The plan says what to ask of
// whom, `Asking` carries it out; here is what is wanted, who is there, and what came from where.
import type { BulkCore, ProvenBlock } from '../../feed/bulk-core.ts'
import type { Log } from '../../system/log.ts'
import { Pacer } from '../pacing.ts'
import type { Peer } from '../peer.ts'
import { Asking } from './asking.ts'
import { coreId, Interests } from './interests.ts'
import { type BlockOrigin, type FetchOptions, Jobs } from './jobs.ts'
import { Neighbours } from './neighbours.ts'
import { OtherWays } from './other-ways.ts'
import { BlockPlan } from './plan.ts'
import { indexesOf, rangesOf } from './ranges.ts'
import { type Neighbour, TIME_LIMIT, type TimeLimit } from './requests.ts'
import { Rests } from './rests.ts'
import { BlockSession, type SessionEvents } from './session.ts'
import { Telling } from './telling.ts'
import { Toll } from './toll.ts'
import type { Interest } from './wire.ts'

const RETRY = 500 // ms before a block that did not fit is asked for again

export interface ExchangeOptions {
  /** node key of this node in hex */
  own: string
  pacer?: Pacer
  log: Log
  now(): number
  /** in [0, 1) */
  random(): number
  /** a block came in that was waited for: told once, however many downloads wait for it */
  onFetched?(index: number, from: BlockOrigin): void
  timeLimit?: TimeLimit
}

export class BlockExchange {
  #options: ExchangeOptions
  #core: BulkCore | null = null
  #plan: BlockPlan
  #neighbours = new Neighbours()
  #asking: Asking
  /** of what is served */
  #toll: Toll
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

  constructor(options: ExchangeOptions) {
    this.#options = options
    const pacer = options.pacer ?? new Pacer()
    this.#toll = new Toll(pacer, 'up')
    this.#plan = new BlockPlan(options.own, options.random)
    this.#telling = new Telling(() => this.#neighbours.tellInterest(this.#interest()), options.now)
    this.#asking = new Asking({
      core: () => this.#core,
      plan: this.#plan,
      neighbours: this.#neighbours,
      toll: new Toll(pacer, 'down'),
      timeLimit: options.timeLimit ?? TIME_LIMIT,
      isCritical: (index) => this.#jobs.isCritical(index),
      onFailed: (neighbour) => this.#onFailed(neighbour),
      now: options.now
    })
  }

  /** The core to exchange; null when there is none yet. Everything in flight for another one is given up. */
  use(core: BulkCore | null): void {
    const [key, former] = [core?.key, this.#core?.key]
    const isSame = key === former || (key && former && Buffer.compare(key, former) === 0)
    this.#core = core
    if (isSame) return
    this.#jobs.cancelAll()
    this.#telling.now()
    this.#interests.answerAgain()
    this.#neighbours.noteFetching()
  }

  /** Blocks may have come by another way: they are asked for no more, and peers that are after them hear of them. */
  lookAgain(): void {
    void this.#otherWays.look().then(() => this.#asking.pump())
    this.#interests.lookAgain()
  }

  /** Opens the channel on an admitted peer. */
  open(peer: Peer): void {
    BlockSession.open(peer, this.#events(), {
      core: () => this.#core,
      toll: this.#toll,
      now: this.#options.now
    })
  }

  close(): void {
    this.#isClosed = true
    this.#jobs.cancelAll()
    this.#telling.close()
    this.#interests.close()
    this.#asking.close()
  }

  /** Returns when all blocks are here; waits for peers as long as it takes. @throws ChasquiError CANCELLED */
  fetch(indexes: readonly number[], options: FetchOptions): Promise<void> {
    if (indexes.length === 0) return Promise.resolve()
    return this.#jobs.add(indexes, options, () => {
      this.#plan.want(indexes, this.#options.now())
      this.#telling.now()
      this.#asking.pump()
    })
  }

  /** Bytes that came in so far from peers while they owed us a block: only what grows here brings a download on. */
  get awaited(): number {
    return this.#asking.awaited
  }

  /** Is it the rate of this node that the next block waits for, not a peer? */
  get isPaced(): boolean {
    return this.#asking.isPaced
  }

  #events(): SessionEvents {
    return {
      opened: (session) => this.#onOpened(session),
      closed: (session) => this.#onClosed(session),
      interest: (session, interest) => {
        if (this.#neighbours.of(session) === undefined) return
        this.#interests.set(session, interest)
        this.#neighbours.noteFetching()
      },
      holding: (session, holding) => this.#onHolds(session, indexesOf(holding)),
      gained: (session, indexes) => this.#onHolds(session, indexes),
      claimed: (session, indexes) => {
        if (session.peer.link.class !== 'lan') return
        const given = this.#plan.claimed(session.id, indexes, this.#options.now())
        if (given.length > 0) this.#asking.pump()
      },
      released: (session, indexes) => {
        this.#plan.released(session.id, indexes)
        this.#asking.pump()
      },
      block: (session, block) => {
        const neighbour = this.#neighbours.of(session)
        if (neighbour !== undefined) void this.#onBlock(neighbour, block)
      },
      declined: (session, index) => {
        const neighbour = this.#neighbours.of(session)
        if (neighbour !== undefined) this.#asking.declined(neighbour, index)
      }
    }
  }

  #onOpened(session: BlockSession): void {
    const older = this.#neighbours.get(session.id)
    if (older !== undefined) this.#detach(older)
    const neighbour = this.#neighbours.add(session)
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
    const neighbour = this.#neighbours.of(session)
    if (neighbour !== undefined) this.#detach(neighbour)
    this.#asking.pump()
  }

  #detach(neighbour: Neighbour): void {
    this.#neighbours.remove(neighbour)
    this.#interests.remove(neighbour.session)
    this.#asking.leave(neighbour)
  }

  #onFailed({ session }: Neighbour): void {
    this.#options.log.warn({ peer: session.peer.member.name }, 'a peer does not deliver; dropped')
    this.#rests.failed(session.id, this.#options.now())
    session.peer.close()
  }

  #onHolds({ id }: BlockSession, indexes: number[]): void {
    this.#plan.holds(id, indexes)
    this.#asking.pump()
  }

  async #onBlock(neighbour: Neighbour, block: ProvenBlock): Promise<void> {
    if (!this.#asking.arrived(neighbour, block)) return
    if (await this.#apply(neighbour, block)) {
      neighbour.timeouts = 0
      this.#onGained(block, neighbour.session.peer)
      return
    }
    // our core may not know of that length yet: once more, a little later
    setTimeout(() => {
      this.#plan.failed(neighbour.session.id, block.index, true)
      this.#asking.pump()
    }, RETRY).unref()
  }

  async #apply(neighbour: Neighbour, block: ProvenBlock): Promise<boolean> {
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
    this.#asking.drop(index)
    this.#jobs.gained(index, null)
  }

  #onGained(block: ProvenBlock, peer: Peer): void {
    const from = { peer: peer.node, class: peer.link.class, bytes: block.value.byteLength }
    this.#asking.drop(block.index)
    this.#interests.gained(block.index)
    if (this.#jobs.isMissing(block.index)) this.#options.onFetched?.(block.index, from)
    this.#jobs.gained(block.index, from)
    this.#telling.gained()
    this.#asking.pump()
  }

  #interest(): Interest {
    return {
      core: this.#core === null ? new Uint8Array(16) : coreId(this.#core),
      ranges: rangesOf(this.#jobs.missing())
    }
  }

  #forget(indexes: number[]): void {
    for (const index of indexes) this.#asking.forget(index)
    this.#telling.soon()
  }
}
