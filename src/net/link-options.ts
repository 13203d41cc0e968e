// What the links are told when they are made, and what the rest of Chasqui sees of them (links.ts).
import type { KeyPair } from '@hyperswarm/secret-stream'
import type { Log } from '../system/log.ts'
import type { HostPort } from './address.ts'
import type { NetworkInterfaces } from './network-watch.ts'
import type { LinkClass, LinkMember, Peer, PeerInfo } from './peer.ts'
import { PEER_LIMITS } from './peer-table.ts'

export const LINK_LIMITS = {
  ...PEER_LIMITS,
  /** of the members, found through Hyperswarm */
  swarmPeers: 48,
  /** ms between looks at the hours */
  hoursCheck: 5000
}

export interface StaticPeer {
  /** host:port */
  address: string
  class: LinkClass
}

export interface LinksOptions {
  identity: { keyPair: KeyPair; membership: Uint8Array }
  fleet: {
    /** Hyperswarm topic, from the fleet secret (trust/topic.ts) */
    topic: Uint8Array
    /** the Noise key of every member's TCP listener, from the fleet secret (trust/topic.ts) */
    responder: KeyPair
    /** signature, expiry and revocation; throws a ChasquiError when the membership is not good */
    verifyMembership(membership: Uint8Array): LinkMember
  }
  /** Hyperswarm, with the public DHT or these bootstrap nodes (host:port) */
  internet: boolean
  bootstrap?: string[] | undefined
  /** hours: false closes everything that is not the LAN until it is true again; default: always open */
  isInternetOpen?(now: number): boolean
  /** what a connection costs that does not stay on the LAN; default: internet */
  internetClass?: 'internet' | 'metered'
  /** find members on the LAN by DNS-SD, and be found */
  lan?: boolean
  /** host:port to listen on for members; port 0 takes a free one; absent: no listener, or any free port with `lan` */
  listen?: string | undefined
  /** static peers: host:port, with the class of the link where the address does not tell it */
  peers: (string | StaticPeer)[]
  /** networks that count as the LAN besides the own ones, CIDR */
  lanNetworks?: readonly string[]
  /** default: those of the operating system */
  interfaces?: () => NetworkInterfaces
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
  /** is that address (host:port) on the LAN? */
  isNear(address: string): boolean
  /** checks every connected member again, after the revocation list has grown */
  recheckMembers(): void
  /** the network has changed, or the machine woke up */
  networkChanged(): void
  /** resolves when the topic was announced and looked up once; at once without internet */
  announced(): Promise<void>
}
