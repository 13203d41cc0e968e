// The peers that the exchange has a channel with: of each the newest session.
import type { LinkClass } from '../peer.ts'
import { Flow } from './flow.ts'
import type { Holder } from './plan.ts'
import type { Neighbour } from './requests.ts'
import type { BlockSession } from './session.ts'
import type { Interest } from './wire.ts'

export class Neighbours {
  #all = new Map<string, Neighbour>()

  /** By node key. */
  get(id: string): Neighbour | undefined {
    return this.#all.get(id)
  }

  /** Undefined when a newer session has taken its place. */
  of(session: BlockSession): Neighbour | undefined {
    const neighbour = this.#all.get(session.id)
    return neighbour?.session === session ? neighbour : undefined
  }

  add(session: BlockSession): Neighbour {
    const isLan = session.peer.link.class === 'lan'
    const flow = new Flow(isLan)
    const holder: Holder = {
      id: session.id,
      isLan,
      isFetching: false,
      inFlight: 0,
      get limit() {
        return flow.limit
      }
    }
    const neighbour = { session, holder, flow, timeouts: 0, late: new Set<number>() }
    this.#all.set(session.id, neighbour)
    return neighbour
  }

  remove({ session }: Neighbour): void {
    this.#all.delete(session.id)
  }

  classOf({ id }: Holder): LinkClass {
    return this.#all.get(id)?.session.peer.link.class ?? 'internet'
  }

  /** They have said what they are after, or there is another core now. */
  noteFetching(): void {
    for (const { session, holder } of this.#all.values()) holder.isFetching = session.interests.length > 0
  }

  tellInterest(interest: Interest): void {
    for (const { session } of this.#all.values()) session.tellInterest(interest)
  }

  /** Tells those on the LAN that fetch too. */
  tellFetching(tell: (session: BlockSession) => void): void {
    for (const { session, holder } of this.#all.values()) if (holder.isLan && holder.isFetching) tell(session)
  }
}
