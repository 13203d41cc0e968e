// Keeps trying to reach addresses: at once, then with growing pauses and jitter, for as long as it is wanted.
import type { HostPort } from './address.ts'
import { formatHostPort } from './address.ts'

const FIRST_PAUSE = 500 // ms
const LONGEST_PAUSE = 60_000 // ms
/** Addresses that others named (found on the LAN, or announced): more are not tried at the same time. */
const MOST_FOUND = 256
const JITTER = 0.3 // of a pause, either way, so that a power cut does not make a whole street dial in step

export interface RedialOptions {
  /** opens a connection and calls `done` when it is over; `reached` says whether the peer was here for a while */
  dial(address: HostPort, done: (reached: boolean) => void): void
  /** in [0, 1) */
  random(): number
}

interface Target {
  address: HostPort
  failures: number
  /** forgotten after this many failures in a row */
  patience: number
  timer: NodeJS.Timeout | null
  isDialling: boolean
}

export class Redialer {
  #targets = new Map<string, Target>()
  #options: RedialOptions

  constructor(options: RedialOptions) {
    this.#options = options
  }

  /** Starts to reach an address; one that is being reached already is left alone. */
  add(address: HostPort, patience = Number.POSITIVE_INFINITY): void {
    const key = formatHostPort(address)
    if (this.#targets.has(key)) return
    if (patience !== Number.POSITIVE_INFINITY && !this.#hasRoom()) return
    const target: Target = { address, failures: 0, patience, timer: null, isDialling: false }
    this.#targets.set(key, target)
    this.#dial(target)
  }

  /** Whoever sends false answers on the LAN fills our list: what has failed most often makes room for what is new. */
  #hasRoom(): boolean {
    const found = [...this.#targets.values()].filter(({ patience }) => patience !== Number.POSITIVE_INFINITY)
    if (found.length < MOST_FOUND) return true
    const worst = found.reduce((a, b) => (b.failures > a.failures ? b : a))
    if (worst.failures === 0) return false
    this.remove(worst.address)
    return true
  }

  remove(address: HostPort): void {
    const key = formatHostPort(address)
    clearTimeout(this.#targets.get(key)?.timer ?? undefined)
    this.#targets.delete(key)
  }

  /** The network has changed: tries everything now. */
  retryAll(): void {
    for (const target of this.#targets.values()) {
      target.failures = 0
      if (!target.isDialling) this.#dial(target)
    }
  }

  close(): void {
    for (const target of [...this.#targets.values()]) this.remove(target.address)
  }

  #dial(target: Target): void {
    clearTimeout(target.timer ?? undefined)
    target.isDialling = true
    this.#options.dial(target.address, (reached) => {
      target.isDialling = false
      target.failures = reached ? 0 : target.failures + 1
      if (this.#targets.get(formatHostPort(target.address)) !== target) return
      if (target.failures >= target.patience) this.remove(target.address)
      else this.#wait(target)
    })
  }

  #wait(target: Target): void {
    target.timer = setTimeout(() => this.#dial(target), pause(target.failures, this.#options.random()))
  }
}

/** ms until the next attempt after this many failures in a row. */
function pause(failures: number, random: number): number {
  const base = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures, 16))
  return Math.round(base * (1 - JITTER + 2 * JITTER * random))
}
