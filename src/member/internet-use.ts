// How many bytes went over links that are not the LAN this month, kept in the state: what a monthly cap is held against.
import type { Peer } from '../net/peer.ts'
import type { StateStore } from '../system/state.ts'

const KEY = 'internet-use'
const LOOK = 60_000 // ms between looks at a connection

interface Use {
  /** year and month, UTC: 2026-01 */
  month: string
  /** both directions together */
  bytes: number
}

export class InternetUse {
  readonly #parts: { state: StateStore; now(): number }
  #use: Use = { month: '', bytes: 0 }
  readonly #looks = new Set<() => void>()

  constructor(parts: { state: StateStore; now(): number }) {
    this.#parts = parts
  }

  async open(): Promise<void> {
    const saved = (await this.#parts.state.get(KEY)) as Use | undefined
    if (saved !== undefined) this.#use = saved
  }

  /** Counts what a connection carries, until it ends. */
  track(peer: Peer): void {
    if (peer.link.class === 'lan') return
    let counted = 0
    const look = () => {
      const carried = peer.bytesIn + peer.bytesOut
      this.#add(carried - counted)
      counted = carried
    }
    this.#looks.add(look)
    const timer = setInterval(() => {
      look()
      void this.#save()
    }, LOOK).unref()
    peer.onClose(() => {
      clearInterval(timer)
      this.#looks.delete(look)
      look()
      void this.#save()
    })
  }

  /** Bytes of the month that `now` (ms) is in. */
  used(now: number): number {
    for (const look of this.#looks) look()
    return this.#use.month === monthOf(now) ? this.#use.bytes : 0
  }

  #add(bytes: number): void {
    const month = monthOf(this.#parts.now())
    this.#use = { month, bytes: bytes + (this.#use.month === month ? this.#use.bytes : 0) }
  }

  /** A count that could not be saved is saved the next time. */
  async #save(): Promise<void> {
    await this.#parts.state.put({ [KEY]: this.#use }).catch(() => undefined)
  }
}

const monthOf = (now: number) => new Date(now).toISOString().slice(0, 7)
