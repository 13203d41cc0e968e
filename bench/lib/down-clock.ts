// Where the time goes while an application is down: a clock that runs only between its stop and its start, by kind of work.
import type { FileSystem } from '../../src/system/file-system.ts'
import type { ProcessRunner } from '../../src/system/process.ts'
import type { StateStore } from '../../src/system/state.ts'

export const KINDS = ['programs', 'journal', 'hashing', 'looks', 'renames', 'syncs', 'writes'] as const
export type Kind = (typeof KINDS)[number]

const OF: Partial<Record<keyof FileSystem, Kind>> = {
  digest: 'hashing',
  openFile: 'hashing',
  stat: 'looks',
  list: 'looks',
  readLink: 'looks',
  identities: 'looks',
  isWritable: 'looks',
  freeSpace: 'looks',
  rename: 'renames',
  remove: 'renames',
  syncDirectory: 'syncs',
  syncFile: 'syncs',
  syncTree: 'syncs'
}

/**
 * Wraps what the engine works with. Work that goes on at the same time is counted once, for the kind that began first: the
 * kinds add up to no more than the downtime, and what is left is the engine's own.
 */
export class DownClock {
  #isDown = false
  #busy = 0
  #spent = new Map<Kind, number>()

  /** Milliseconds by kind since the last call. */
  take(): Map<Kind, number> {
    const spent = this.#spent
    this.#spent = new Map()
    return spent
  }

  async #time<T>(kind: Kind, work: () => Promise<T>): Promise<T> {
    if (!this.#isDown || this.#busy > 0) return this.#count(work)
    const startedAt = performance.now()
    try {
      return await this.#count(work)
    } finally {
      this.#spent.set(kind, (this.#spent.get(kind) ?? 0) + performance.now() - startedAt)
    }
  }

  async #count<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++
    try {
      return await work()
    } finally {
      this.#busy--
    }
  }

  fileSystem(inner: FileSystem): FileSystem {
    return new Proxy(inner, {
      get: (target, name: keyof FileSystem) => {
        const method = target[name] as (...args: unknown[]) => Promise<unknown>
        return (...args: unknown[]) => this.#time(OF[name] ?? 'writes', () => method.apply(target, args))
      }
    })
  }

  state(inner: StateStore): StateStore {
    return {
      get: (key) => this.#time('journal', () => inner.get(key)),
      put: (changes) => this.#time('journal', () => inner.put(changes)),
      list: (prefix, options) => this.#time('journal', () => inner.list(prefix, options)),
      close: () => inner.close()
    }
  }

  /** The first program of a transaction stops the application, the second one starts it. */
  runner(inner: ProcessRunner): ProcessRunner {
    return {
      ...inner,
      run: async (request) => {
        const isStop = !this.#isDown
        this.#isDown = true
        const result = await this.#time('programs', () => inner.run(request))
        if (!isStop) this.#isDown = false
        return result
      }
    }
  }
}
