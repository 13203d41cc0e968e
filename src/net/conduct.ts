// How a peer behaves on a channel: what is wrong costs points, time forgives them, and with too many the peer is expelled.
import type { Peer } from './peer.ts'

const CONDUCT = {
  /** points at which a peer is expelled */
  patience: 50,
  /** points that a minute forgives */
  forgiven: 10
}

export class Conduct {
  #peer: Peer
  #now: () => number
  #onExpelled: () => void
  #points = 0
  #at = 0

  /** @param now ms since epoch */
  constructor(peer: Peer, now: () => number, onExpelled: () => void = () => {}) {
    this.#peer = peer
    this.#now = now
    this.#onExpelled = onExpelled
  }

  blame(points: number): void {
    const now = this.#now()
    const forgiven = (Math.max(0, now - this.#at) * CONDUCT.forgiven) / 60_000
    this.#points = Math.max(0, this.#points - forgiven) + points
    this.#at = now
    if (this.#points < CONDUCT.patience || this.#peer.isExpelled) return
    this.#onExpelled()
    this.#peer.expel()
  }
}

/** Counts events, and says when there were more than `most` of them in one minute. */
export class Rate {
  #most: number
  #count = 0
  #since = 0

  constructor(most: number) {
    this.#most = most
  }

  isExceeded(now: number): boolean {
    if (Math.abs(now - this.#since) > 60_000) {
      this.#since = now
      this.#count = 0
    }
    return ++this.#count > this.#most
  }
}
