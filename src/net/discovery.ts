// Finds members on the LAN by DNS-SD, service `_chasqui._tcp` (FORMAT 9.4): one mDNS socket per interface and address
// family, announced under a name that changes and that only members recognise. Says where somebody listens, no more:
// who it is comes out in the admission.
import { networkInterfaces } from 'node:os'
import multicastDns from 'multicast-dns'
import type { Log } from '../system/log.ts'
import { type HostPort, unmapped } from './address.ts'
import { isLanName, makeLanName } from './lan-name.ts'

const SERVICE = '_chasqui._tcp.local'
const GROUP = { udp4: '224.0.0.251', udp6: 'ff02::fb' } as const

const TIMES = {
  /** ms after the start, or after a change of the network, at which to ask who is there */
  burst: [0, 200, 700, 2000],
  /** ms between questions afterwards */
  ask: 60_000,
  /** ms for which a name is used */
  rotate: 15 * 60_000,
  /** ms between looks at the interfaces */
  look: 2000,
  /** ms by which a look may come late before we say that the machine has slept */
  slept: 20_000,
  /** seconds that others may remember an answer */
  ttl: 120
}

export interface DiscoveryOptions {
  /** from lanNameKey() */
  key: Uint8Array
  /** where this node listens; null when it does not and only looks */
  listening: HostPort | null
  onFound(address: HostPort): void
  /** an address came or went, or the machine woke up */
  onNetworkChange(): void
  log: Log
  now(): number
  randomBytes(length: number): Uint8Array
}

export interface Discovery {
  close(): void
}

interface Interface {
  id: string
  family: 'udp4' | 'udp6'
  address: string
  /** what multicast-dns wants as `interface` */
  bindTo: string
}

export function discover(options: DiscoveryOptions): Discovery {
  return new LanDiscovery(options)
}

class LanDiscovery implements Discovery {
  #options: DiscoveryOptions
  #sockets = new Map<string, multicastDns.MulticastDns>()
  #names: string[] = []
  #timers = new Set<NodeJS.Timeout>()
  #lastLook: number
  #lastAnswer = new Map<string, number>()

  constructor(options: DiscoveryOptions) {
    this.#options = options
    this.#lastLook = options.now()
    this.#rotate()
    this.#openSockets()
    this.#burst()
    this.#every(TIMES.look, () => this.#look())
    this.#every(TIMES.ask, () => this.#ask())
    this.#every(TIMES.rotate, () => this.#rotate())
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const socket of this.#sockets.values()) socket.destroy()
    this.#sockets.clear()
  }

  /** A new name; the one before stays recognisable as our own. */
  #rotate(): void {
    const name = makeLanName(this.#options.key, this.#options.randomBytes(8))
    this.#names = [name, ...this.#names].slice(0, 3)
  }

  #openSockets(): boolean {
    const wanted = new Map(listInterfaces().map((one) => [one.id, one]))
    let changed = false
    for (const [id, socket] of this.#sockets) {
      if (wanted.has(id)) continue
      socket.destroy()
      this.#sockets.delete(id)
      changed = true
    }
    for (const [id, one] of wanted) {
      if (this.#sockets.has(id)) continue
      this.#sockets.set(id, this.#openSocket(one))
      changed = true
    }
    return changed
  }

  #openSocket(on: Interface): multicastDns.MulticastDns {
    // bound to all addresses on purpose: a socket bound to one address hears no multicast on Linux
    const bind = on.family === 'udp4' ? '0.0.0.0' : '::'
    const socket = multicastDns({ type: on.family, ip: GROUP[on.family], interface: on.bindTo, bind })
    socket.on('error', (error) => this.#drop(on, error))
    socket.on('warning', (error) => this.#options.log.debug({ err: error, on: on.id }, 'mdns'))
    socket.on('query', (packet) => {
      if (packet.questions?.some((question) => question.name.toLowerCase() === SERVICE)) this.#answer(on)
    })
    socket.on('response', (packet, from) => this.#onResponse(packet, from.address))
    return socket
  }

  #drop(on: Interface, error: Error): void {
    this.#options.log.warn({ err: error, on: on.id }, 'LAN discovery does not work on this interface')
    this.#sockets.get(on.id)?.destroy()
  }

  #burst(): void {
    for (const delay of TIMES.burst) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        this.#ask()
        for (const one of listInterfaces()) this.#answer(one)
      }, delay)
      this.#timers.add(timer)
    }
  }

  #ask(): void {
    for (const socket of this.#sockets.values()) socket.query({ questions: [{ name: SERVICE, type: 'PTR' }] })
  }

  /** Says where we listen, to all on that interface. */
  #answer(on: Interface): void {
    const { listening, now } = this.#options
    if (listening === null || !isReachable(listening.host, on.address)) return
    if (now() - (this.#lastAnswer.get(on.id) ?? 0) < 100) return
    this.#lastAnswer.set(on.id, now())
    const host = `${this.#names[0]}.local`
    const instance = `${this.#names[0]}.${SERVICE}`
    this.#sockets.get(on.id)?.respond({
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

  /** Interfaces come and go without an event; a look that comes late means that the machine has slept. */
  #look(): void {
    const now = this.#options.now()
    const hasSlept = now - this.#lastLook > TIMES.look + TIMES.slept
    this.#lastLook = now
    if (!this.#openSockets() && !hasSlept) return
    this.#rotate()
    this.#burst()
    this.#options.onNetworkChange()
  }

  #every(ms: number, act: () => void): void {
    this.#timers.add(setInterval(act, ms))
  }
}

/** Every interface that is up, once per address family. */
function listInterfaces(): Interface[] {
  const found: Interface[] = []
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const v4 = addresses?.find((one) => one.family === 'IPv4' && !one.internal)
    const v6 = addresses?.find(
      (one) => one.family === 'IPv6' && !one.internal && one.address.startsWith('fe80')
    )
    if (v4 !== undefined) {
      found.push({ id: `4 ${name} ${v4.address}`, family: 'udp4', address: v4.address, bindTo: v4.address })
    }
    if (v6 !== undefined) {
      found.push({ id: `6 ${name} ${v6.address}`, family: 'udp6', address: v6.address, bindTo: `::%${name}` })
    }
  }
  return found
}

/** A listener on one address is announced only where that address is. */
function isReachable(listenHost: string, address: string): boolean {
  return listenHost === '::' || listenHost === address || (listenHost === '0.0.0.0' && !address.includes(':'))
}

/** A link-local address keeps its zone; a mapped one becomes plain. */
function withoutMapping(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') ? unmapped(address) : address
}
