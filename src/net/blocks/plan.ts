// Which block to ask of whom (decision 0401). Neighbours on the LAN come first. A block that no neighbour has is fetched
// over the uplink by one of them: it says so to the others (a claim), waits a moment for a rival claim, and asks. Pure:
// peers, messages and time come in, requests and claims go out; the network and the simulation both use it.
import { Claims } from './claims.ts'

export const PLAN = {
  /** ms between a claim and the request over the uplink, so that rival claims are seen first */
  claimDelay: 30,
  /** claims ahead of the requests in flight */
  ahead: 2,
  /** ms after the start of a fetch in which neighbours may still say what they have */
  settle: 200
}

/** A peer that may have blocks. */
export interface Holder {
  id: string
  isLan: boolean
  /** fetches the same things as we do */
  isFetching: boolean
  /** requests on the way, and how many may be */
  inFlight: number
  limit: number
}

interface HolderState {
  holder: Holder
  has: Set<number>
  /** blocks to try next with this holder; may contain stale entries */
  candidates: number[]
}

export interface Step {
  requests: { holder: Holder; index: number }[]
  /** to be told to the neighbours that fetch */
  claims: number[]
  /** ms after which to ask again even if nothing happens; null: only when something happens */
  again: number | null
}

export class BlockPlan {
  /** blocks that are still to come → when their request was sent (null: not yet) */
  #wanted = new Map<number, number | null>()
  #holders = new Map<string, HolderState>()
  #claims: Claims
  #random: () => number
  #startedAt = 0

  /** @param own id of this node: of two rival claims the one of the lower id stands */
  constructor(own: string, random: () => number) {
    this.#claims = new Claims(own)
    this.#random = random
  }

  get isIdle(): boolean {
    return this.#wanted.size === 0
  }

  wants(index: number): boolean {
    return this.#wanted.has(index)
  }

  want(indexes: Iterable<number>, now: number): void {
    if (this.isIdle) this.#startedAt = now
    for (const index of indexes) if (!this.#wanted.has(index)) this.#wanted.set(index, null)
    this.#refillAll()
  }

  /** A block is here, or nobody waits for it any more. */
  drop(index: number): void {
    this.#wanted.delete(index)
    this.#claims.drop(index)
    for (const { has } of this.#holders.values()) has.delete(index)
  }

  addHolder(holder: Holder): void {
    this.#holders.set(holder.id, { holder, has: new Set(), candidates: [] })
  }

  removeHolder(id: string): void {
    this.#holders.delete(id)
    this.#claims.leave(id)
    this.#refillAll()
  }

  /** A peer says that it has these; what is not wanted is forgotten at once. */
  holds(id: string, indexes: Iterable<number>): void {
    const state = this.#holders.get(id)
    if (state === undefined) return
    for (const index of indexes) {
      if (state.has.has(index) || !this.#wanted.has(index)) continue
      state.has.add(index)
      if (this.#wanted.get(index) === null) insertAnywhere(state.candidates, index, this.#random)
    }
  }

  /** A neighbour will fetch these over its uplink. Returns which of our own claims give way. */
  claimed(id: string, indexes: Iterable<number>, now: number): number[] {
    this.#expireClaims(now)
    const open = [...indexes].filter((index) => this.#wanted.get(index) === null)
    return this.#claims.claimed(id, open, now)
  }

  /** A neighbour does not fetch these after all. */
  released(id: string, indexes: Iterable<number>): void {
    if (this.#claims.released(id, indexes)) this.#refillAll()
  }

  /** A request came to nothing (the holder's `inFlight` is the caller's to lower); the block is to be had elsewhere. */
  failed(id: string, index: number, stillHas: boolean): void {
    if (!stillHas) this.#holders.get(id)?.has.delete(index)
    if (!this.#wanted.has(index)) return
    this.#wanted.set(index, null)
    this.#claims.own.delete(index)
    this.#refillAll()
  }

  /**
   * What to do now. Every request that is returned counts as sent.
   * @param mayAsk called right before a request is taken up: false when the holder's link must wait (pacing)
   * @param isPaused whether a link carries nothing for now, this block included: then it is not claimed either
   */
  next(
    now: number,
    mayAsk: (holder: Holder, index: number) => boolean,
    isPaused: (holder: Holder, index: number) => boolean = () => false
  ): Step {
    const step: Step = { requests: [], claims: [], again: null }
    const byLoad = [...this.#holders.values()].sort((a, b) => a.holder.inFlight - b.holder.inFlight)
    const neighbours = byLoad.filter(({ holder }) => holder.isLan)
    const uplinks = byLoad.filter(({ holder }) => !holder.isLan)
    const ask = (state: HolderState, index: number) => {
      if (!mayAsk(state.holder, index)) return false
      state.holder.inFlight++
      this.#wanted.set(index, now)
      step.requests.push({ holder: state.holder, index })
      return true
    }
    for (const state of neighbours) {
      while (hasRoom(state)) {
        const index = this.#pop(state, () => true, isPaused)
        if (index === null) break
        if (ask(state, index)) continue
        state.candidates.push(index)
        break
      }
    }
    if (uplinks.length > 0) this.#overUplink(uplinks, neighbours, now, step, ask, isPaused)
    return step
  }

  #overUplink(
    uplinks: HolderState[],
    neighbours: HolderState[],
    now: number,
    step: Step,
    ask: (state: HolderState, index: number) => boolean,
    isPaused: (holder: Holder, index: number) => boolean
  ): void {
    const settled = this.#startedAt + PLAN.settle
    if (neighbours.length > 0 && now < settled) {
      step.again = settled - now
      return
    }
    this.#expireClaims(now)
    const isOnLan = (index: number) => neighbours.some(({ has }) => has.has(index))
    const delay = neighbours.some(({ holder }) => holder.isFetching) ? PLAN.claimDelay : 0
    for (const state of uplinks) {
      step.claims.push(...this.#claim(state, isOnLan, isPaused, now))
      for (const [index, at] of this.#claims.own) {
        if (this.#wanted.get(index) !== null || !state.has.has(index)) continue
        if (isPaused(state.holder, index)) continue
        if (isOnLan(index)) this.#claims.own.delete(index)
        else if (now < at + delay) step.again = Math.min(step.again ?? delay, at + delay - now)
        else if (!hasRoom(state) || !ask(state, index)) break
      }
    }
  }

  /** Claims for as many requests as may be in flight and a few ahead. */
  #claim(
    state: HolderState,
    isOnLan: (index: number) => boolean,
    isPaused: (holder: Holder, index: number) => boolean,
    now: number
  ): number[] {
    const claims: number[] = []
    let waiting = 0
    for (const index of this.#claims.own.keys()) if (this.#wanted.get(index) === null) waiting++
    const isFree = (index: number) => this.#claims.isFree(index) && !isOnLan(index)
    for (let more = state.holder.limit - state.holder.inFlight + PLAN.ahead - waiting; more > 0; more--) {
      const index = this.#pop(state, isFree, isPaused)
      if (index === null) break
      this.#claims.own.set(index, now)
      claims.push(index)
    }
    return claims
  }

  /** The next candidate that is free; those that are paused stay for later. */
  #pop(
    state: HolderState,
    isFree: (index: number) => boolean,
    isPaused: (holder: Holder, index: number) => boolean
  ): number | null {
    const paused: number[] = []
    let found: number | null = null
    while (found === null) {
      const index = state.candidates.pop()
      if (index === undefined) break
      if (this.#wanted.get(index) !== null || !isFree(index)) continue
      if (isPaused(state.holder, index)) paused.push(index)
      else found = index
    }
    if (paused.length > 0) state.candidates = paused.concat(state.candidates)
    return found
  }

  #expireClaims(now: number): void {
    if (this.#claims.expire(now)) this.#refillAll()
  }

  #refillAll(): void {
    for (const state of this.#holders.values()) {
      state.candidates = [...this.#wanted.keys()].filter(
        (index) => this.#wanted.get(index) === null && state.has.has(index)
      )
      shuffle(state.candidates, this.#random)
    }
  }
}

const hasRoom = ({ holder }: HolderState) => holder.inFlight < holder.limit

function insertAnywhere(values: number[], value: number, random: () => number): void {
  const at = Math.floor(random() * (values.length + 1))
  values.push(values[at] ?? value)
  values[at] = value
}

/** In place; striping comes from every node having its own order. */
function shuffle(values: number[], random: () => number): void {
  for (let at = values.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    const value = values[at] as number
    values[at] = values[other] as number
    values[other] = value
  }
}
