// May this version follow the earlier releases of its module and track? Same content again is nothing to do; other
// content under an old version, a lower version or another version order is refused.
import { ChasquiError } from '../errors.ts'
import { newestRelease } from './plan.ts'
import type { Release } from './release.ts'
import { compareVersions, detectOrder, isVersion, nextBuild, type VersionOrder } from './version.ts'

export interface Candidate {
  module: string
  version: string
  /** root hash of its file list */
  root: string
  /** the order that the module's own files call for (Odoo), when they do */
  order?: VersionOrder | undefined
}

export type NextRelease =
  | { outcome: 'unchanged'; release: Release }
  | { outcome: 'new'; version: string; order: VersionOrder; previous: Release | null }

export interface NextOptions {
  /** other content under the last version becomes `version+n` */
  allowSameVersion?: boolean
}

/** Throws VERSION_INVALID, VERSION_ORDER_CHANGED, VERSION_EXISTS, VERSION_LOWER. */
export function checkNext(
  releases: readonly Release[],
  candidate: Candidate,
  options: NextOptions = {}
): NextRelease {
  const previous = newestRelease(releases)
  const order = orderFor(previous, candidate)
  const same = releases.find((release) => release.version === candidate.version)
  if (same?.files.root === candidate.root) return { outcome: 'unchanged', release: same }
  if (previous === null) return { outcome: 'new', version: candidate.version, order, previous }
  if (isSameBut(previous, candidate, order)) {
    if (previous.files.root === candidate.root) return { outcome: 'unchanged', release: previous }
    if (options.allowSameVersion)
      return { outcome: 'new', version: nextBuild(order, previous.version), order, previous }
  }
  const rank = compareVersions(order, candidate.version, previous.version)
  if (same !== undefined || rank === 0) throw existsError(candidate)
  if (rank < 0) throw lowerError(candidate, previous)
  return { outcome: 'new', version: candidate.version, order, previous }
}

function orderFor(previous: Release | null, candidate: Candidate): VersionOrder {
  if (previous === null) return candidate.order ?? detectOrder(candidate.version)
  if (isVersion(previous.order, candidate.version)) return previous.order
  throw new ChasquiError(
    'VERSION_ORDER_CHANGED',
    `${candidate.module} ${candidate.version} is not a ${previous.order} version like ${previous.version} before it`,
    { hint: 'keep one version order for a module, or use another track' }
  )
}

/** The candidate's version is the previous one's without its build number. */
function isSameBut(previous: Release, candidate: Candidate, order: VersionOrder): boolean {
  const [base] = previous.version.split('+') as [string]
  return compareVersions(order, candidate.version, base) === 0
}

function existsError(candidate: Candidate): ChasquiError {
  return new ChasquiError(
    'VERSION_EXISTS',
    `${candidate.module} ${candidate.version} is already published with other content`,
    { hint: 'raise the version, or add --allow-same-version to release it as another build' }
  )
}

function lowerError(candidate: Candidate, previous: Release): ChasquiError {
  return new ChasquiError(
    'VERSION_LOWER',
    `${candidate.module} ${candidate.version} is lower than the last release ${previous.version}`,
    { hint: `raise the version above ${previous.version}, or publish on another track` }
  )
}
