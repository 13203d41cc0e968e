// Who a staged rollout reaches, and when failures stop it. Pure: the branch and the publisher get the same answer from the
// same signed file, without talking to one another.
import sodium from 'sodium-native'
import type { Rollout } from './channels.ts'

/** A branch as rollouts see it. */
export interface Branch {
  /** node key, hex */
  node: string
  name: string
  groups: readonly string[]
}

export interface ReleaseName {
  module: string
  track: string
  version: string
}

const HOUR = 3_600_000 // milliseconds
const COHORTS = 10_000

/** The place of a branch in the order in which it gets a release: 0 (first) to 9,999. FORMAT 11. */
export function cohortOf(node: string, release: ReleaseName): number {
  const text = `chasqui/cohort/1\0${release.module}\0${release.track}\0${release.version}\0${node}`
  const hash = Buffer.alloc(32)
  sodium.crypto_hash_sha256(hash, Buffer.from(text))
  return hash.readUInt32BE(0) % COHORTS
}

/** How much of the fleet is reached at `now` (ms), by percentage or by the phase that has begun: 0 to 100. A rollout that stands is read at its stop. */
export function percentageAt(rollout: Rollout, now: number): number {
  if (rollout.phases === undefined || rollout.phases.length === 0) {
    return rollout.percentage ?? (onlyNamed(rollout) ? 0 : 100)
  }
  let begins = Date.parse(rollout.started)
  let reached = 0
  const at = rollout.status === 'active' || rollout.stopped === undefined ? now : Date.parse(rollout.stopped)
  for (const phase of rollout.phases) {
    if (at < begins) break
    reached = phase.percentage
    begins += phase.soak * HOUR
  }
  return reached
}

function onlyNamed(rollout: Rollout): boolean {
  return rollout.branches !== undefined && rollout.branches.length > 0 && rollout.groups === undefined
}

export type Reach = 'reached' | 'later' | 'paused' | 'halted'

/** Should this branch get the release now? Named branches first, then groups, then the percentage. */
export function reachOf(
  rollout: Rollout | undefined,
  release: ReleaseName,
  branch: Branch,
  now: number
): Reach {
  if (rollout === undefined) return 'reached'
  if (rollout.status !== 'active') return rollout.status
  const names = rollout.branches ?? []
  if (names.includes(branch.name) || names.includes(branch.node)) return 'reached'
  const groups = rollout.groups ?? []
  if (groups.length > 0 && !branch.groups.some((group) => groups.includes(group))) return 'later'
  const threshold = percentageAt(rollout, now) * (COHORTS / 100)
  return cohortOf(branch.node, release) < threshold ? 'reached' : 'later'
}

/** One branch's outcome with a release, as its signed report says. */
export interface Outcome {
  /** id of the invite that the branch joined with: copies of one invite are one voice */
  invite: string
  round: number
  failed: boolean
}

export interface HaltVerdict {
  halted: boolean
  /** invites that failed, and all that tried, in this round */
  failed: string[]
  tried: number
}

/** Do the failures pass the threshold in the signed policy? An invite that failed once counts as failed. */
export function haltVerdict(rollout: Rollout | undefined, outcomes: Iterable<Outcome>): HaltVerdict {
  const tried = new Set<string>()
  const failed = new Set<string>()
  for (const outcome of outcomes) {
    if (rollout !== undefined && outcome.round < rollout.round) continue
    tried.add(outcome.invite)
    if (outcome.failed) failed.add(outcome.invite)
  }
  const policy = rollout?.haltAfter
  const halted =
    policy !== undefined &&
    failed.size >= policy.failures &&
    failed.size * 100 >= policy.percentage * tried.size
  return { halted, failed: [...failed].sort(), tried: tried.size }
}
