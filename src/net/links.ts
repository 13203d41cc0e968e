// All the ways in which this node meets others: listener, static addresses, LAN discovery, Hyperswarm. Whatever finds a
// connection hands its Noise stream to the table of peers (peer-table.ts), unless the hours forbid that class of link.
import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type NoiseSecretStream from '@hyperswarm/secret-stream'
import { formatHostPort, type HostPort, isOnLan, parseHostPort, unmapped } from './address.ts'
import type { AdmittedPeer } from './admission.ts'
import { type Discovery, discover } from './discovery.ts'
import { admissionKey } from './hello.ts'
import { Internet } from './internet.ts'
import { lanNameKey } from './lan-name.ts'
import { LINK_LIMITS, type Links, type LinksOptions, type StaticPeer } from './link-options.ts'
import { type NetworkInterfaces, watchNetwork } from './network-watch.ts'
import type { Link, LinkClass, Peer, PeerInfo } from './peer.ts'
import { PeerTable } from './peer-table.ts'
import { Redialer } from './redial.ts'
import { dialTcp, listenTcp, type TcpListener } from './tcp.ts'

/** Attempts on an address that was found on the LAN, before it has to be found again. */
const LAN_PATIENCE = 4
/** ms of use after which a connection counts as one: who has no room, or lost a place to another, is dialled less and less */
const LASTED = 1000

export function createLinks(options: LinksOptions): Links {
  return new LinkTable(options)
}

class LinkTable implements Links {
  #options: LinksOptions
  #limits: typeof LINK_LIMITS
  #table: PeerTable
  #redialer: Redialer
  #internet: Internet
  #listener: TcpListener | null = null
  #discovery: Discovery | null = null
  #stopWatching = () => {}
  #isStopped = false
  /** host:port → class, of static peers that name one */
  #classes = new Map<string, LinkClass>()

  constructor(options: LinksOptions) {
    this.#options = options
    this.#limits = { ...LINK_LIMITS, ...options.limits }
    this.#table = new PeerTable({
      identity: options.identity,
      instance: randomBytes(8),
      key: admissionKey(options.fleet.responder.secretKey),
      verifyMembership: (membership) => options.fleet.verifyMembership(membership),
      limits: this.#limits,
      onPeer: (peer) => this.#onPeer(peer),
      log: options.log,
      now: () => this.#now()
    })
    this.#redialer = new Redialer({
      dial: (address, done) => this.#dial(address, done),
      random: options.random ?? Math.random
    })
    this.#internet = this.#meetInternet()
  }

  async start(): Promise<void> {
    const addresses = this.#options.peers.map((peer) => this.#staticPeer(peer))
    await this.#listen()
    if (this.#options.lan === true) this.#discover()
    this.#stopWatching = watchNetwork({
      interfaces: () => this.#interfaces(),
      now: () => this.#now(),
      onLook: () => this.#discovery?.look(),
      onChange: () => {
        this.#discovery?.networkChanged()
        this.networkChanged()
      }
    })
    for (const address of addresses) this.#redialer.add(address)
    this.#internet.start()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#stopWatching()
    this.#discovery?.close()
    this.#redialer.close()
    this.#table.close()
    await Promise.all([this.#listener?.close(), this.#internet.stop()])
  }

  peers(): Peer[] {
    return this.#table.all()
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

  isNear(address: string): boolean {
    return this.#classOf(parseHostPort(address).host) === 'lan'
  }

  recheckMembers(): void {
    this.#table.recheck()
  }

  networkChanged(): void {
    this.#options.log.debug('the network has changed, or the machine has slept')
    for (const peer of this.peers()) peer.stream.sendKeepAlive()
    this.#redialer.retryAll()
    this.#internet.refresh()
  }

  announced(): Promise<void> {
    return this.#internet.announced()
  }

  #staticPeer(peer: string | StaticPeer): HostPort {
    if (typeof peer === 'string') return parseHostPort(peer)
    const address = parseHostPort(peer.address)
    this.#classes.set(formatHostPort(address), peer.class)
    return address
  }

  async #listen(): Promise<void> {
    const at = this.#options.listen ?? (this.#options.lan === true ? '[::]:0' : null)
    if (at === null) return
    const { pending, peers } = this.#limits
    const open = (where: string) =>
      listenTcp(where, this.#options.fleet.responder, pending + peers, ({ stream, remote }) => {
        this.#onConnection(stream, this.#tcpLink(remote, this.#classOf(remote.host), false))
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
      interfaces: () => this.#interfaces(),
      onFound: (address) => this.#redialer.add(address, LAN_PATIENCE),
      log: this.#options.log,
      now: () => this.#now(),
      randomBytes
    })
  }

  #meetInternet(): Internet {
    const options = this.#options
    return new Internet({
      topic: options.fleet.topic,
      isEnabled: options.internet,
      bootstrap: options.bootstrap,
      maxPeers: this.#limits.swarmPeers,
      linkClass: options.internetClass ?? 'internet',
      mayUse: () => options.isInternetOpen?.(this.#now()) ?? true,
      check: this.#limits.hoursCheck,
      onConnection: (stream, link) => this.#onConnection(stream, link),
      onOpened: () => {
        options.log.info('the internet is open from now on')
        this.#redialer.retryAll()
      },
      onClosed: () => {
        options.log.info('the internet is closed from now on')
        for (const peer of this.peers()) if (peer.link.class !== 'lan') peer.close()
      }
    })
  }

  /** `done` comes when nothing connects us with the node behind that address any more. */
  #dial(to: HostPort, done: (reached: boolean) => void): void {
    const known = this.#classes.get(formatHostPort(to))
    const mayDial = (address: string) => this.#internet.isOpen || (known ?? this.#classOf(address)) === 'lan'
    if (isIP(unmapped(to.host)) !== 0 && !mayDial(to.host)) {
      done(false)
      return
    }
    let node: string | null = null
    let knownAt = 0
    const stream = dialTcp({
      to,
      responderKey: this.#options.fleet.responder.publicKey,
      mayDial,
      onConnect: (remote) => {
        const link = this.#tcpLink(remote, known ?? this.#classOf(remote.host), true)
        this.#onConnection(stream, link, (peer) => {
          node = peer.member.node
          knownAt = performance.now()
        })
      }
    })
    stream.once('close', () => {
      const hasLasted = node !== null && performance.now() - knownAt > LASTED
      const other = node === null ? undefined : this.#table.get(node)
      if (other === undefined || other.isClosed) done(hasLasted)
      else other.onClose(() => done(true))
    })
  }

  #tcpLink(remote: HostPort, linkClass: LinkClass, isInitiator: boolean): Link {
    return { transport: 'tcp', class: linkClass, address: formatHostPort(remote), isInitiator }
  }

  /** By where a connection really goes, not by what was dialled. */
  #classOf(address: string): LinkClass {
    if (isOnLan(address, this.#interfaces(), this.#options.lanNetworks)) return 'lan'
    return this.#options.internetClass ?? 'internet'
  }

  #interfaces(): NetworkInterfaces {
    return (this.#options.interfaces ?? networkInterfaces)()
  }

  #onConnection(stream: NoiseSecretStream, link: Link, onKnown?: (peer: AdmittedPeer) => void): void {
    const isClosed = link.class !== 'lan' && !this.#internet.isOpen
    if (this.#isStopped || isClosed) stream.destroy()
    else this.#table.take(stream, link, onKnown)
  }

  #onPeer(peer: Peer): void {
    this.#internet.found(peer.node)
    if (peer.link.transport === 'swarm') peer.onClose(() => this.#onSwarmLost(peer))
    this.#options.onPeer(peer)
  }

  #onSwarmLost({ node, stream, isExpelled }: Peer): void {
    if (this.#isStopped || isExpelled || this.#table.get(node) !== undefined) return
    this.#internet.seek(node, stream.remotePublicKey)
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }
}
