// Peers that were asked for blocks and did not deliver: they are left alone for a while, longer each time, and time forgives
// them. They stay members like all others: only blocks are asked of somebody else meanwhile. Pure: the time is passed in.

export const REST = {
  /** ms of the first rest; each further one is twice as long */
  first: 5000,
  most: 2 * 60_000,
  /** ms without another failure that take one failure back */
  forgiven: 5 * 60_000
}

interface Entry {
  failures: number
  at: number
}

export class Rests {
  #entries = new Map<string, Entry>()

  /** @param id node key */
  failed(id: string, now: number): void {
    for (const other of [...this.#entries.keys()])
      if (this.#failures(other, now) === 0) this.#entries.delete(other)
    this.#entries.set(id, { failures: this.#failures(id, now) + 1, at: now })
  }

  /** ms for which nothing is to be asked of a peer; 0: it may be asked */
  left(id: string, now: number): number {
    const entry = this.#entries.get(id)
    if (entry === undefined) return 0
    const rest = Math.min(REST.most, REST.first * 2 ** Math.min(entry.failures - 1, 16))
    // a clock that was set back holds nobody up for longer than the rest
    return Math.max(0, Math.min(rest, entry.at + rest - now))
  }

  #failures(id: string, now: number): number {
    const entry = this.#entries.get(id)
    if (entry === undefined) return 0
    return Math.max(0, entry.failures - Math.floor(Math.max(0, now - entry.at) / REST.forgiven))
  }
}
