// All the ways in which this node meets others, ended in one place: whatever finds a connection hands its Noise stream
// to `#onConnection`, which admits it and, when it is the one connection to that member, calls `onPeer`.
import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import type NoiseSecretStream from '@hyperswarm/secret-stream'
import type { KeyPair } from '@hyperswarm/secret-stream'
import { ChasquiError } from '../errors.ts'
import type { Log } from '../system/log.ts'
import type { Member } from '../trust/membership.ts'
import { formatHostPort, type HostPort, isOnLan, parseHostPort } from './address.ts'
import { type AdmittedPeer, admit } from './admission.ts'
import { type Discovery, discover } from './discovery.ts'
import { lanNameKey } from './lan-name.ts'
import { type Link, type LinkClass, Peer, type PeerInfo, replaces } from './peer.ts'
import { Redialer } from './redial.ts'
import { joinSwarm, type Swarm } from './swarm.ts'
import { dialTcp, keepAlive, listenTcp, type TcpListener } from './tcp.ts'

export const LINK_LIMITS = {
  /** connections that have not been admitted yet; strangers can hold only these, each for ten seconds */
  pending: 64,
  /** members connected at the same time */
  peers: 128,
  /** of these, found through Hyperswarm */
  swarmPeers: 48,
  /** ms between looks at the hours */
  hoursCheck: 5000
}

/** ms for which a member that was expelled for misconduct is not admitted */
const EXILE = 10 * 60_000

/** Attempts on an address that was found on the LAN, before it has to be found again. */
const LAN_PATIENCE = 4

export interface LinksOptions {
  identity: { keyPair: KeyPair; membership: Uint8Array }
  fleet: {
    /** Hyperswarm topic, from the fleet secret (trust/topic.ts) */
    topic: Uint8Array
    /** the Noise key of every member's TCP listener, from the fleet secret (trust/topic.ts) */
    responder: KeyPair
    /** signature, expiry and revocation; throws a ChasquiError when the membership is not good */
    verifyMembership(membership: Uint8Array): Member
  }
  /** Hyperswarm, with the public DHT or these bootstrap nodes (host:port) */
  internet: boolean
  bootstrap?: string[] | undefined
  /** hours: false closes everything that is not the LAN until it is true again; default: always open */
  isInternetOpen?(now: number): boolean
  /** what a connection through Hyperswarm costs */
  internetClass?: 'internet' | 'metered'
  /** find members on the LAN by DNS-SD, and be found */
  lan?: boolean
  /** host:port to listen on for members; port 0 takes a free one; absent: no listener, or any free port with `lan` */
  listen?: string | undefined
  /** static peers, host:port */
  peers: string[]
  /** called in the tick in which a member's connection becomes usable: wire feed and gossip here, synchronously */
  onPeer(peer: Peer): void
  log: Log
  /** ms since epoch */
  now?: () => number
  random?: () => number
  limits?: Partial<typeof LINK_LIMITS>
}

export interface Links {
  /** @throws ChasquiError ADDRESS_IN_USE, PEER_ADDRESS_INVALID */
  start(): Promise<void>
  stop(): Promise<void>
  peers(): Peer[]
  peerInfos(): PeerInfo[]
  /** where the listener is, or null */
  listening(): HostPort | null
  /** one more address to try, again and again or up to `patience` failures in a row */
  addAddress(address: string, patience?: number): void
  /** checks every connected member again, after the revocation list has grown */
  recheckMembers(): void
  /** the network has changed, or the machine woke up */
  networkChanged(): void
  /** resolves when the topic was announced and looked up once; at once without internet */
  announced(): Promise<void>
}

export function createLinks(options: LinksOptions): Links {
  return new LinkTable(options)
}

class LinkTable implements Links {
  #options: LinksOptions
  #limits: typeof LINK_LIMITS
  #instance: Uint8Array = randomBytes(8)
  #counter = 0
  #pending = new Map<NoiseSecretStream, string>()
  #peers = new Map<string, Peer>()
  #exiles = new Map<string, number>()
  #redialer: Redialer
  #listener: TcpListener | null = null
  #swarm: Swarm | null = null
  #discovery: Discovery | null = null
  #hours: NodeJS.Timeout | null = null
  #isOpen = true
  #isStopped = false

  constructor(options: LinksOptions) {
    this.#options = options
    this.#limits = { ...LINK_LIMITS, ...options.limits }
    this.#redialer = new Redialer({
      dial: (address, done) => this.#dial(address, done),
      random: options.random ?? Math.random
    })
  }

  async start(): Promise<void> {
    const addresses = this.#options.peers.map((peer) => parseHostPort(peer))
    await this.#listen()
    if (this.#options.lan === true) this.#discover()
    this.#isOpen = this.#isInternetOpen()
    for (const address of addresses) this.#redialer.add(address)
    if (this.#isOpen) this.#joinSwarm()
    this.#hours = setInterval(() => this.#keepHours(), this.#limits.hoursCheck)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#hours !== null) clearInterval(this.#hours)
    this.#discovery?.close()
    this.#redialer.close()
    for (const stream of this.#pending.keys()) stream.destroy()
    for (const peer of this.#peers.values()) peer.close()
    await Promise.all([this.#listener?.close(), this.#swarm?.close()])
  }

  peers(): Peer[] {
    return [...this.#peers.values()]
  }

  peerInfos(): PeerInfo[] {
    return this.peers().map((peer) => peer.info())
  }

  listening(): HostPort | null {
    return this.#listener?.address ?? null
  }

  addAddress(address: string, patience?: number): void {
    this.#redialer.add(parseHostPort(address), patience)
  }

  recheckMembers(): void {
    for (const peer of this.#peers.values()) {
      try {
        this.#options.fleet.verifyMembership(peer.admitted.membership)
      } catch (error) {
        this.#options.log.info({ peer: peer.member.name, err: error }, 'member refused from now on')
        peer.close()
      }
    }
  }

  networkChanged(): void {
    for (const peer of this.#peers.values()) peer.stream.sendKeepAlive()
    this.#redialer.retryAll()
    void this.#swarm?.refresh()
  }

  async announced(): Promise<void> {
    await this.#swarm?.ready
  }

  async #listen(): Promise<void> {
    const at = this.#options.listen ?? (this.#options.lan === true ? '[::]:0' : null)
    if (at === null) return
    const { pending, peers } = this.#limits
    const open = (where: string) =>
      listenTcp(where, this.#options.fleet.responder, pending + peers, (connection) => {
        this.#onConnection(connection.stream, this.#tcpLink(connection.remote, false))
      })
    // a machine without IPv6 has no `::`
    this.#listener = await open(at).catch((error) => {
      if (this.#options.listen !== undefined) throw error
      return open('0.0.0.0:0')
    })
  }

  #discover(): void {
    this.#discovery = discover({
      key: lanNameKey(this.#options.fleet.responder.secretKey),
      listening: this.listening(),
      onFound: (address) => this.#redialer.add(address, LAN_PATIENCE),
      onNetworkChange: () => this.networkChanged(),
      log: this.#options.log,
      now: this.#options.now ?? Date.now,
      randomBytes
    })
  }

  /** Joins and leaves the internet by the hours of the configuration. */
  #keepHours(): void {
    const isOpen = this.#isInternetOpen()
    if (isOpen === this.#isOpen) return
    this.#isOpen = isOpen
    this.#options.log.info({ isOpen }, 'internet hours')
    if (isOpen) {
      this.#joinSwarm()
      this.#redialer.retryAll()
      return
    }
    void this.#swarm?.close()
    this.#swarm = null
    for (const peer of this.#peers.values()) if (peer.link.class !== 'lan') peer.close()
  }

  #isInternetOpen(): boolean {
    return this.#options.isInternetOpen?.(this.#now()) ?? true
  }

  #joinSwarm(): void {
    if (!this.#options.internet) return
    this.#swarm = joinSwarm({
      topic: this.#options.fleet.topic,
      bootstrap: this.#options.bootstrap,
      maxPeers: this.#limits.swarmPeers,
      onConnection: (stream, address) => {
        const linkClass: LinkClass = this.#options.internetClass ?? 'internet'
        const link: Link = { transport: 'swarm', class: linkClass, address, isInitiator: stream.isInitiator }
        this.#onConnection(stream, link)
      }
    })
  }

  /** `done` comes when nothing connects us with the node behind that address any more. */
  #dial(address: HostPort, done: (reached: boolean) => void): void {
    if (!this.#isOpen && !isOnLan(address.host, networkInterfaces())) {
      done(false)
      return
    }
    const { stream, remote } = dialTcp(address, this.#options.fleet.responder.publicKey)
    let node: string | null = null
    stream.once('close', () => {
      const other = node === null ? undefined : this.#peers.get(node)
      if (other === undefined || other.isClosed) done(node !== null)
      else other.onClose(() => done(true))
    })
    this.#onConnection(stream, this.#tcpLink(remote, true), (peer) => {
      node = peer.member.node
    })
  }

  #tcpLink(remote: HostPort, isInitiator: boolean): Link {
    const linkClass = isOnLan(remote.host, networkInterfaces()) ? 'lan' : 'internet'
    return { transport: 'tcp', class: linkClass, address: formatHostPort(remote), isInitiator }
  }

  #onConnection(stream: NoiseSecretStream, link: Link, onKnown?: (peer: AdmittedPeer) => void): void {
    if (this.#isStopped) {
      stream.destroy()
      return
    }
    if (this.#pending.size >= this.#limits.pending) this.#makeRoom()
    this.#pending.set(stream, hostOf(link.address))
    stream.once('close', () => this.#pending.delete(stream))
    admit(stream, {
      identity: { ...this.#options.identity, instance: this.#instance, counter: ++this.#counter },
      verifyMembership: (membership) => this.#verifyMember(membership),
      isWanted: (admitted) => {
        onKnown?.(admitted)
        return this.#isWanted(admitted, link)
      },
      onAdmitted: (admitted) => this.#onAdmitted(stream, admitted, link),
      onRefused: (error) => this.#options.log.debug({ err: error, link }, 'connection not admitted')
    })
  }

  #verifyMember(membership: Uint8Array): Member {
    const member = this.#options.fleet.verifyMembership(membership)
    if ((this.#exiles.get(member.node) ?? 0) > this.#now()) {
      throw new ChasquiError('ADMISSION_REFUSED', `${member.name} was sent away for misconduct a while ago`)
    }
    return member
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }

  /** Too many are at the door: the one that waits longest goes, of those who come from the busiest address. */
  #makeRoom(): void {
    const crowd = new Map<string, number>()
    for (const host of this.#pending.values()) crowd.set(host, (crowd.get(host) ?? 0) + 1)
    const most = Math.max(...crowd.values())
    for (const [stream, host] of this.#pending) {
      if (crowd.get(host) !== most) continue
      this.#pending.delete(stream)
      stream.destroy()
      return
    }
  }

  /** The initiator's look before the commit: no second connection, unless it is the better kind or a new life. */
  #isWanted(admitted: AdmittedPeer, link: Link): boolean {
    const known = this.#peers.get(admitted.member.node)
    if (known === undefined) return this.#peers.size < this.#limits.peers
    if (known.admitted.instance !== admitted.instance) return true
    return known.link.transport === 'swarm' && link.transport === 'tcp'
  }

  #onAdmitted(stream: NoiseSecretStream, admitted: AdmittedPeer, link: Link): void {
    this.#pending.delete(stream)
    const now = this.#now()
    const known = this.#peers.get(admitted.member.node)
    const isKept =
      known === undefined ? this.#peers.size < this.#limits.peers : this.#replaces(admitted, link, known, now)
    if (!isKept) {
      stream.destroy()
      return
    }
    const peer = new Peer(stream, admitted, link, now)
    this.#peers.set(peer.node, peer)
    known?.close()
    keepAlive(stream)
    peer.onClose(() => {
      if (this.#peers.get(peer.node) === peer) this.#peers.delete(peer.node)
      if (peer.isExpelled) this.#exiles.set(peer.node, this.#now() + EXILE)
      this.#options.log.debug({ peer: peer.member.name, link }, 'peer gone')
    })
    this.#options.log.debug({ peer: peer.member.name, link }, 'peer connected')
    this.#options.onPeer(peer)
  }

  #replaces(admitted: AdmittedPeer, link: Link, known: Peer, now: number): boolean {
    const own = Buffer.from(this.#options.identity.keyPair.publicKey).toString('hex')
    const newer = { ...admitted, transport: link.transport, connectedAt: now }
    const older = { ...known.admitted, transport: known.link.transport, connectedAt: known.connectedAt }
    return replaces(newer, older, { own, remote: known.node })
  }
}

const hostOf = (address: string) => address.slice(0, address.lastIndexOf(':'))
