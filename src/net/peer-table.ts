// The members that this node is connected with: every new stream, however it was found, is handed to `take`, which admits
// it and keeps it when it is the one connection to that member. Bounds what strangers, and all users of one invite, can hold.
import type NoiseSecretStream from '@hyperswarm/secret-stream'
import type { KeyPair } from '@hyperswarm/secret-stream'
import { ChasquiError } from '../errors.ts'
import type { Log } from '../system/log.ts'
import { type AdmittedPeer, admit } from './admission.ts'
import { type Link, type LinkMember, Peer, replaces } from './peer.ts'
import { keepAlive } from './tcp.ts'

export const PEER_LIMITS = {
  /** connections that have not been admitted yet; strangers can hold only these, each for ten seconds */
  pending: 64,
  /** members connected at the same time */
  peers: 128,
  /** of these, nodes that came with one and the same invite: an invite is for one branch */
  perInvite: 4
}

/** ms for which a member that was expelled for misconduct is not admitted */
const EXILE = 10 * 60_000
/** ms after which a member's place goes to one that finds the table full; the publisher does not wait, and is not asked to go */
const TURN = 10 * 60_000

export interface PeerTableOptions {
  identity: { keyPair: KeyPair; membership: Uint8Array }
  /** random, one per start of the program */
  instance: Uint8Array
  /** from admissionKey() */
  key: Uint8Array
  verifyMembership(membership: Uint8Array): LinkMember
  limits: typeof PEER_LIMITS
  /** called in the tick in which a member's connection becomes usable */
  onPeer(peer: Peer): void
  log: Log
  /** ms since epoch */
  now(): number
}

export class PeerTable {
  #options: PeerTableOptions
  #counter = 0
  #pending = new Map<NoiseSecretStream, string>()
  #peers = new Map<string, Peer>()
  #exiles = new Map<string, number>()
  /** who gave its place up, until when it may only have a free one: else it would push out the next, and that one the next */
  #resting = new Map<string, number>()

  constructor(options: PeerTableOptions) {
    this.#options = options
  }

  all(): Peer[] {
    return [...this.#peers.values()]
  }

  /** @param node hex */
  get(node: string): Peer | undefined {
    return this.#peers.get(node)
  }

  /** @param onKnown told who is at the other end as soon as it has proven that */
  take(stream: NoiseSecretStream, link: Link, onKnown?: (peer: AdmittedPeer) => void): void {
    if (this.#pending.size >= this.#options.limits.pending) this.#makeRoom()
    this.#pending.set(stream, hostOf(link.address))
    stream.once('close', () => this.#pending.delete(stream))
    const { keyPair, membership } = this.#options.identity
    admit(stream, {
      key: this.#options.key,
      identity: { keyPair, membership, instance: this.#options.instance, counter: ++this.#counter },
      verifyMembership: (bytes) => this.#verifyMember(bytes),
      isWanted: (admitted) => {
        onKnown?.(admitted)
        return this.#isWanted(admitted, link)
      },
      onAdmitted: (admitted) => this.#onAdmitted(stream, admitted, link),
      onRefused: (error) => this.#options.log.debug({ err: error, link }, 'connection not admitted')
    })
  }

  /** Checks every connected member again, after the revocation list has grown. */
  recheck(): void {
    for (const peer of this.#peers.values()) {
      try {
        this.#options.verifyMembership(peer.admitted.membership)
      } catch (error) {
        this.#options.log.info({ peer: peer.member.name, err: error }, 'member refused from now on')
        peer.close()
      }
    }
  }

  close(): void {
    for (const stream of this.#pending.keys()) stream.destroy()
    for (const peer of this.#peers.values()) peer.close()
  }

  #verifyMember(membership: Uint8Array): LinkMember {
    const member = this.#options.verifyMembership(membership)
    if (lasts(this.#exiles.get(member.node), EXILE, this.#options.now())) {
      throw new ChasquiError('ADMISSION_REFUSED', `${member.name} was sent away for misconduct a while ago`)
    }
    // said before the other side takes this for a connection: it would greet, gossip and plan each time
    if (!this.#peers.has(member.node) && this.#placeFor(member) === 'none') {
      throw new ChasquiError('ADMISSION_REFUSED', `there is no place for ${member.name}`)
    }
    return member
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
    if (known === undefined) return true
    if (known.admitted.instance !== admitted.instance) return true
    return known.link.transport === 'swarm' && link.transport === 'tcp'
  }

  /** Free, taken from whoever had one for long, or from a node that is not confirmed by one that is, or none. */
  #placeFor(member: LinkMember): 'free' | 'none' | Peer {
    const sameInvite = this.all().filter((peer) => peer.member.invite === member.invite)
    if (sameInvite.length < this.#options.limits.perInvite) {
      return this.#peers.size < this.#options.limits.peers ? 'free' : this.#turnOf(member)
    }
    const doubtful = sameInvite.find((peer) => peer.member.granted === false)
    return member.granted === true && doubtful !== undefined ? doubtful : 'none'
  }

  /** The table is full: whoever is here longest has had its turn. */
  #turnOf(member: LinkMember): 'none' | Peer {
    const [oldest] = this.all()
      .filter((peer) => peer.member.role !== 'publisher')
      .sort((a, b) => a.connectedAt - b.connectedAt)
    if (oldest === undefined) return 'none'
    if (member.role === 'publisher') return oldest
    const now = this.#options.now()
    const isOver = Math.abs(now - oldest.connectedAt) > TURN
    return isOver && !lasts(this.#resting.get(member.node), TURN, now) ? oldest : 'none'
  }

  #onAdmitted(stream: NoiseSecretStream, admitted: AdmittedPeer, link: Link): void {
    this.#pending.delete(stream)
    const now = this.#options.now()
    const known = this.#peers.get(admitted.member.node)
    const place = known === undefined ? this.#placeFor(admitted.member) : 'free'
    if (place === 'none' || (known !== undefined && !this.#replaces(admitted, link, known, now))) {
      stream.destroy()
      return
    }
    const peer = new Peer(stream, admitted, link, now)
    this.#peers.set(peer.node, peer)
    known?.close()
    if (place !== 'free') {
      note(this.#resting, place.node, TURN, now)
      place.close()
    }
    keepAlive(stream)
    peer.onClose(() => this.#onClosed(peer))
    this.#options.log.debug({ peer: peer.member.name, link }, 'peer connected')
    this.#options.onPeer(peer)
  }

  #onClosed(peer: Peer): void {
    if (this.#peers.get(peer.node) === peer) this.#peers.delete(peer.node)
    if (peer.isExpelled) note(this.#exiles, peer.node, EXILE, this.#options.now())
    this.#options.log.debug({ peer: peer.member.name, link: peer.link }, 'peer gone')
  }

  #replaces(admitted: AdmittedPeer, link: Link, known: Peer, now: number): boolean {
    const own = Buffer.from(this.#options.identity.keyPair.publicKey).toString('hex')
    const newer = { ...admitted, transport: link.transport, connectedAt: now }
    const older = { ...known.admitted, transport: known.link.transport, connectedAt: known.connectedAt }
    return replaces(newer, older, { own, remote: known.node })
  }
}

/** Notes until when something lasts for a node, and forgets what is over. */
function note(map: Map<string, number>, node: string, time: number, now: number): void {
  for (const [other, until] of map) if (!lasts(until, time, now)) map.delete(other)
  map.set(node, now + time)
}

/** What would last longer than it can was noted before the clock was put right. */
const lasts = (until = 0, time: number, now: number) => until > now && until - now <= time
const hostOf = (address: string) => address.slice(0, address.lastIndexOf(':'))
