// The internet as a way to meet members: joined in the hours of the configuration, left outside them.
import type NoiseSecretStream from '@hyperswarm/secret-stream'
import type { Link, LinkClass } from './peer.ts'
import { joinSwarm, type Swarm } from './swarm.ts'

const SEEK = {
  /** ms after a connection was lost */
  pause: 1000,
  /** ms after which a lost member is left to be found anew: Hyperswarm looks the topic up every ten minutes */
  most: 15 * 60_000
}

export interface InternetOptions {
  /** Hyperswarm topic */
  topic: Uint8Array
  /** false: there is no Hyperswarm, but hours hold for far TCP links too */
  isEnabled: boolean
  /** host:port of DHT nodes; absent: the public ones */
  bootstrap: string[] | undefined
  maxPeers: number
  /** what a connection costs */
  linkClass: LinkClass
  /** by the hours; asked again and again */
  mayUse(): boolean
  /** ms between looks at the hours */
  check: number
  onConnection(stream: NoiseSecretStream, link: Link): void
  onOpened(): void
  onClosed(): void
}

export class Internet {
  #options: InternetOptions
  #swarm: Swarm | null = null
  #timer: NodeJS.Timeout | null = null
  #wasOpen = false
  /** node → how it can be dialled */
  #sought = new Map<string, { key: Uint8Array; timers: NodeJS.Timeout[] }>()

  constructor(options: InternetOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#options.mayUse()
  }

  start(): void {
    this.#wasOpen = this.isOpen
    if (this.#wasOpen) this.#join()
    this.#timer = setInterval(() => this.#keepHours(), this.#options.check)
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#leave()
  }

  refresh(): void {
    void this.#swarm?.refresh()
  }

  /**
   * A member is lost whom Hyperswarm had connected us with. After four short connections in a row Hyperswarm dials nobody
   * any more until it looks the topic up again: a line that dies every few seconds would be lost for ten minutes.
   */
  seek(node: string, key: Uint8Array): void {
    this.found(node)
    const dial = setTimeout(() => this.#swarm?.seek(key), SEEK.pause)
    const end = setTimeout(() => this.found(node), SEEK.most).unref()
    this.#sought.set(node, { key, timers: [dial, end] })
  }

  /** A member is here, over whatever link, or not wanted any more. */
  found(node: string): void {
    const sought = this.#sought.get(node)
    if (sought === undefined) return
    for (const timer of sought.timers) clearTimeout(timer)
    this.#sought.delete(node)
    this.#swarm?.forget(sought.key)
  }

  /** Resolves when the topic was announced and looked up once. */
  async announced(): Promise<void> {
    await this.#swarm?.ready
  }

  #keepHours(): void {
    const isOpen = this.isOpen
    if (isOpen === this.#wasOpen) return
    this.#wasOpen = isOpen
    if (isOpen) {
      this.#join()
      this.#options.onOpened()
    } else {
      void this.#leave()
      this.#options.onClosed()
    }
  }

  #join(): void {
    const { topic, bootstrap, maxPeers, linkClass, isEnabled, onConnection } = this.#options
    if (!isEnabled) return
    this.#swarm = joinSwarm({
      topic,
      bootstrap,
      maxPeers,
      onConnection: (stream, address) => {
        onConnection(stream, {
          transport: 'swarm',
          class: linkClass,
          address,
          isInitiator: stream.isInitiator
        })
      }
    })
  }

  async #leave(): Promise<void> {
    for (const node of [...this.#sought.keys()]) this.found(node)
    const swarm = this.#swarm
    this.#swarm = null
    await swarm?.close()
  }
}
