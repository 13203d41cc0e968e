// Follows the fleet to another feed: when the newest root names one and the publisher's grant opens it for this node. Root
// and grant come by any path (members, sticks, the old feed), in any order. FORMAT 7.6.
import { dropFeed } from '../src/feed/drop.ts'
import type { Store } from '../src/feed/store.ts'
import type { HomePaths } from '../src/system/home.ts'
import type { Log } from '../src/system/log.ts'
import { equalBytes, fromHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { type Grant, openGrant, readGrant } from '../src/trust/grant.ts'
import type { FleetInfo } from '../src/trust/trust.ts'
import { type FleetAccess, type NodeIdentity, saveAccess } from './identity.ts'

const OFFERED = 8 // grants that wait for their root

export interface FollowHost {
  identity: NodeIdentity
  paths: HomePaths
  store: Store
  log: Log
  /** what the newest root says; null before it was read once */
  fleet(): FleetInfo | null
  /** one piece of work that changes apps or the feed after the other */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** makes `access` the node's own, durably, and opens its feed in place of the former one */
  move(access: FleetAccess): Promise<void>
  moved(): void
}

export class FeedFollower {
  readonly #host: FollowHost
  /** grants that came for a feed which root may not name yet; whoever brought them, newest first */
  #offered: Uint8Array[] = []

  constructor(host: FollowHost) {
    this.#host = host
  }

  /** A grant came in, for whatever feed: moves when it is good and root names that one. */
  offer(grant: Uint8Array): Promise<boolean> {
    this.#offered = [grant, ...this.#offered].slice(0, OFFERED)
    return this.follow()
  }

  /** Goes to the feed that the newest root names, once its key is here; true when it went. */
  async follow(): Promise<boolean> {
    if (this.#next() === null) return false
    return this.#host.inTurn(async () => {
      const access = this.#next()
      if (access === null) return false
      this.#offered = []
      await this.#host.move(access)
      this.#host.log.info({ feed: this.#host.fleet()?.feed }, 'followed the fleet to its new feed')
      this.#host.moved()
      return true
    })
  }

  /** For those who must not wait: links go down and up again on the way. */
  followSoon(): void {
    const { log } = this.#host
    this.follow().catch((error: unknown) => log.warn({ err: error }, 'the new feed cannot be followed'))
  }

  /** The new feed is readable here: the old ones' blocks go. */
  async dropFormer(): Promise<void> {
    const { identity, store, paths, log } = this.#host
    const { formerFeeds, ...access } = identity.access
    if (formerFeeds === undefined) return
    try {
      for (const key of formerFeeds) await dropFeed(store, key)
      await saveAccess(paths, access)
      identity.access = access
    } catch (error) {
      log.warn({ err: error }, 'the former feed could not be removed')
    }
  }

  #next(): FleetAccess | null {
    const { identity, log } = this.#host
    const fleet = this.#host.fleet()
    if (fleet === null) return null
    for (const offered of this.#offered) {
      try {
        const access = nextAccess(identity, fleet, offered)
        if (access !== null) return access
      } catch (error) {
        log.warn({ err: error }, 'a grant that was brought is not good')
      }
    }
    return null
  }
}

/** The way to the feed that root names, when this grant opens it; null when there is nothing to follow. Throws GRANT_INVALID. */
export function nextAccess(
  identity: NodeIdentity,
  fleet: FleetInfo,
  offered: Uint8Array
): FleetAccess | null {
  const { access } = identity
  const { key, generation } = fleet.feed
  if (generation <= access.generation) return null
  const grant = readGrant(offered, enrolmentKeysOf(fleet))
  const feedKey = fromHex(key, 32)
  const isNamed = feedKey !== null && equalBytes(grant.feed, feedKey) && grant.generation === generation
  if (!isNamed || !equalBytes(grant.fleet, access.fleetId)) return null
  return {
    ...access,
    feedKey,
    feedEncryptionKey: openGrant(grant, identity.keyPair),
    generation,
    formerFeeds: [...(access.formerFeeds ?? []), access.feedKey]
  }
}

/** The one of these grants that is for a node; null without one. */
export function ownGrant(
  grants: readonly Uint8Array[],
  fleet: FleetInfo,
  node: Uint8Array
): Uint8Array | null {
  const keys = enrolmentKeysOf(fleet)
  const isOwn = (bytes: Uint8Array) => equalBytes(tryRead(bytes, keys)?.node ?? new Uint8Array(0), node)
  return grants.find(isOwn) ?? null
}

function tryRead(bytes: Uint8Array, keys: readonly Uint8Array[]): Grant | null {
  try {
    return readGrant(bytes, keys)
  } catch {
    return null
  }
}
