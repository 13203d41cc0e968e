// Files of the feed that its trust metadata vouches for: what is read by these is what was signed.
import { ChasquiError } from '../errors.ts'
import { parseRelease, RELEASE_LIMITS, type Release } from '../release/release.ts'
import { type ReleaseTarget, type TargetInfo, type Trust, verifyTarget } from '../trust/trust.ts'
import type { FeedSnapshot } from './types.ts'

/**
 * A target's file, at most `limit` bytes; null when nobody vouches for the path. Throws TARGET_MISMATCH, FILE_TOO_LARGE,
 * BLOCK_MISSING, TUF_*.
 */
export async function readTarget(
  trust: Trust,
  snapshot: FeedSnapshot,
  path: string,
  limit: number
): Promise<Uint8Array | null> {
  const target = await trust.target(path)
  return target === null ? null : readSigned(snapshot, target, limit)
}

/** What a release says of itself. Throws TARGET_MISMATCH, FILE_TOO_LARGE, BLOCK_MISSING, RELEASE_INVALID. */
export async function readRelease(snapshot: FeedSnapshot, target: ReleaseTarget): Promise<Release> {
  return parseRelease(await readSigned(snapshot, target, RELEASE_LIMITS.bytes))
}

async function readSigned(snapshot: FeedSnapshot, target: TargetInfo, limit: number): Promise<Uint8Array> {
  const bytes = await snapshot.read(`/${target.path}`, { limit })
  if (bytes === null)
    throw new ChasquiError('TARGET_MISMATCH', `${target.path} is signed but not in the feed`)
  verifyTarget(target, bytes)
  return bytes
}
