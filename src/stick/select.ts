// Which releases go on a stick, and which blocks those are: everything, or what a filter names (modules, a channel, only
// the newest, what named branches lack by their last reports). Reads the home's own verified view of the fleet.
import { ChasquiError } from '../errors.ts'
import { readRelease } from '../feed/signed-files.ts'
import type { BlockRange, FeedSnapshot } from '../feed/types.ts'
import { type Channels, pointerOf, yankOf } from '../fleet/channels.ts'
import { matchesAny } from '../fleet/pattern.ts'
import { packPath, type Release } from '../release/release.ts'
import { cheapestPath } from '../release/route.ts'
import { compareVersions } from '../release/version.ts'
import type { Trust } from '../trust/trust.ts'
import type { SelectedRelease, SelectOptions, StickFilter, StickSelection } from './home.ts'
import { type Branch, findBranches, type HeardOf } from './select-branch.ts'

export interface SelectionSource extends HeardOf {
  snapshot: FeedSnapshot
  trust: Trust
  channels: Channels
  /** Does this branch need a keyframe of the module, because its own copy cannot serve as a base? */
  needsKeyframe?(node: string, module: string): boolean
}

/** All releases of one module and track. */
interface Line {
  module: string
  track: string
  releases: Release[]
}

/** Throws STICK_BRANCH_UNKNOWN, STICK_NOTHING_SELECTED, TUF_*, RELEASE_INVALID. */
export async function selectReleases(
  source: SelectionSource,
  filter: StickFilter | null,
  { skipUnknown = false }: SelectOptions = {}
): Promise<StickSelection> {
  if (filter === null) return { releases: await listAll(source), blocks: [], branches: [] }
  const { branches, skipped } = findBranches(source, filter.branches, skipUnknown)
  // without any branch that is known, nothing is wanted: not everything
  if (branches.length === 0 && skipped.length > 0) return { releases: [], blocks: [], branches, skipped }
  const lines = await readLines(source, filter.modules)
  for (const pattern of filter.modules) requireMatch(lines, pattern)
  const chosen = new Map<string, { release: Release; packs: Set<string> }>()
  for (const line of lines) {
    for (const { release, packs } of choose(line, source, filter, branches)) {
      const key = `${release.module}/${release.track}/${release.version}`
      const before = chosen.get(key)?.packs ?? new Set<string>()
      chosen.set(key, { release, packs: new Set([...before, ...packs]) })
    }
  }
  if (chosen.size === 0 && branches.length === 0) {
    throw new ChasquiError('STICK_NOTHING_SELECTED', 'no release fits what was asked for', {
      hint: 'look at "publisher releases" for names, and at the channel'
    })
  }
  const releases: SelectedRelease[] = []
  for (const { release, packs } of chosen.values()) releases.push(await locate(source, release, packs))
  const blocks = releases.flatMap((release) => release.blocks)
  return { releases, blocks, branches: branches.map(({ node, name }) => ({ node, name })), skipped }
}

async function listAll(source: SelectionSource): Promise<SelectedRelease[]> {
  const found: SelectedRelease[] = []
  for (const { releases } of await readLines(source, [])) {
    for (const release of releases) {
      found.push(await locate(source, release, new Set(release.packs.map(({ sha256 }) => sha256))))
    }
  }
  return found
}

/** A typing mistake must not make a stick that lacks what the branch waits for. */
function requireMatch(lines: readonly Line[], pattern: string): void {
  if (lines.some(({ module }) => matchesAny([pattern], module))) return
  throw new ChasquiError('STICK_NOTHING_SELECTED', `no published module fits ${pattern}`, {
    hint: 'look at "publisher releases" for names'
  })
}

async function readLines(source: SelectionSource, modules: readonly string[]): Promise<Line[]> {
  const lines = new Map<string, Line>()
  for (const target of await source.trust.listReleases()) {
    if (modules.length > 0 && !matchesAny(modules, target.module)) continue
    const key = `${target.module}/${target.track}`
    const line = lines.get(key) ?? { module: target.module, track: target.track, releases: [] }
    line.releases.push(await readRelease(source.snapshot, target))
    lines.set(key, line)
  }
  return [...lines.values()]
}

interface Choice {
  release: Release
  /** packs of it that travel, by hash */
  packs: string[]
}

function choose(
  line: Line,
  source: SelectionSource,
  filter: StickFilter,
  branches: readonly Branch[]
): Choice[] {
  const wanted = wantedReleases(line, source.channels, filter)
  if (branches.length === 0) {
    if (filter.channel === null && !filter.latest) return line.releases.map(wholeRelease)
    return wanted.flatMap((release) => [wholeRelease(release), ...routeTo(line, null, release)])
  }
  return branches.flatMap((branch) => forBranch(line, wanted, branch, filter, source))
}

/**
 * What the channel (or any channel) points at, and what those run whom a rollout has not reached. With --latest the newest that
 * is not withdrawn too: it may be on its way to a channel, and nobody may apply it yet.
 */
function wantedReleases(line: Line, channels: Channels, filter: StickFilter): Release[] {
  const names = filter.channel === null ? Object.keys(channels.channels) : [filter.channel]
  const versions = new Set<string>()
  if (filter.latest && filter.channel === null) {
    const usable = line.releases.filter(
      ({ version }) => yankOf(channels.yanked, line.module, line.track, version) === null
    )
    if (usable.length > 0) versions.add(usable.reduce((a, b) => (isNewer(b, a) ? b : a)).version)
  }
  for (const name of names) {
    const pointer = pointerOf(channels, name, line.module, line.track)
    if (pointer === null) continue
    versions.add(pointer.version)
    if (pointer.rollout?.from != null) versions.add(pointer.rollout.from)
  }
  return line.releases.filter(({ version }) => versions.has(version))
}

function forBranch(
  line: Line,
  wanted: readonly Release[],
  branch: Branch,
  filter: StickFilter,
  source: SelectionSource
): Choice[] {
  const installed = [...(branch.installed.get(`${line.module}/${line.track}`) ?? [])]
  const isHere = installed.length > 0
  if (!matchesAny(branch.entitled, line.module) || (!isHere && !isNew(line, branch, filter))) return []
  const { node } = branch
  if (!isHere || (node !== null && source.needsKeyframe?.(node, line.module) === true)) {
    return wanted.flatMap((release) => routeTo(line, null, release))
  }
  return installed.flatMap((have) =>
    wanted
      .filter((release) => leadsOn(release, have) || isDowngrade(release, source.channels))
      .flatMap((release) => routeTo(line, have, release))
  )
}

function leadsOn({ order, version }: Release, have: string): boolean {
  return compareVersions(order, version, have) > 0
}

/** May a branch go down to it? Whether that is signed by the right keys the branch finds out. */
function isDowngrade({ module, track, version }: Release, { downgrades }: Channels): boolean {
  return downgrades.some(
    ({ statement: to }) => to.module === module && to.track === track && to.version === version
  )
}

/** Does a module travel that the branch does not have? When it is named, or the branch's apps take it. */
function isNew({ module }: Line, { wants, installed }: Branch, filter: StickFilter): boolean {
  if (filter.modules.length > 0) return true
  return wants === null ? installed.size === 0 : matchesAny(wants, module)
}

function routeTo(line: Line, have: string | null, want: Release): Choice[] {
  const route = cheapestPath({ releases: line.releases, have, want: want.version })
  return (route?.steps ?? []).map(({ release, pack }) => ({ release, packs: [pack.sha256] }))
}

function wholeRelease(release: Release): Choice {
  return { release, packs: release.packs.map(({ sha256 }) => sha256) }
}

function isNewer(a: Release, b: Release): boolean {
  return compareVersions(a.order, a.version, b.version) > 0
}

async function locate(
  { snapshot }: SelectionSource,
  release: Release,
  packs: ReadonlySet<string>
): Promise<SelectedRelease> {
  const blocks: BlockRange[] = []
  for (const sha256 of packs) {
    const range = await snapshot.blocks(`/${packPath(sha256)}`)
    if (range !== null) blocks.push(range)
  }
  const bytes = release.packs
    .filter(({ sha256 }) => packs.has(sha256))
    .reduce((sum, pack) => sum + pack.bytes, 0)
  return { module: release.module, track: release.track, version: release.version, bytes, blocks }
}
