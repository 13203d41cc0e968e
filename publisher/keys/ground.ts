// What a change of keys starts from, also when a thief's metadata is the newest of the feed: the newest root, and of
// everything else what this publisher has signed itself or what is left of it.
import { ChasquiError } from '../../src/errors.ts'
import { tufPath } from '../../src/feed/tuf-files.ts'
import { openTrustStore } from '../../src/system/trust-store.ts'
import type { Current } from '../../src/trust/current.ts'
import { type ParsedTargets, parseRoot, parseTargets } from '../../src/trust/metadata.ts'
import { CHASQUI_PROFILE } from '../../src/trust/profile.ts'
import { salvage } from '../../src/trust/salvage.ts'
import { type FleetInfo, fleetOfRoot } from '../../src/trust/trust.ts'
import type { TrustedSet } from '../../src/trust/trusted-set.ts'
import type { PublisherApp } from '../app.ts'
import { ownRoles } from '../own-work.ts'

export interface Ground {
  current: Current
  fleet: FleetInfo
  /** who may sign: like the trusted set of a `Trust` */
  set: { root: TrustedSet['root']; targets: ParsedTargets | null }
}

/** What a thief of the online key can make of the newest version. */
const ROBBED = ['CHANNELS_INVALID', 'REVOKED_INVALID', 'TARGET_MISMATCH', 'FILE_TOO_LARGE']

/**
 * `isLost`: also when the feed here is known to be older than what was signed. Throws FEED_EMPTY, FEED_BEHIND, TUF_MISSING
 * when this home never knew the fleet.
 */
export async function groundOf(app: PublisherApp, { isLost = false } = {}): Promise<Ground> {
  // this takes the newest root out of the feed as well, whatever comes after root
  await app.fleet.view().catch((error: unknown) => {
    if (!isRobbed(error) && !(isLost && isBehind(error))) throw error
  })
  const snapshot = await app.feed.snapshot()
  const root = (await openTrustStore(app.paths.trust).load()).get('root.json')
  if (root === undefined || snapshot === null)
    throw new ChasquiError('TUF_MISSING', 'there is no root metadata yet')
  const files = await snapshot.list('/tuf')
  const current = await salvage({
    root,
    own: await ownRoles(app),
    names: files.map((path) => path.slice('/tuf/'.length)),
    read: (name, limit) => snapshot.read(tufPath(name), { limit })
  })
  const targets = current.targets === undefined ? null : parseTargets(current.targets, CHASQUI_PROFILE)
  return { current, fleet: fleetOfRoot(root), set: { root: parseRoot(root, CHASQUI_PROFILE), targets } }
}

/** Is the newest metadata of the feed not what this publisher has signed? */
export function isRobbed(error: unknown): boolean {
  return error instanceof ChasquiError && (error.code.startsWith('TUF_') || ROBBED.includes(error.code))
}

/** Is the feed here older than what this publisher has signed? */
export function isBehind(error: unknown): boolean {
  return error instanceof ChasquiError && error.code === 'FEED_BEHIND'
}
