// Fetches blocks of one core from all admitted peers and serves them (decisions 0401, 0402). The plan says what to ask of
// whom; this file carries it out: channels, time-outs, pacing, and what came from where.
import { createHash } from 'node:crypto'
import { ChasquiError } from '../../errors.ts'
import type { Log } from '../../system/log.ts'
import { Pacer } from '../pacing.ts'
import type { LinkClass, Peer } from '../peer.ts'
import { Flow } from './flow.ts'
import { BlockPlan, type Holder } from './plan.ts'
import { BlockSession, type BulkCore, type SessionEvents } from './session.ts'
import type { BlockMessage, BlockRange, Holding, Interest } from './wire.ts'

const BLOCK = 65_536 // bytes, for pacing
const GATHER = 4 // ms in which gained blocks are gathered into one message
const TIME_LIMIT = { lan: 10_000, uplink: 60_000 } // ms for one block
const RETRY = 500 // ms before a block that did not fit is asked for again
const PATIENCE = 5 // time-outs after which a peer is dropped

export interface FetchOptions {
  signal: AbortSignal
  onBlock?(index: number, from: { peer: string; class: LinkClass; bytes: number }): void
  /** a signed critical release: passes pauses and hours */
  isCritical?: boolean
}

export interface ExchangeOptions {
  /** node key of this node in hex */
  own: string
  pacer?: Pacer
  log: Log
  now(): number
  /** in [0, 1) */
  random(): number
  onServed?(peer: Peer, bytes: number): void
  /** ms that one block may take */
  timeLimit?: { lan: number; uplink: number }
}

interface Neighbour {
  session: BlockSession
  holder: Holder
  flow: Flow
  timeouts: number
  /** what it said last, also when we had no core to answer for */
  interest: Interest | null
}

interface Request {
  neighbour: Neighbour
  sentAt: number
  timer: NodeJS.Timeout
}

interface Job {
  missing: Set<number>
  options: FetchOptions
  finish(error?: Error): void
}

export class BlockExchange {
  #options: ExchangeOptions
  #pacer: Pacer
  #core: BulkCore | null = null
  #plan: BlockPlan
  #neighbours = new Map<string, Neighbour>()
  #requests = new Map<number, Request>()
  #jobs = new Set<Job>()
  #isClosed = false
  #gained: number[] = []
  #gainedTimer: NodeJS.Timeout | null = null
  #pumpTimer: NodeJS.Timeout | null = null

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#pacer = options.pacer ?? new Pacer()
    this.#plan = new BlockPlan(options.own, options.random)
  }

  /** The core to exchange; null when there is none yet. Everything in flight for another one is given up. */
  use(core: BulkCore | null): void {
    const isSame = core !== null && this.#core !== null && Buffer.compare(core.key, this.#core.key) === 0
    this.#core = core
    if (isSame) return
    for (const job of [...this.#jobs]) job.finish(cancelled())
    this.#tellInterest()
    for (const neighbour of this.#neighbours.values()) {
      if (neighbour.interest !== null) void this.#onInterest(neighbour, neighbour.interest)
    }
  }

  /** Opens the channel on an admitted peer. */
  open(peer: Peer): void {
    BlockSession.open(peer, this.#events(), {
      core: () => this.#core,
      pacer: this.#pacer,
      now: this.#options.now,
      onServed: (to, bytes) => this.#options.onServed?.(to, bytes)
    })
  }

  close(): void {
    this.#isClosed = true
    for (const job of [...this.#jobs]) job.finish(cancelled())
    if (this.#gainedTimer !== null) clearTimeout(this.#gainedTimer)
    if (this.#pumpTimer !== null) clearTimeout(this.#pumpTimer)
    for (const request of this.#requests.values()) clearTimeout(request.timer)
  }

  /** Returns when all blocks are here; waits for peers as long as it takes. @throws ChasquiError CANCELLED */
  fetch(indexes: readonly number[], options: FetchOptions): Promise<void> {
    if (indexes.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const stop = () => job.finish(cancelled())
      const job: Job = {
        missing: new Set(indexes),
        options,
        finish: (error) => {
          if (!this.#jobs.delete(job)) return
          options.signal.removeEventListener('abort', stop)
          this.#forget(job)
          if (error === undefined) resolve()
          else reject(error)
        }
      }
      if (options.signal.aborted) {
        reject(cancelled())
        return
      }
      options.signal.addEventListener('abort', stop, { once: true })
      this.#jobs.add(job)
      this.#plan.want(indexes, this.#options.now())
      this.#tellInterest()
      this.#pump()
    })
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
        if (neighbour !== undefined) void this.#onInterest(neighbour, interest)
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
        if (neighbour !== undefined && this.#requests.get(index)?.neighbour === neighbour) {
          this.#giveUp(index, false)
          this.#pump()
        }
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
    this.#neighbours.set(session.id, { session, holder, flow, timeouts: 0, interest: null })
    this.#plan.addHolder(holder)
    if (this.#jobs.size > 0) session.tellInterest(this.#interest())
  }

  #onClosed(session: BlockSession): void {
    const neighbour = this.#neighbours.get(session.id)
    if (neighbour?.session !== session) return
    this.#detach(neighbour)
    this.#pump()
  }

  #detach(neighbour: Neighbour): void {
    this.#neighbours.delete(neighbour.session.id)
    for (const [index, request] of this.#requests)
      if (request.neighbour === neighbour) this.#giveUp(index, true)
    this.#plan.removeHolder(neighbour.session.id)
  }

  /** Answers which of the blocks that a peer is after are here, and keeps it informed of new ones. */
  async #onInterest(neighbour: Neighbour, interest: Interest): Promise<void> {
    const { session, holder } = neighbour
    neighbour.interest = interest
    const core = this.#core
    const isOurs = core !== null && Buffer.compare(interest.core, coreId(core)) === 0
    session.interests = isOurs ? interest.ranges : []
    holder.isFetching = session.interests.length > 0
    for (const range of session.interests) session.tellHolding(await holdingOf(core as BulkCore, range))
  }

  async #onBlock(neighbour: Neighbour, block: BlockMessage): Promise<void> {
    const request = this.#requests.get(block.index)
    if (request?.neighbour !== neighbour) return // not asked for, or too late
    clearTimeout(request.timer)
    this.#requests.delete(block.index)
    neighbour.holder.inFlight--
    neighbour.flow.onResponse(this.#options.now() - request.sentAt)
    this.#pump()
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

  #onGained(block: BlockMessage, peer: Peer): void {
    const from = { peer: peer.node, class: peer.link.class, bytes: block.value.byteLength }
    this.#plan.drop(block.index)
    this.#gained.push(block.index)
    this.#gainedTimer ??= setTimeout(() => this.#tellGained(), GATHER)
    for (const job of [...this.#jobs]) {
      if (!job.missing.delete(block.index)) continue
      job.options.onBlock?.(block.index, from)
      if (job.missing.size === 0) job.finish()
    }
    this.#pump()
  }

  #tellGained(): void {
    this.#gainedTimer = null
    const gained = this.#gained.splice(0)
    for (const { session } of this.#neighbours.values()) {
      const news = gained.filter((index) => session.interests.some((range) => isIn(range, index)))
      if (news.length > 0) session.tellGained(news)
    }
  }

  #tellInterest(): void {
    if (this.#core === null) return
    const interest = this.#interest()
    for (const { session } of this.#neighbours.values()) session.tellInterest(interest)
  }

  #interest(): Interest {
    const wanted = [...this.#jobs].flatMap((job) => [...job.missing])
    return { core: this.#core === null ? new Uint8Array(16) : coreId(this.#core), ranges: rangesOf(wanted) }
  }

  #forget(job: Job): void {
    const stillWanted = new Set([...this.#jobs].flatMap((other) => [...other.missing]))
    for (const index of job.missing) {
      if (stillWanted.has(index)) continue
      this.#plan.drop(index)
      const request = this.#requests.get(index)
      if (request === undefined) continue
      request.neighbour.session.cancel(index)
      this.#giveUp(index, true)
    }
    this.#tellInterest()
  }

  #giveUp(index: number, stillHas: boolean): void {
    const request = this.#requests.get(index)
    if (request === undefined) return
    clearTimeout(request.timer)
    this.#requests.delete(index)
    request.neighbour.holder.inFlight--
    this.#plan.failed(request.neighbour.session.id, index, stillHas)
    this.#tellFetching((session) => session.tellReleased([index]))
  }

  /** Asks for what can be asked for now. */
  #pump(): void {
    if (this.#core === null || this.#plan.isIdle) return
    const now = this.#options.now()
    const isCritical = [...this.#jobs].some((job) => job.options.isCritical === true)
    let wait = Number.POSITIVE_INFINITY
    const step = this.#plan.next(now, (holder) => {
      const linkClass = this.#neighbours.get(holder.id)?.session.peer.link.class ?? 'internet'
      const pause = this.#pacer.take(linkClass, 'down', BLOCK, now, isCritical)
      if (pause > 0) wait = Math.min(wait, pause)
      return pause === 0
    })
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
    const { lan, uplink } = this.#options.timeLimit ?? TIME_LIMIT
    const limit = holder.isLan ? lan : uplink
    const timer = setTimeout(() => this.#onTimeout(index), limit)
    this.#requests.set(index, { neighbour, sentAt: now, timer })
    const nodes = (await this.#core?.missingNodes(index).catch(() => 0)) ?? 0
    if (this.#requests.get(index)?.neighbour === neighbour) neighbour.session.request({ index, nodes })
  }

  #onTimeout(index: number): void {
    const neighbour = this.#requests.get(index)?.neighbour
    if (neighbour === undefined) return
    neighbour.session.cancel(index)
    this.#giveUp(index, true)
    if (++neighbour.timeouts >= PATIENCE) {
      this.#options.log.warn({ peer: neighbour.session.peer.member.name }, 'a peer does not deliver; dropped')
      neighbour.session.peer.close()
    }
    this.#pump()
  }

  #tellFetching(tell: (session: BlockSession) => void): void {
    for (const { session, holder } of this.#neighbours.values())
      if (holder.isLan && holder.isFetching) tell(session)
  }
}

function coreId(core: BulkCore): Uint8Array {
  return createHash('sha256').update('chasqui/blocks/1\0').update(core.key).digest().subarray(0, 16)
}

async function holdingOf(core: BulkCore, range: BlockRange): Promise<Holding> {
  const bits = new Uint8Array(Math.ceil(range.length / 8))
  for (let at = 0; at < range.length && range.start + at < core.length; at++) {
    if (await core.has(range.start + at)) bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7))
  }
  return { ...range, bits }
}

function indexesOf(holding: Holding): number[] {
  const found: number[] = []
  for (let at = 0; at < holding.length; at++) {
    if (((holding.bits[at >> 3] as number) & (1 << (at & 7))) !== 0) found.push(holding.start + at)
  }
  return found
}

/** Blocks as runs; small gaps are bridged to keep the message short. */
function rangesOf(indexes: number[]): BlockRange[] {
  const ranges: BlockRange[] = []
  for (const index of [...new Set(indexes)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && index - (last.start + last.length) < 64) last.length = index - last.start + 1
    else ranges.push({ start: index, length: 1 })
  }
  return ranges
}

const isIn = (range: BlockRange, index: number) => index >= range.start && index < range.start + range.length

function cancelled(): ChasquiError {
  return new ChasquiError('CANCELLED', 'the download was stopped')
}
