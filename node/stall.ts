// When a fetch is given up: no block has come and lines that owe one hardly move. A slow line is not a dead one, one that only
// carries records brings no block, and where a low rate is set here it takes longer. What came stays.

export interface LineState {
  /** bytes that came in from peers while they owed a block, of blocks that are not whole yet too */
  awaited(): number
  /** is it the rate that is set here that the next block waits for? */
  isPaced(): boolean
}

const STALL = {
  /** milliseconds between looks */
  look: 20_000,
  /** bytes a second that count as movement */
  rate: 200,
  /** looks in a row without any, where the rate is why: 64 KiB at 600 bytes a second */
  paced: 6
}

/** Looks until it is stopped. */
export class StallGuard {
  #line: LineState
  #onStall: () => void
  #timer: NodeJS.Timeout
  #before: number
  #hasBlock = false
  #quiet = 0
  #wasPaced = false

  constructor(line: LineState, onStall: () => void) {
    this.#line = line
    this.#onStall = onStall
    this.#before = line.awaited()
    this.#timer = setInterval(() => this.#look(), STALL.look)
  }

  /** A block has come. */
  block(): void {
    this.#hasBlock = true
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = this.#line.awaited()
    const moved = now < this.#before ? now : now - this.#before // the links may have come up anew
    const isMoving = this.#hasBlock || moved >= (STALL.rate * STALL.look) / 1000
    this.#quiet = isMoving ? 0 : this.#quiet + 1
    const isPaced = this.#line.isPaced()
    // a block that waited for the rate at the last look may be on its way at this one
    if (this.#quiet >= (isPaced || this.#wasPaced ? STALL.paced : 1)) this.#onStall()
    this.#hasBlock = false
    this.#before = now
    this.#wasPaced = isPaced
  }
}
