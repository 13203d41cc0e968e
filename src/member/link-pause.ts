// An operator's pause of bulk on all links, kept in the state: a restart does not end it, its time does.
import type { StateStore } from '../system/state.ts'

const KEY = 'links-pause'
const DAY = 86_400_000 // ms

export interface Pause {
  /** ms since the epoch */
  since: number
  /** ms since the epoch; null: until it is ended by command */
  until: number | null
}

export class LinkPause {
  readonly #state: StateStore
  #pause: Pause | null = null

  constructor(state: StateStore) {
    this.#state = state
  }

  async open(): Promise<void> {
    this.#pause = ((await this.#state.get(KEY)) as Pause | undefined) ?? null
  }

  async begin(pause: Pause): Promise<void> {
    await this.#state.put({ [KEY]: pause })
    this.#pause = pause
  }

  async end(): Promise<void> {
    await this.#state.put({ [KEY]: null })
    this.#pause = null
  }

  /** A pause for a time that begins in days to come was made by a wrong clock: it could last for years. */
  at(now: number): Pause | null {
    const pause = this.#pause
    if (pause === null || pause.until === null) return pause
    return pause.until <= now || now < pause.since - DAY ? null : pause
  }
}
