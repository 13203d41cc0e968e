// How many requests may be on the way to one peer: few on a slow link, so that small messages are not held up behind
// blocks, and enough on a fast one to keep it busy. Grows while answers come quickly, shrinks when they queue.
const LAN = { start: 8, most: 32 }
const UPLINK = { start: 1, most: 32 }
const PROMPT = 250 // ms: an answer within this time allows one more
const LATE = 400 // ms: an answer after this time and twice the best one takes one away

export class Flow {
  #limit: number
  #most: number
  #best = Number.POSITIVE_INFINITY
  #sinceChange = 0

  constructor(isLan: boolean) {
    this.#limit = isLan ? LAN.start : UPLINK.start
    this.#most = isLan ? LAN.most : UPLINK.most
  }

  get limit(): number {
    return this.#limit
  }

  /** @param took ms from request to block */
  onResponse(took: number): void {
    this.#best = Math.min(this.#best, took)
    if (++this.#sinceChange < this.#limit) return // once per round of answers
    if (took > LATE && took > 2.2 * this.#best) this.#change(-1)
    else if (took < PROMPT) this.#change(1)
  }

  #change(by: 1 | -1): void {
    this.#limit = Math.max(1, Math.min(this.#most, this.#limit + by))
    this.#sinceChange = 0
  }
}
