// A place that does not answer, such as a network mount whose server is gone, holds up nobody else: who asks waits some
// seconds, and is told at once as long as the first question is open. What was asked goes on; there is no way to call it back.
import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE = 5000 // milliseconds: a stick that spins up takes two

export class Answers {
  readonly #patience: number
  readonly #stopping: AbortSignal
  readonly #onSilence: (place: string) => void
  readonly #open = new Set<string>()

  constructor(stopping: AbortSignal, onSilence: (place: string) => void, patience: number = PATIENCE) {
    this.#stopping = stopping
    this.#onSilence = onSilence
    this.#patience = patience
  }

  /** What `question` gives; undefined when `place` does not answer. `question` never throws. */
  async of<T>(place: string, question: () => Promise<T>): Promise<T | undefined> {
    if (this.#open.has(place)) return undefined
    this.#open.add(place)
    const answer = question().finally(() => this.#open.delete(place))
    const waiting = new AbortController()
    const signal = AbortSignal.any([waiting.signal, this.#stopping])
    const silence = delay(this.#patience, undefined, { signal }).catch(() => undefined)
    const found = await Promise.race([answer, silence])
    waiting.abort()
    if (this.#open.has(place) && !this.#stopping.aborted) this.#onSilence(place)
    return found
  }
}
