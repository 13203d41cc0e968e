// Finds members on the LAN by DNS-SD, service `_chasqui._tcp` (FORMAT 9.4): announced under a name that changes and that
// only members recognise. Says where somebody listens, no more: who it is comes out in the admission.
import type multicastDns from 'multicast-dns'
import type { Log } from '../system/log.ts'
import { type HostPort, unmapped } from './address.ts'
import { isLanName, makeLanName } from './lan-name.ts'
import { type Interface, MdnsSockets } from './mdns-sockets.ts'
import type { NetworkInterfaces } from './network-watch.ts'

const SERVICE = '_chasqui._tcp.local'

const TIMES = {
  /** ms after the start, or after a change of the network, at which to ask who is there */
  burst: [0, 200, 700, 2000],
  /** ms between questions afterwards */
  ask: 60_000,
  /** ms for which a name is used */
  rotate: 15 * 60_000,
  /** ms between answers on one interface */
  answer: 100,
  /** seconds that others may remember an answer */
  ttl: 120
}

export interface DiscoveryOptions {
  /** from lanNameKey() */
  key: Uint8Array
  /** where this node listens; null when it does not and only looks */
  listening: HostPort | null
  interfaces(): NetworkInterfaces
  onFound(address: HostPort): void
  log: Log
  now(): number
  randomBytes(length: number): Uint8Array
}

export interface Discovery {
  /** to be called at every look at the network: opens what is missing */
  look(): void
  /** an address came or went, or the machine woke up: another name, and a new search */
  networkChanged(): void
  close(): void
}

export function discover(options: DiscoveryOptions): Discovery {
  return new LanDiscovery(options)
}

class LanDiscovery implements Discovery {
  #options: DiscoveryOptions
  #sockets: MdnsSockets
  #names: string[] = []
  #timers = new Set<NodeJS.Timeout>()
  #lastAnswer = new Map<string, number>()

  constructor(options: DiscoveryOptions) {
    this.#options = options
    this.#sockets = new MdnsSockets(
      {
        onQuery: (packet, on) => this.#onQuery(packet, on),
        onResponse: (packet, from) => this.#onResponse(packet, from),
        onRecovered: () => this.#burst()
      },
      options.log
    )
    this.#rotate()
    this.look()
    this.#burst()
    this.#every(TIMES.ask, () => this.#ask())
    this.#every(TIMES.rotate, () => this.#rotate())
  }

  look(): void {
    this.#sockets.refresh(this.#options.interfaces())
  }

  networkChanged(): void {
    this.look()
    this.#rotate()
    this.#burst()
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#sockets.close()
  }

  /** A new name; the one before stays recognisable as our own. */
  #rotate(): void {
    const name = makeLanName(this.#options.key, this.#options.randomBytes(8))
    this.#names = [name, ...this.#names].slice(0, 3)
  }

  #burst(): void {
    for (const delay of TIMES.burst) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        this.#ask()
        for (const one of this.#sockets.open()) this.#answer(one)
      }, delay)
      this.#timers.add(timer)
    }
  }

  #ask(): void {
    this.#sockets.query({ questions: [{ name: SERVICE, type: 'PTR' }] })
  }

  #onQuery(packet: multicastDns.Packet, on: Interface): void {
    if (packet.questions?.some((question) => question.name.toLowerCase() === SERVICE)) this.#answer(on)
  }

  /** Says where we listen, to all on that interface. */
  #answer(on: Interface): void {
    const { listening, now } = this.#options
    if (listening === null || !isReachable(listening.host, on.address)) return
    if (Math.abs(now() - (this.#lastAnswer.get(on.id) ?? 0)) < TIMES.answer) return
    this.#lastAnswer.set(on.id, now())
    const host = `${this.#names[0]}.local`
    const instance = `${this.#names[0]}.${SERVICE}`
    this.#sockets.respond(on, {
      answers: [
        { name: SERVICE, type: 'PTR', ttl: TIMES.ttl, data: instance },
        { name: instance, type: 'SRV', ttl: TIMES.ttl, data: { port: listening.port, target: host } },
        { name: instance, type: 'TXT', ttl: TIMES.ttl, data: ['v=1'] },
        { name: host, type: on.family === 'udp4' ? 'A' : 'AAAA', ttl: TIMES.ttl, data: on.address }
      ]
    })
  }

  #onResponse(packet: multicastDns.Packet, from: string): void {
    for (const answer of [...(packet.answers ?? []), ...(packet.additionals ?? [])]) {
      if (answer.type !== 'SRV' || !answer.name.endsWith(`.${SERVICE}`)) continue
      const name = answer.name.slice(0, -SERVICE.length - 1)
      const port = (answer.data as { port?: unknown } | undefined)?.port
      if (this.#names.includes(name) || !isLanName(this.#options.key, name)) continue
      if (Number.isInteger(port)) this.#options.onFound({ host: withoutMapping(from), port: port as number })
    }
  }

  #every(ms: number, act: () => void): void {
    this.#timers.add(setInterval(act, ms))
  }
}

/** A listener on one address is announced only where that address is. */
function isReachable(listenHost: string, address: string): boolean {
  return listenHost === '::' || listenHost === address || (listenHost === '0.0.0.0' && !address.includes(':'))
}

/** A link-local address keeps its zone; a mapped one becomes plain. */
function withoutMapping(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') ? unmapped(address) : address
}
