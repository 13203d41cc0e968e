// Who said of which block that it will fetch it over the uplink. A claim is a courtesy and cannot be checked, so it holds a
// block up once and not for long: when it ends without the block, no neighbour can claim that block again for a while.
// Pure: the time is passed in.

export const CLAIMS = {
  /** ms after which the claim of a neighbour counts no more; less than what makes a fetch give up */
  life: 15_000,
  /** ms for which no neighbour may claim a block again */
  rest: 10 * 60_000,
  /** claims of one neighbour at a time: as many as honest ones need */
  each: 34
}

export class Claims {
  /** block → when this node claimed it */
  readonly own = new Map<number, number>()
  #foreign = new Map<number, { by: string; at: number }>()
  /** blocks whose claim came to nothing → when it began */
  #ended = new Map<number, number>()
  #self: string

  /** @param self id of this node: of two rival claims the one of the lower id stands */
  constructor(self: string) {
    this.#self = self
  }

  isFree(index: number): boolean {
    return !this.own.has(index) && !this.#foreign.has(index)
  }

  /** A neighbour claims blocks. Returns which of our own claims give way. */
  claimed(id: string, indexes: Iterable<number>, now: number): number[] {
    const given: number[] = []
    let room = CLAIMS.each
    for (const { by } of this.#foreign.values()) if (by === id) room--
    for (const index of indexes) {
      if (this.#foreign.has(index) || this.#ended.has(index)) continue
      if (this.own.has(index) && this.#self < id) continue
      if (room-- <= 0) break
      if (this.own.delete(index)) given.push(index)
      this.#foreign.set(index, { by: id, at: now })
    }
    return given
  }

  /** A neighbour takes claims back. True: there were some. */
  released(id: string, indexes: Iterable<number>): boolean {
    let hasEnded = false
    for (const index of indexes) {
      const claim = this.#foreign.get(index)
      if (claim?.by === id) hasEnded = this.#end(index, claim.at)
    }
    return hasEnded
  }

  /** A neighbour is gone, and its claims with it. */
  leave(id: string): void {
    this.released(id, [...this.#foreign.keys()])
  }

  /** Ends what is too old. True: there was something. */
  expire(now: number): boolean {
    let hasEnded = false
    for (const [index, { at }] of this.#foreign) if (now - at > CLAIMS.life) hasEnded = this.#end(index, at)
    for (const [index, at] of this.#ended) if (now - at > CLAIMS.life + CLAIMS.rest) this.#ended.delete(index)
    return hasEnded
  }

  /** A block is here, or nobody waits for it any more. */
  drop(index: number): void {
    this.own.delete(index)
    this.#foreign.delete(index)
    this.#ended.delete(index)
  }

  #end(index: number, at: number): true {
    this.#foreign.delete(index)
    this.#ended.set(index, at)
    return true
  }
}
