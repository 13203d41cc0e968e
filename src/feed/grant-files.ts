// Grants as the feed holds them: one small file per invite, required by every member, so that each can hand them on.
import { grantPath } from '../trust/grant.ts'
import { LIMITS } from '../trust/limits.ts'
import type { FeedSnapshot } from './types.ts'

const GRANT_LIMIT = LIMITS.grantBytes + LIMITS.membershipBytes // bytes

/** The grant of an invite (hex) as it is; null when there is none. */
export async function readGrantFile(
  snapshot: FeedSnapshot | null,
  invite: string
): Promise<Uint8Array | null> {
  return snapshot === null ? null : snapshot.read(grantPath(invite), { limit: GRANT_LIMIT })
}

/** The folder of the grants, without a slash at its end. */
export function grantsFolder(): string {
  return grantPath('').slice(0, -1)
}

/** Every grant of a version. */
export async function grantsIn(snapshot: FeedSnapshot | null): Promise<Uint8Array[]> {
  const grants: Uint8Array[] = []
  for (const path of (await snapshot?.list(grantsFolder())) ?? []) {
    const bytes = await snapshot?.read(path, { limit: GRANT_LIMIT })
    if (bytes !== null && bytes !== undefined) grants.push(bytes)
  }
  return grants
}
