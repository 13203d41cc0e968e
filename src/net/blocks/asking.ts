// Carries the plan out: asks for what may be asked for now, at the rate of each link, and ends requests.
import type { BulkCore, ProvenBlock } from '../../feed/bulk-core.ts'
import type { Neighbours } from './neighbours.ts'
import type { BlockPlan, Holder } from './plan.ts'
import { type Neighbour, Requests, type TimeLimit } from './requests.ts'
import type { Toll } from './toll.ts'

const PAUSE_CHECK = 5000 // ms between looks whether a paused link is open again
const PATIENCE = 5 // time-outs after which a peer is dropped

export interface AskingParts {
  core(): BulkCore | null
  plan: BlockPlan
  neighbours: Neighbours
  /** of what comes in */
  toll: Toll
  timeLimit: TimeLimit
  isCritical(index: number): boolean
  /** a peer has not delivered for too long */
  onFailed(neighbour: Neighbour): void
  now(): number
}

export class Asking {
  #parts: AskingParts
  #requests: Requests
  #timer: NodeJS.Timeout | null = null
  /** ms since the epoch until which the rate of this node lets nothing be asked for */
  #pacedUntil = 0

  constructor(parts: AskingParts) {
    this.#parts = parts
    this.#requests = new Requests(parts.timeLimit, (index, neighbour) => this.#onTimeout(index, neighbour))
  }

  /** Bytes that came in so far from peers while they owed us a block. */
  get awaited(): number {
    return this.#requests.awaited
  }

  get isPaced(): boolean {
    return this.#parts.now() < this.#pacedUntil
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#requests.close()
  }

  /** Asks for what can be asked for now. */
  pump(): void {
    const { core, plan, neighbours, toll, isCritical } = this.#parts
    if (core() === null || plan.isIdle) return
    const now = this.#parts.now()
    let wait = Number.POSITIVE_INFINITY
    const mayAsk = (holder: Holder, index: number) => {
      const pause = toll.take(neighbours.classOf(holder), now, isCritical(index))
      if (pause > 0) {
        wait = Math.min(wait, pause)
        this.#pacedUntil = now + pause
      }
      return pause === 0
    }
    const isPaused = (holder: Holder, index: number) => {
      if (!toll.isPaused(neighbours.classOf(holder), now) || isCritical(index)) return false
      wait = Math.min(wait, PAUSE_CHECK)
      return true
    }
    const step = plan.next(now, mayAsk, isPaused)
    for (const { holder, index } of step.requests) void this.#request(holder, index, now)
    if (step.claims.length > 0) neighbours.tellFetching((session) => session.tellClaims(step.claims))
    wait = Math.min(wait, step.again ?? Number.POSITIVE_INFINITY)
    if (wait < Number.POSITIVE_INFINITY) this.#pumpIn(wait)
  }

  /** A block came in. False when it was not asked for. */
  arrived(neighbour: Neighbour, { index, value }: ProvenBlock): boolean {
    const { toll, now } = this.#parts
    const [link, bytes] = [neighbour.session.peer.link.class, value.byteLength]
    if (!this.#requests.isOf(index, neighbour)) {
      const isLate = neighbour.late.delete(index)
      if (isLate) toll.charge(link, bytes)
      return isLate
    }
    toll.settle(link, bytes)
    const request = this.#requests.end(index)
    if (request !== null) neighbour.flow.onResponse(now() - request.sentAt)
    this.pump()
    return true
  }

  declined(neighbour: Neighbour, index: number): void {
    if (!this.#requests.isOf(index, neighbour)) return
    this.#giveUp(index, false)
    this.pump()
  }

  /** A block is here, by whatever way: it need not come from anybody else. */
  drop(index: number): void {
    this.#parts.plan.drop(index)
    this.#end(index)?.session.cancel(index)
  }

  /** Nobody waits for a block any more, though it is not here. */
  forget(index: number): void {
    this.#parts.plan.drop(index)
    this.#giveUp(index, true)?.session.cancel(index)
  }

  /** A peer is gone. */
  leave(neighbour: Neighbour): void {
    for (const index of this.#requests.to(neighbour)) this.#giveUp(index, true)
    this.#parts.plan.removeHolder(neighbour.session.id)
  }

  #end(index: number): Neighbour | null {
    const neighbour = this.#requests.giveUp(index)
    if (neighbour !== null) this.#parts.toll.settle(neighbour.session.peer.link.class, 0)
    return neighbour
  }

  #giveUp(index: number, stillHas: boolean): Neighbour | null {
    const neighbour = this.#end(index)
    if (neighbour === null) return null
    this.#parts.plan.failed(neighbour.session.id, index, stillHas)
    this.#parts.neighbours.tellFetching((session) => session.tellReleased([index]))
    return neighbour
  }

  #pumpIn(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.pump()
    }, ms)
  }

  async #request(holder: Holder, index: number, now: number): Promise<void> {
    const { core, neighbours, isCritical } = this.#parts
    const neighbour = neighbours.get(holder.id)
    if (neighbour === undefined) return
    this.#requests.add(index, neighbour, now)
    const nodes =
      (await core()
        ?.missingNodes(index)
        .catch(() => 0)) ?? 0
    if (!this.#requests.isOf(index, neighbour)) return
    neighbour.session.request({ index, nodes, isCritical: isCritical(index) })
  }

  #onTimeout(index: number, neighbour: Neighbour): void {
    neighbour.session.cancel(index)
    this.#giveUp(index, true)
    if (++neighbour.timeouts === PATIENCE) this.#parts.onFailed(neighbour)
    this.pump()
  }
}
