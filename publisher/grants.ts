// Countersigns the first node key of each invite. A grant lies in the feed (`/fleet/grants/<invite>`), where every path brings
// it to its node; the feed is also the memory of who has which invite. FORMAT 7.4.
import { z } from 'zod'
import { ChasquiError } from '../src/errors.ts'
import type { DriveFeed } from '../src/feed/feed.ts'
import { grantsIn, readGrantFile } from '../src/feed/grant-files.ts'
import type { FeedSnapshot } from '../src/feed/types.ts'
import type { RevokedFile } from '../src/fleet/revoked.ts'
import { equalBytes, fromHex, toHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { type Grant, grantPath, readGrant, sealForNode, signGrant } from '../src/trust/grant.ts'
import { keyPairOf } from '../src/trust/keys.ts'
import type { VerifiedMember } from '../src/trust/membership.ts'
import type { FleetInfo } from '../src/trust/trust.ts'
import type { PublisherApp } from './app.ts'
import { isRevoked } from './members.ts'

const grantArgs = z.strictObject({ branch: z.string().min(1) })

export interface Granted {
  name: string
  /** hex */
  node: string
  invite: string
}

/** Grants every member that was heard of in time and has none yet. Throws FEED_BEHIND, KEY_MISSING. */
export async function grantNewMembers(app: PublisherApp): Promise<Granted[]> {
  return grantMembers(app, ({ expires }) => app.now() <= expires)
}

/** `grant BRANCH`: by hand, also when the invite has ended meanwhile. Throws BRANCH_NOT_FOUND. */
export async function grantBranch(app: PublisherApp, raw: unknown): Promise<Granted[]> {
  const { branch } = grantArgs.parse(raw)
  const isMeant = ({ name, node }: Pick<VerifiedMember, 'name' | 'node'>) =>
    name === branch || node === branch
  await app.records.open()
  if (app.records.set.list('report').some(({ member }) => isMeant(member))) return grantMembers(app, isMeant)
  throw new ChasquiError('BRANCH_NOT_FOUND', `there is no report of a branch ${branch}`, {
    hint: 'see "chasqui publisher branches" for names and ids'
  })
}

async function grantMembers(
  app: PublisherApp,
  isMeant: (member: VerifiedMember) => boolean
): Promise<Granted[]> {
  await app.records.open()
  const { snapshot, trust, revoked } = await app.fleet.view()
  const enrolmentKeys = enrolmentKeysOf(trust.fleet)
  const members = app.records.set.list('report').flatMap((record) => memberOf(app, record.membership))
  const granted = new Map<string, Granted>()
  for (const member of members) {
    if (member.role !== 'branch' || isRevoked(revoked, member) || !isMeant(member)) continue
    // the first node that was heard of has the invite; a second one is a clone, which `fleet` shows
    const isTaken =
      granted.has(member.invite) || (await ownerOf(snapshot, member.invite, enrolmentKeys)) !== null
    if (!isTaken) granted.set(member.invite, { name: member.name, node: member.node, invite: member.invite })
  }
  if (granted.size === 0) return []
  const enrolment = keyPairOf((await app.keys.openOne('enrolment')).seed)
  const { generation } = trust.fleet.feed
  const put = [...granted.values()].map((one) => ({
    path: grantPath(one.invite),
    bytes: makeGrant(app, one, { feed: app.feed, generation }, enrolment.secretKey)
  }))
  await app.writer.publish({ put, remove: [] })
  return [...granted.values()]
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

/** The node that has an invite (hex), or null. */
async function ownerOf(
  snapshot: FeedSnapshot,
  invite: string,
  enrolmentKeys: readonly Uint8Array[]
): Promise<string | null> {
  const bytes = await readGrantFile(snapshot, invite)
  const [grant] = bytes === null ? [] : tryGrant(bytes, enrolmentKeys)
  return grant === undefined ? null : toHex(grant.node)
}

function bytesOf(text: string, length: number): Uint8Array {
  const bytes = fromHex(text, length)
  if (bytes === null) throw new TypeError(`not ${length} bytes of hex`)
  return bytes
}
