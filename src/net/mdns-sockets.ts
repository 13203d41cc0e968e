// The mDNS sockets of LAN discovery: one for every interface and address family. One that fails (another program holds the
// port, the group cannot be joined) is opened anew after growing pauses; nothing that goes wrong here may reach the program.
import multicastDns from 'multicast-dns'
import type { Log } from '../system/log.ts'
import type { NetworkInterfaces } from './network-watch.ts'

const GROUP = { udp4: '224.0.0.251', udp6: 'ff02::fb' } as const

/** Looks to let pass before a socket that failed is tried again, doubled with every failure. */
const PAUSE = { first: 1, most: 32 }

export interface Interface {
  id: string
  family: 'udp4' | 'udp6'
  address: string
  /** what multicast-dns wants as `interface` */
  bindTo: string
}

export interface MdnsEvents {
  onQuery(packet: multicastDns.Packet, on: Interface): void
  onResponse(packet: multicastDns.Packet, from: string): void
  /** a socket that had failed works now */
  onRecovered(): void
}

interface Failure {
  count: number
  /** looks until the next try */
  wait: number
}

export class MdnsSockets {
  #events: MdnsEvents
  #log: Log
  #sockets = new Map<string, { on: Interface; socket: multicastDns.MulticastDns }>()
  #failures = new Map<string, Failure>()

  constructor(events: MdnsEvents, log: Log) {
    this.#events = events
    this.#log = log
  }

  /** The interfaces that can be spoken on now. */
  open(): Interface[] {
    return [...this.#sockets.values()].map(({ on }) => on)
  }

  /** Opens what is missing, tries again what failed, closes what is gone. Called at every look at the network. */
  refresh(interfaces: NetworkInterfaces): void {
    const wanted = new Map(listInterfaces(interfaces).map((one) => [one.id, one]))
    for (const id of this.#sockets.keys()) if (!wanted.has(id)) this.#close(id)
    for (const id of this.#failures.keys()) if (!wanted.has(id)) this.#failures.delete(id)
    for (const [id, one] of wanted) {
      const failure = this.#failures.get(id)
      if (this.#sockets.has(id) || (failure !== undefined && --failure.wait > 0)) continue
      this.#open(one)
    }
  }

  query(packet: multicastDns.Packet): void {
    for (const { on, socket } of [...this.#sockets.values()]) this.#try(on, () => socket.query(packet))
  }

  respond(on: Interface, packet: multicastDns.Packet): void {
    const socket = this.#sockets.get(on.id)?.socket
    if (socket !== undefined) this.#try(on, () => socket.respond(packet))
  }

  close(): void {
    for (const id of [...this.#sockets.keys()]) this.#close(id)
  }

  #open(on: Interface): void {
    // bound to all addresses on purpose: a socket bound to one address hears no multicast on Linux
    const bind = on.family === 'udp4' ? '0.0.0.0' : '::'
    const socket = multicastDns({ type: on.family, ip: GROUP[on.family], interface: on.bindTo, bind })
    this.#sockets.set(on.id, { on, socket })
    const ifCurrent = (act: () => void) => () => {
      if (this.#sockets.get(on.id)?.socket === socket) act()
    }
    socket.on('error', (error) => ifCurrent(() => this.#fail(on, error))())
    socket.on('warning', (error) => {
      this.#log.debug({ err: error, on: on.id }, 'mdns')
      // a moment later: it comes in the middle of what multicast-dns still does with its socket
      if (isMembershipError(error)) setImmediate(ifCurrent(() => this.#fail(on, error)))
    })
    socket.on('ready', () => setImmediate(ifCurrent(() => this.#works(on))))
    socket.on('query', (packet) => this.#events.onQuery(packet, on))
    socket.on('response', (packet, from) => this.#events.onResponse(packet, from.address))
  }

  #works(on: Interface): void {
    if (this.#failures.delete(on.id)) this.#events.onRecovered()
  }

  #fail(on: Interface, error: unknown): void {
    const count = (this.#failures.get(on.id)?.count ?? 0) + 1
    this.#failures.set(on.id, { count, wait: Math.min(PAUSE.most, PAUSE.first * 2 ** (count - 1)) })
    this.#log.warn({ err: error, on: on.id }, 'LAN discovery does not work on this interface for now')
    this.#close(on.id)
  }

  #close(id: string): void {
    const entry = this.#sockets.get(id)
    this.#sockets.delete(id)
    entry?.socket.destroy()
  }

  #try(on: Interface, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#fail(on, error)
    }
  }
}

function isMembershipError(error: Error): boolean {
  const { syscall } = error as NodeJS.ErrnoException
  return syscall === 'addMembership' || syscall === 'setMulticastInterface'
}

/** Every interface that is up, once per address family. */
function listInterfaces(interfaces: NetworkInterfaces): Interface[] {
  const found: Interface[] = []
  for (const [name, addresses] of Object.entries(interfaces)) {
    const v4 = addresses?.find((one) => one.family === 'IPv4' && !one.internal)
    const v6 = addresses?.find(
      (one) => one.family === 'IPv6' && !one.internal && one.address.startsWith('fe80')
    )
    const kind = (family: string) => `${family} ${name} ${(v4 ?? v6)?.mac}`
    if (v4 !== undefined) {
      found.push({
        id: `${kind('4')} ${v4.address}`,
        family: 'udp4',
        address: v4.address,
        bindTo: v4.address
      })
    }
    if (v6 !== undefined) {
      found.push({
        id: `${kind('6')} ${v6.address}`,
        family: 'udp6',
        address: v6.address,
        bindTo: `::%${name}`
      })
    }
  }
  return found
}
