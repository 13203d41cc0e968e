// The node's state in memory: what `put` has returned from survives everything, as with the real, synced one.
import type { StateStore } from '../../src/system/state.ts'

export class SimulatedState implements StateStore {
  readonly #entries = new Map<string, string>()

  clone(): SimulatedState {
    const copy = new SimulatedState()
    for (const [key, text] of this.#entries) copy.#entries.set(key, text)
    return copy
  }

  async get(key: string): Promise<unknown> {
    const text = this.#entries.get(key)
    return text === undefined ? undefined : JSON.parse(text)
  }

  async put(changes: Readonly<Record<string, unknown>>): Promise<void> {
    const texts = Object.entries(changes).map(
      ([key, value]) => [key, value === null ? null : JSON.stringify(value)] as const
    )
    for (const [key, text] of texts) {
      if (text === null) this.#entries.delete(key)
      else this.#entries.set(key, text)
    }
  }

  async list(
    prefix: string,
    options: { limit?: number; reverse?: boolean } = {}
  ): Promise<[string, unknown][]> {
    const keys = [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort()
    if (options.reverse === true) keys.reverse()
    const chosen = options.limit === undefined ? keys : keys.slice(0, options.limit)
    return chosen.map((key) => [key, JSON.parse(this.#entries.get(key) ?? 'null')])
  }

  async close(): Promise<void> {}
}
