// What blocks cost a link: a whole block is taken from its rate before one is asked for or read, since nobody knows yet what
// it weighs; what it did not weigh is given back when it is here, and all of it when it does not come.
import type { Pacer } from '../pacing.ts'
import type { LinkClass } from '../peer.ts'

/** bytes of a whole block */
const BLOCK = 65_536

export class Toll {
  readonly #pacer: Pacer
  readonly #direction: 'down' | 'up'

  constructor(pacer: Pacer, direction: 'down' | 'up') {
    this.#pacer = pacer
    this.#direction = direction
  }

  isPaused(linkClass: LinkClass, now: number): boolean {
    return this.#pacer.isPaused(linkClass, now)
  }

  /** 0 when a block may go now, else ms to wait. */
  take(linkClass: LinkClass, now: number, isCritical: boolean): number {
    return this.#pacer.take(linkClass, this.#direction, BLOCK, now, isCritical)
  }

  /** The block that was paid for weighs this many bytes; 0: it does not come. */
  settle(linkClass: LinkClass, bytes: number): void {
    this.#pacer.correct(linkClass, this.#direction, BLOCK - bytes)
  }

  /** A block came that nobody paid for any more. */
  charge(linkClass: LinkClass, bytes: number): void {
    this.#pacer.correct(linkClass, this.#direction, -bytes)
  }
}
