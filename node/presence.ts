// When this node did not run: remembered over restarts, so that a window that was missed because the machine was off is told from
// one in which an update had to wait for another reason. A machine that slept was off.
import type { OffTime } from '../src/fleet/timing.ts'
import type { StateStore } from '../src/system/state.ts'

const TICK = 5 * 60_000 // milliseconds between two signs of life
const SLEPT = 3 * TICK // milliseconds without one: nothing ran meanwhile
const KEPT = 8 * 86_400_000 // milliseconds: longer than a week, which is the longest way between two windows
const LIMIT = 50 // off times that are kept, newest last

const SEEN = 'presence/seen'
const OFF = 'presence/off'

export class Presence {
  readonly #state: StateStore
  readonly #now: () => number
  /** ms of the last sign of life of a daemon; 0: none ever */
  #seen = 0
  #off: OffTime[] = []
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> = Promise.resolve()

  constructor(parts: { state: StateStore; now(): number }) {
    this.#state = parts.state
    this.#now = parts.now
  }

  async open(): Promise<void> {
    this.#seen = ((await this.#state.get(SEEN)) as number | undefined) ?? 0
    this.#off = ((await this.#state.get(OFF)) as OffTime[] | undefined) ?? []
  }

  /** When no daemon ran, oldest first; until now, when none does. */
  offTimes(): OffTime[] {
    return this.#timer === null ? this.#withGap(this.#now()) : this.#off
  }

  /** A daemon runs from here on. Its signs of life are written every few minutes. */
  async start(): Promise<void> {
    const now = this.#now()
    this.#off = this.#withGap(now)
    this.#timer = setInterval(() => void this.tick(), TICK)
    this.#timer.unref()
    await this.#write(now)
  }

  /** One sign of life; after a sleep it says that the machine was off. */
  async tick(): Promise<void> {
    const now = this.#now()
    if (now - this.#seen > SLEPT) this.#off = this.#withGap(now)
    await this.#write(now)
  }

  async stop(): Promise<void> {
    if (this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
    await this.#write(this.#now())
  }

  /** A clock that was set back leaves no gap, and what it said before it was is nothing. */
  #withGap(now: number): OffTime[] {
    const gap = this.#seen < now ? [{ from: this.#seen, to: now }] : []
    const recent = this.#off.filter(({ to }) => to <= now && now - to < KEPT)
    return [...recent, ...gap].slice(-LIMIT)
  }

  /** A full disk keeps no daemon from its start or its end: the next sign of life says the same. */
  #write(now: number): Promise<void> {
    this.#seen = now
    const changes = { [SEEN]: now, [OFF]: this.#off }
    this.#writing = this.#writing.then(() => this.#state.put(changes)).catch(() => undefined)
    return this.#writing
  }
}
