// Follows the fleet to another feed: when the newest root names one and the publisher's grant opens it for this node. Root
// and grant come by any path (members, sticks, the old feed), in any order. FORMAT 7.6.
import { equalBytes, fromHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { type Grant, openGrant, readGrant } from '../src/trust/grant.ts'
import type { FleetInfo } from '../src/trust/trust.ts'
import type { FleetAccess, NodeIdentity } from './identity.ts'

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
