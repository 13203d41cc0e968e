// Countersigns the first node key of each invite. A grant lies in the feed (`/fleet/grants/<invite>`), where every path brings
// it to its node; the feed is also the memory of who has which invite. FORMAT 7.4.
import type { DriveFeed } from '../src/feed/feed.ts'
import { grantsIn, readGrantFile } from '../src/feed/grant-files.ts'
import { ownerIn } from '../src/feed/grant-owners.ts'
import type { FeedSnapshot } from '../src/feed/types.ts'
import type { RevokedFile } from '../src/fleet/revoked.ts'
import { equalBytes, fromHex, toHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { type Grant, grantPath, readGrant, sealForNode, signGrant } from '../src/trust/grant.ts'
import { keyPairOf } from '../src/trust/keys.ts'
import type { VerifiedMember } from '../src/trust/membership.ts'
import type { FleetInfo } from '../src/trust/trust.ts'
import type { PublisherApp } from './app.ts'
import type { FleetView } from './fleet-keeper.ts'
import { isRevoked } from './members.ts'

export interface Granted {
  name: string
  /** hex */
  node: string
  invite: string
}

/**
 * Grants every member that was heard of in time and has none yet, or those of `invites` only. Of several nodes on one
 * invite, the one that was heard of first. Throws FEED_BEHIND, KEY_MISSING.
 */
export async function grantNewMembers(
  app: PublisherApp,
  invites: ReadonlySet<string> | null = null
): Promise<Granted[]> {
  const isInTime = ({ expires }: VerifiedMember) => app.now() <= expires
  const members = (await ungranted(app)).filter(
    (member) => isInTime(member) && (invites === null || invites.has(member.invite))
  )
  return putGrants(app, await firstOfFree(app, members))
}

/** Branches in the order in which they were first heard of, as far as their membership is still good. */
export function branchMembers(app: PublisherApp): VerifiedMember[] {
  return app.records.set
    .list('report')
    .flatMap((record) => memberOf(app, record.membership))
    .filter(({ role }) => role === 'branch')
    .sort((a, b) => app.records.arrival('report', a.node) - app.records.arrival('report', b.node))
}

async function ungranted(app: PublisherApp): Promise<VerifiedMember[]> {
  await app.records.open()
  await app.fleet.view()
  return branchMembers(app).filter(({ granted }) => !granted)
}

/** The first node of each invite that has no owner; a second one is a clone, which `fleet` shows. */
export async function firstOfFree(app: PublisherApp, members: readonly VerifiedMember[]): Promise<Granted[]> {
  const view = await app.fleet.view()
  const granted = new Map<string, Granted>()
  for (const { name, node, invite } of members) {
    const isTaken = granted.has(invite) || (await ownerOf(view, invite)) !== null
    if (!isTaken) granted.set(invite, { name, node, invite })
  }
  return [...granted.values()]
}

/** Publishes the grants, if there are any. Throws KEY_MISSING (enrolment). */
export async function putGrants(app: PublisherApp, granted: Granted[]): Promise<Granted[]> {
  if (granted.length > 0) await app.writer.publish({ put: await grantFiles(app, granted), remove: [] })
  return granted
}

/** A grant for each, as a file of the feed. Throws KEY_MISSING (enrolment). */
export async function grantFiles(app: PublisherApp, granted: readonly Granted[]) {
  const { generation } = (await app.fleet.view()).trust.fleet.feed
  const enrolment = keyPairOf((await app.keys.openOne('enrolment')).seed)
  return granted.map((one) => ({
    path: grantPath(one.invite),
    bytes: makeGrant(app, one, { feed: app.feed, generation }, enrolment.secretKey)
  }))
}

export interface NextGrants {
  put: { path: string; bytes: Uint8Array }[]
  remove: string[]
  /** nodes that have the new key with these */
  live: number
}

/**
 * Every grant of the feed of now once more, for another feed: the same nodes but those that were revoked. `there`: grants
 * that the other feed has already.
 */
export async function renewGrants(
  app: PublisherApp,
  next: { feed: DriveFeed; generation: number; there: readonly Uint8Array[] },
  from: { snapshot: FeedSnapshot; fleet: FleetInfo; revoked: RevokedFile }
): Promise<NextGrants> {
  const { snapshot, fleet, revoked } = from
  const enrolmentKeys = enrolmentKeysOf(fleet)
  const enrolment = keyPairOf((await app.keys.openOne('enrolment')).seed)
  const isOut = (grant: Grant) => isRevoked(revoked, { invite: toHex(grant.invite), node: toHex(grant.node) })
  const there = next.there.flatMap((bytes) => tryGrant(bytes, enrolmentKeys))
  const done = new Set(
    there
      .filter((grant) => grant.generation === next.generation && equalBytes(grant.feed, next.feed.key))
      .map(({ invite }) => toHex(invite))
  )
  const live = (await grantsIn(snapshot))
    .flatMap((bytes) => tryGrant(bytes, enrolmentKeys))
    .filter((grant) => !isOut(grant))
  const put = live.flatMap((grant) => {
    const [invite, node] = [toHex(grant.invite), toHex(grant.node)]
    if (done.has(invite)) return []
    const bytes = makeGrant(app, { name: '', invite, node }, next, enrolment.secretKey, grant.certificate)
    return [{ path: grantPath(invite), bytes }]
  })
  const remove = there.filter(isOut).map(({ invite }) => grantPath(toHex(invite)))
  return { put, remove, live: live.length }
}

/** A grant that nobody trusts any more counts as none. */
function tryGrant(bytes: Uint8Array, enrolmentKeys: readonly Uint8Array[]): Grant[] {
  try {
    return [readGrant(bytes, enrolmentKeys)]
  } catch {
    return []
  }
}

/** What a record's membership says now; nothing when it is not good any more. */
function memberOf(app: PublisherApp, membership: Uint8Array): VerifiedMember[] {
  try {
    return [app.fleet.verifyMembership(membership, null)]
  } catch {
    return []
  }
}

function makeGrant(
  app: PublisherApp,
  { node, invite }: Granted,
  { feed, generation }: { feed: DriveFeed; generation: number },
  key: Uint8Array,
  certificate: Uint8Array = new Uint8Array(0)
): Uint8Array {
  const owner = bytesOf(node, 32)
  return signGrant(
    {
      fleet: bytesOf(app.fleet.id, 32),
      invite: bytesOf(invite, 16),
      node: owner,
      issued: app.now(),
      generation,
      feed: feed.key,
      sealedKey: sealForNode(feed.identity.encryptionKey, owner),
      certificate
    },
    key
  )
}

/** The node (hex) that has an invite (hex), or null. */
export async function ownerOf({ snapshot, trust }: FleetView, invite: string): Promise<string | null> {
  const bytes = await readGrantFile(snapshot, invite)
  return bytes === null ? null : ownerIn(bytes, invite, enrolmentKeysOf(trust.fleet))
}

function bytesOf(text: string, length: number): Uint8Array {
  const bytes = fromHex(text, length)
  if (bytes === null) throw new TypeError(`not ${length} bytes of hex`)
  return bytes
}
