// The requests for blocks that are on the way, and their end: the block comes, the peer declines, or nothing moves on the
// line for too long. A slow line is not a dead one: as long as bytes come, a request waits.
import type { Flow } from './flow.ts'
import type { Holder } from './plan.ts'
import type { BlockSession } from './session.ts'

/** ms in which a line must move for a request to wait on */
export interface TimeLimit {
  lan: number
  uplink: number
}

export const TIME_LIMIT: TimeLimit = { lan: 10_000, uplink: 60_000 }

const PROGRESS = {
  /** bytes a second that count as movement; less is signs of life only */
  rate: 200,
  /** times that movement gives a request another term */
  terms: 8
}

/** Late answers of one peer that are still taken. */
const LATE = 256

export interface Neighbour {
  session: BlockSession
  holder: Holder
  flow: Flow
  /** terms without movement in a row */
  timeouts: number
  /** blocks that were asked for and given up: welcome when they come after all */
  late: Set<number>
}

interface Request {
  neighbour: Neighbour
  sentAt: number
  /** raw bytes of the connection when its term began */
  bytes: number
  terms: number
  timer: NodeJS.Timeout
}

export class Requests {
  #open = new Map<number, Request>()
  /** who owes us blocks: how many, and the raw bytes of the connection when the first of them was asked for */
  #owing = new Map<Neighbour, { blocks: number; from: number }>()
  #awaited = 0
  #limits: TimeLimit
  #onTimeout: (index: number, neighbour: Neighbour) => void

  constructor(limits: TimeLimit, onTimeout: (index: number, neighbour: Neighbour) => void) {
    this.#limits = limits
    this.#onTimeout = onTimeout
  }

  add(index: number, neighbour: Neighbour, now: number): void {
    neighbour.late.delete(index)
    const bytes = neighbour.session.peer.received
    const timer = this.#term(index, neighbour)
    this.#open.set(index, { neighbour, sentAt: now, bytes, terms: 0, timer })
    const owed = this.#owing.get(neighbour) ?? { blocks: 0, from: bytes }
    owed.blocks++
    this.#owing.set(neighbour, owed)
  }

  /** Bytes that came in so far from peers while they owed us a block, of blocks that are not whole yet too. */
  get awaited(): number {
    let bytes = this.#awaited
    for (const [neighbour, { from }] of this.#owing) bytes += neighbour.session.peer.received - from
    return bytes
  }

  isOf(index: number, neighbour: Neighbour): boolean {
    return this.#open.get(index)?.neighbour === neighbour
  }

  /** The request has ended, one way or another; null when there was none. */
  end(index: number): Request | null {
    const request = this.#open.get(index)
    if (request === undefined) return null
    clearTimeout(request.timer)
    this.#open.delete(index)
    request.neighbour.holder.inFlight--
    this.#owesLess(request.neighbour)
    return request
  }

  /** It is given up, but may still come. */
  giveUp(index: number): Neighbour | null {
    const neighbour = this.end(index)?.neighbour ?? null
    if (neighbour !== null && neighbour.late.size < LATE) neighbour.late.add(index)
    return neighbour
  }

  to(neighbour: Neighbour): number[] {
    return [...this.#open].filter(([, request]) => request.neighbour === neighbour).map(([index]) => index)
  }

  close(): void {
    for (const index of [...this.#open.keys()]) this.end(index)
  }

  #owesLess(neighbour: Neighbour): void {
    const owed = this.#owing.get(neighbour)
    if (owed === undefined || --owed.blocks > 0) return
    this.#owing.delete(neighbour)
    this.#awaited += neighbour.session.peer.received - owed.from
  }

  #term(index: number, neighbour: Neighbour): NodeJS.Timeout {
    const limit = neighbour.holder.isLan ? this.#limits.lan : this.#limits.uplink
    return setTimeout(() => this.#onTerm(index, limit), limit)
  }

  #onTerm(index: number, limit: number): void {
    const request = this.#open.get(index)
    if (request === undefined) return
    const { neighbour } = request
    const bytes = neighbour.session.peer.received
    const isMoving = bytes - request.bytes > (PROGRESS.rate * limit) / 1000
    if (!isMoving || ++request.terms > PROGRESS.terms) {
      this.#onTimeout(index, neighbour)
      return
    }
    request.bytes = bytes
    request.timer = this.#term(index, neighbour)
  }
}
