// Which packs a publish writes: a delta from the previous release and from every release that a channel still points at; a
// keyframe first of all, and again when the deltas since the last one have become dear.
import type { PackInfo, Release } from './release.ts'
import { cheapestPath } from './route.ts'
import { compareVersions, type VersionOrder } from './version.ts'

export interface PackPlan {
  /** versions to write a delta from, the previous release first */
  deltasFrom: string[]
  /** write a full pack whatever the deltas turn out to cost */
  keyframe: boolean
}

const CHAIN_LIMIT = 50 // packs from the last keyframe: each one costs a branch some work
const DELTAS_LIMIT = 5 // deltas of one release: each one costs the publisher a run

/**
 * `releases`: the earlier ones of the same module and track. `pointedAt`: versions that a channel names now.
 * Pure: which of the deltas are worth keeping is known only after they were made, see `choosePacks`.
 */
export function planPacks(releases: readonly Release[], pointedAt: readonly string[]): PackPlan {
  const previous = newestRelease(releases)
  if (previous === null) return { deltasFrom: [], keyframe: true }
  const known = new Set(releases.map((release) => release.version))
  const others = [...new Set(pointedAt)]
    .filter((version) => known.has(version) && version !== previous.version)
    .sort((a, b) => compareVersions(previous.order, b, a))
  const chain = chainSinceKeyframe(releases, previous)
  return {
    deltasFrom: [previous.version, ...others].slice(0, DELTAS_LIMIT),
    keyframe: chain === null || chain.packs >= CHAIN_LIMIT
  }
}

/**
 * After the planned deltas were made: true when a new keyframe is due, because a branch that starts from the last one
 * would download more than half of it again on the way.
 */
export function keyframeDue(releases: readonly Release[], deltaBytes: number): boolean {
  const previous = newestRelease(releases)
  const chain = previous === null ? null : chainSinceKeyframe(releases, previous)
  return chain === null || chain.deltaBytes + deltaBytes > chain.keyframeBytes / 2
}

/** The deltas that are worth keeping beside a full pack: those that are smaller than it. */
export function choosePacks(packs: readonly PackInfo[]): PackInfo[] {
  const full = packs.find((pack) => pack.kind === 'full')
  return packs.filter((pack) => pack.kind === 'full' || full === undefined || pack.bytes < full.bytes)
}

/** The release with the highest version, or null. */
export function newestRelease(releases: readonly Release[]): Release | null {
  return releases.reduce<Release | null>(
    (best, release) => (best === null || isNewer(release, best) ? release : best),
    null
  )
}

function isNewer(release: Release, than: Release): boolean {
  const order: VersionOrder = than.order
  return compareVersions(order, release.version, than.version) > 0
}

/** What a branch that has nothing downloads for the newest release: a keyframe and the deltas after it. Null without a keyframe. */
function chainSinceKeyframe(
  releases: readonly Release[],
  newest: Release
): { keyframeBytes: number; deltaBytes: number; packs: number } | null {
  const route = cheapestPath({ releases, have: null, want: newest.version })
  const keyframe = route?.steps[0]
  if (route === null || keyframe === undefined) return null
  const keyframeBytes = keyframe.pack.bytes
  return { keyframeBytes, deltaBytes: route.bytes - keyframeBytes, packs: route.steps.length }
}
