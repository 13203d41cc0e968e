// Takes the publisher's grant out of the feed when it is there: from then on this node is a member for good, and its
// invite belongs to no other. FORMAT 7.4.
import { readGrantFile } from '../src/feed/grant-files.ts'
import type { FeedSnapshot } from '../src/feed/types.ts'
import { equalBytes, fromHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { openGrant, readGrant } from '../src/trust/grant.ts'
import { cloned, withGrant } from '../src/trust/membership.ts'
import type { Trust } from '../src/trust/trust.ts'
import type { NodeApp } from './app.ts'
import { writeMembership } from './identity.ts'
import type { Members } from './members.ts'

/** True when the membership is a better one now. Throws GRANT_INVALID, MEMBER_CLONED (this home is a clone), MEMBER_REVOKED. */
export async function takeGrant(
  app: Pick<NodeApp, 'home' | 'identity' | 'paths'> & { members: Pick<Members, 'self' | 'verify'> },
  { trust, snapshot }: { trust: Trust; snapshot: FeedSnapshot }
): Promise<boolean> {
  const { identity } = app
  const { invite, name } = app.members.self()
  const bytes = await readGrantFile(snapshot, invite)
  if (bytes === null) return false
  const grant = readGrant(bytes, enrolmentKeysOf(trust.fleet))
  if (!equalBytes(grant.node, identity.keyPair.publicKey)) throw cloned(name)
  openGrant(grant, identity.keyPair)
  const fleet = fromHex(app.home.fleet, 32)
  if (fleet === null || !equalBytes(grant.fleet, fleet)) return false
  const next = withGrant(identity.membership, bytes)
  if (equalBytes(next, identity.membership)) return false
  app.members.verify(next, null)
  await writeMembership(app.paths, next)
  identity.membership = next
  return true
}
