// One admitted connection to one member, and the rule that says which of two connections to the same member stays.
import type NoiseSecretStream from '@hyperswarm/secret-stream'
import Protomux from 'protomux'
import type { Member } from '../trust/membership.ts'
import type { AdmittedPeer } from './admission.ts'

/** A member as the links see it. */
export type LinkMember = Member & {
  /** the publisher has countersigned this node; absent: not known */
  granted?: boolean
}

/** What a connection costs: its class decides rates, hours and what is fetched over it. */
export type LinkClass = 'lan' | 'internet' | 'metered'

export interface Link {
  /** tcp: found on the LAN or a static address. swarm: through Hyperswarm. Both sides agree on it. */
  transport: 'tcp' | 'swarm'
  class: LinkClass
  /** host:port of the other side as this side sees it */
  address: string
  isInitiator: boolean
}

export interface PeerInfo {
  /** node key in hex */
  node: string
  name: string
  role: Member['role']
  class: LinkClass
  transport: Link['transport']
  address: string
  isInitiator: boolean
  /** ms since epoch */
  connectedAt: number
  bytesIn: number
  bytesOut: number
}

export class Peer {
  readonly node: string
  readonly member: LinkMember
  readonly link: Link
  readonly connectedAt: number
  /** the Noise stream; Hypercore's replicate() takes it as it is */
  readonly stream: NoiseSecretStream
  readonly mux: Protomux
  readonly admitted: AdmittedPeer
  /** it lied or flooded: closed, and not admitted again for a while */
  isExpelled = false

  constructor(stream: NoiseSecretStream, admitted: AdmittedPeer, link: Link, now: number) {
    this.node = admitted.member.node
    this.member = admitted.member
    this.admitted = admitted
    this.link = link
    this.connectedAt = now
    this.stream = stream
    this.mux = Protomux.from(stream)
  }

  /** Bytes as they went over the wire, encryption included, handshake not. */
  get bytesIn(): number {
    return this.stream.rawBytesRead
  }

  get bytesOut(): number {
    return this.stream.rawBytesWritten
  }

  /** Bytes that have come in, also of a message that is not whole yet: whether the line moves. */
  get received(): number {
    const { bytesRead, bytesReceived } = this.stream.rawStream
    return bytesRead ?? bytesReceived ?? this.bytesIn
  }

  get isClosed(): boolean {
    return this.stream.destroyed
  }

  close(): void {
    this.stream.destroy()
  }

  /** Closes for misconduct: the member is not admitted again for some minutes. */
  expel(): void {
    this.isExpelled = true
    this.close()
  }

  onClose(listener: () => void): void {
    if (this.isClosed) listener()
    else this.stream.once('close', listener)
  }

  info(): PeerInfo {
    return {
      node: this.node,
      name: this.member.name,
      role: this.member.role,
      class: this.link.class,
      transport: this.link.transport,
      address: this.link.address,
      isInitiator: this.link.isInitiator,
      connectedAt: this.connectedAt,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut
    }
  }
}

/** What the rule looks at: known in the same way on both sides. */
export interface Rival {
  transport: Link['transport']
  isInitiator: boolean
  instance: string
  counter: number
  /** ms since epoch, by this side's clock */
  connectedAt: number
}

/** Two connections that arise at the same moment are rivals; an older one that the other side gave up is dead. */
const SAME_MOMENT = 10_000 // ms

/**
 * Whether a connection that was just admitted replaces the one that is there to the same member. Both sides come to
 * the same answer: a new life of the member wins; then TCP before Hyperswarm; then the connection that the node with
 * the greater key opened; then the one opened later. A connection of the same kind that the other side opens anew,
 * well after the old one, says that it has lost the old one.
 */
export function replaces(newer: Rival, older: Rival, keys: { own: string; remote: string }): boolean {
  if (newer.instance !== older.instance) return true
  if (newer.transport !== older.transport) return newer.transport === 'tcp'
  if (newer.isInitiator !== older.isInitiator) {
    if (newer.connectedAt - older.connectedAt > SAME_MOMENT && !newer.isInitiator) return true
    return newer.isInitiator === keys.own > keys.remote
  }
  return newer.counter > older.counter
}
