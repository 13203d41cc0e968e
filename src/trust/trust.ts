// What a branch may rely on after a refresh: targets by path, releases, the fleet's own keys, and how fresh it all is.
// Look-ups follow TUF 5.6.7; delegated roles are loaded and verified when a look-up first needs them.
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { releasePath } from '../release/release.ts'
import { sha256Hex } from './bytes.ts'
import { decodeEnvelope, type RootPart } from './envelope.ts'
import { LIMITS } from './limits.ts'
import { expiresAt, type ParsedTargets, signedAt } from './metadata.ts'
import { type DelegatedRole, matchesPattern } from './path-pattern.ts'
import type { TrustedSet } from './trusted-set.ts'

const hex32 = z.string().regex(/^[0-9a-f]{64}$/)

/** Field `x-chasqui` of root: what this fleet is. FORMAT 5.2. Later versions may add fields. */
export const fleetInfo = z.looseObject({
  fleetName: z.string().min(1).max(200),
  /** the one current feed; the generation grows when feed or encryption key are replaced */
  feed: z.looseObject({ key: hex32, generation: z.number().int().min(1) }),
  /** Ed25519 key that signs invites, grants and the publisher's membership */
  enrolment: hex32,
  /** former enrolment keys whose signatures still count */
  enrolmentAlso: z.array(hex32).max(16).optional(),
  /** X25519 key that reports are sealed to */
  sealing: hex32
})
export type FleetInfo = z.infer<typeof fleetInfo>

export interface TargetInfo {
  path: string
  /** bytes */
  length: number
  /** hex */
  sha256: string
  /** every hash that was signed, by algorithm */
  hashes: Readonly<Record<string, string>>
  /** the role that vouches for it */
  role: string
}

export interface ReleaseTarget extends TargetInfo {
  module: string
  track: string
  version: string
}

export interface Freshness {
  /** version of the timestamp role: the position in the fleet's history */
  version: number
  /** when the newest accepted timestamp was signed: also the time floor; ms since the epoch, null outside Chasqui */
  signedAt: number | null
  /** when it runs out; ms since the epoch */
  expiresAt: number
  /** something that was loaded is past its expiry */
  stale: boolean
  expired: { role: string; expires: string }[]
  /** this machine's clock is behind the time floor: time windows cannot be trusted */
  clockBehind: boolean
}

export interface Trust {
  readonly set: TrustedSet
  /** version of root */
  readonly rootVersion: number
  /** Throws TUF_MALFORMED when root describes no fleet. */
  readonly fleet: FleetInfo
  readonly freshness: Freshness
  /** The signed description of a target, or null when nobody vouches for it. Throws TUF_*. */
  target(path: string): Promise<TargetInfo | null>
  /** A role that targets delegates to, loaded and verified, or null when there is none of that name. Throws TUF_*. */
  role(name: string): Promise<ParsedTargets | null>
  findRelease(module: string, track: string, version: string): Promise<ReleaseTarget | null>
  /** Releases of one module, or of all: by module, track and version as text. */
  listReleases(module?: string): Promise<ReleaseTarget[]>
}

export interface RoleLoader {
  /** False for a role that was delegated and has published nothing yet: it counts as empty. */
  isPublished(role: string): boolean
  rolesFor(path: string): (role: ParsedTargets) => Pick<DelegatedRole, 'name' | 'terminating'>[]
  load(role: string, delegator: string): Promise<ParsedTargets>
}

/** What a node does about expired metadata. */
export type ExpiryPolicy = 'warn' | 'hold' | 'strict'

/** fresh: go on; stale: go on and say so; held: apply nothing new until newer metadata arrives. */
export function judgeFreshness(freshness: Freshness, policy: ExpiryPolicy): 'fresh' | 'stale' | 'held' {
  if (!freshness.stale) return 'fresh'
  return policy === 'warn' ? 'stale' : 'held'
}

/** Throws TARGET_MISMATCH unless `bytes` are what was signed. */
export function verifyTarget(target: TargetInfo, bytes: Uint8Array): void {
  if (bytes.length === target.length && sha256Hex(bytes) === target.sha256) return
  throw new ChasquiError('TARGET_MISMATCH', `${target.path} is not the file that ${target.role} signed`, {
    hint: 'this copy was changed on the way; fetch it again from another place'
  })
}

export function trustOf(set: TrustedSet, now: number, loader: RoleLoader): Trust {
  const target = (path: string) => findTarget(path, loader)
  return {
    set,
    rootVersion: set.root.signed.version,
    get fleet() {
      return readFleetInfo(set.root.raw)
    },
    get freshness() {
      return freshnessOf(set, now)
    },
    target,
    async role(name) {
      const known = set.targets?.delegations?.byName.has(name) ?? false
      return known && loader.isPublished(name) ? loader.load(name, 'targets') : null
    },
    async findRelease(module, track, version) {
      const found = await target(releasePath(module, track, version))
      return found === null ? null : { ...found, module, track, version }
    },
    listReleases: (module) => listReleases(module, target, loader)
  }
}

/** What a root says of its fleet; the bytes were verified before. Throws TUF_MALFORMED. */
export function fleetOfRoot(bytes: Uint8Array): FleetInfo {
  return readFleetInfo({ ...decodeEnvelope<RootPart>(bytes).signed })
}

function readFleetInfo(root: Record<string, unknown>): FleetInfo {
  const parsed = fleetInfo.safeParse(root['x-chasqui'])
  if (parsed.success) return parsed.data
  throw new ChasquiError('TUF_MALFORMED', 'root does not describe a fleet', { cause: parsed.error })
}

function freshnessOf(set: TrustedSet, now: number): Freshness {
  const timestamp = set.timestamp
  if (timestamp === null) throw new TypeError('nothing is loaded')
  const signed = signedAt(timestamp.raw)
  const expired = set.expired()
  return {
    version: timestamp.signed.version,
    signedAt: signed,
    expiresAt: expiresAt(timestamp.signed),
    stale: expired.length > 0,
    expired,
    clockBehind: signed !== null && now < signed
  }
}

/** TUF 5.6.7: pre-order, depth first; a terminating delegation ends the search below it. */
async function findTarget(path: string, loader: RoleLoader): Promise<TargetInfo | null> {
  // a pattern is matched as text: a path that means another place once it is resolved is nobody's
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return null
  const rolesFor = loader.rolesFor(path)
  const visited = new Set<string>()
  let toVisit: [role: string, delegator: string][] = [['targets', 'root']]
  while (toVisit.length > 0) {
    const [name, delegator] = toVisit.pop() as [string, string]
    if (visited.has(name)) continue // 5.6.7.1: cycles
    if (visited.size > LIMITS.visitedRoles) {
      throw new ChasquiError('TUF_LIMIT', `more than ${LIMITS.visitedRoles} roles are asked about ${path}`)
    }
    visited.add(name)
    if (!loader.isPublished(name)) continue
    const role = await loader.load(name, delegator)
    const found = ownTarget(role, name, path)
    if (found !== null) return found
    const children = rolesFor(role)
    const last = children.findIndex((child) => child.terminating)
    if (last >= 0) toVisit = []
    const followed = last < 0 ? children : children.slice(0, last + 1)
    toVisit.push(...followed.map((child): [string, string] => [child.name, name]).reverse())
  }
  return null
}

function ownTarget(role: ParsedTargets, name: string, path: string): TargetInfo | null {
  const found = Object.hasOwn(role.signed.targets, path) ? role.signed.targets[path] : undefined
  if (found === undefined) return null
  const sha256 = Object.hasOwn(found.hashes, 'sha256') ? (found.hashes.sha256 as string) : ''
  return { path, length: found.length, sha256, hashes: found.hashes, role: name }
}

async function listReleases(
  module: string | undefined,
  target: (path: string) => Promise<TargetInfo | null>,
  loader: RoleLoader
): Promise<ReleaseTarget[]> {
  const paths = new Set<string>()
  await collectPaths('targets', 'root', module, loader, paths, new Set())
  const found: ReleaseTarget[] = []
  for (const path of [...paths].sort()) {
    const [, name, track, version] = path.split('/') as [string, string, string, string]
    // what a role lists counts only when a look-up ends there
    const info = await target(path)
    if (info !== null) found.push({ ...info, module: name, track, version })
  }
  return found
}

async function collectPaths(
  name: string,
  delegator: string,
  module: string | undefined,
  loader: RoleLoader,
  paths: Set<string>,
  visited: Set<string>
): Promise<void> {
  if (visited.has(name) || !loader.isPublished(name)) return
  visited.add(name)
  const role = await loader.load(name, delegator)
  for (const path of Object.keys(role.signed.targets)) {
    const isRelease = /^releases\/[^/]+\/[^/]+\/[^/]+\/release\.json$/.test(path)
    if (isRelease && (module === undefined || path.split('/')[1] === module)) paths.add(path)
  }
  for (const child of role.delegations?.roles ?? []) {
    if (mayHoldReleases(child, module)) await collectPaths(child.name, name, module, loader, paths, visited)
  }
}

function mayHoldReleases(role: DelegatedRole, module: string | undefined): boolean {
  if (role.paths === null) return true
  return role.paths.some((pattern) => {
    const [first, second] = pattern.split('/')
    if (second === undefined || first === undefined || !matchesPattern('releases', first)) return false
    return module === undefined || matchesPattern(module, second)
  })
}

/** The fleet id: hex SHA-256 of the bytes of root version 1. */
export function fleetIdOf(firstRoot: Uint8Array): string {
  return sha256Hex(firstRoot)
}
