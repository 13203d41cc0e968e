// Invites that were given after the key backup was made: a grant in the feed names the invite of every node that it was
// sealed for, so that a branch which does not report can still be revoked by the id of its invite.
import { grantsIn } from '../../src/feed/grant-files.ts'
import { formatTime, toHex } from '../../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../../src/trust/ceremony.ts'
import { type Grant, readGrant } from '../../src/trust/grant.ts'
import type { PublisherApp } from '../app.ts'
import { INVITE_PREFIX, type InviteEntry, listInvites } from '../members.ts'
import { groundOf } from './ground.ts'

/** Notes the invites of all grants in the feed that this home does not know. */
export async function recallInvites(app: PublisherApp): Promise<void> {
  const snapshot = await app.feed.snapshot()
  if (snapshot === null) return
  const known = new Set((await listInvites(app)).map(({ id }) => id))
  const keys = enrolmentKeysOf((await groundOf(app, { isLost: true })).fleet)
  const found = (await grantsIn(snapshot)).flatMap((bytes) => entryOf(bytes, keys))
  const lost = found.filter(({ id }) => !known.has(id))
  await app.state.put(Object.fromEntries(lost.map((entry) => [INVITE_PREFIX + entry.id, entry])))
}

/** Its name comes back with its first report. */
function entryOf(bytes: Uint8Array, keys: readonly Uint8Array[]): InviteEntry[] {
  try {
    const grant: Grant = readGrant(bytes, keys)
    const issued = formatTime(grant.issued)
    const id = toHex(grant.invite)
    return [{ id, name: id.slice(0, 8), groups: [], modules: ['*'], issued, expires: issued }]
  } catch {
    return [] // nobody trusts it any more
  }
}
