// Which packs a branch gives up. Pure: releases, pointers and what is here come in, packs to keep and to free come out. In
// doubt a pack stays: a release that no chain of packs leads to keeps every pack of its module and track.
import type { ReleaseName } from '../src/fleet/rollout.ts'
import type { PackInfo, Release } from '../src/release/release.ts'
import { cheapestPath } from '../src/release/route.ts'

export interface CollectionInput {
  /** every verified release of the fleet */
  releases: readonly Release[]
  /** is the whole pack here? */
  isHere(sha256: string): boolean
  /** what must stay possible to rebuild from nothing: installed, in a backup */
  rebuilt: readonly ReleaseName[]
  /** transactions that are planned, also for later */
  planned: readonly { module: string; track: string; from: string | null; to: string }[]
  /** what channels point at */
  pointed: readonly ReleaseName[]
  /** what other branches said they run */
  reported: readonly ReleaseName[]
  isOwn(module: string): boolean
  /** for modules of others: nothing, or what is pointed at, newest first, within `limit` bytes */
  carry: 'mine' | 'all'
  limit: number
}

export interface CollectionPlan {
  keep: PackInfo[]
  /** also those of which only a part may be here */
  free: PackInfo[]
}

/** All releases of one module and track, and the versions of it that others run. */
interface Line {
  releases: Release[]
  reported: Set<string>
}

/** More than all that is here can weigh, for each byte that is not. */
const NOT_HERE = 65_536

/** What is kept, and what of that which is here can go. */
export function planCollection(input: CollectionInput): CollectionPlan {
  const lines = linesOf(input)
  const keep = new Set<string>()
  const add = (packs: readonly PackInfo[]) => {
    for (const { sha256 } of packs) keep.add(sha256)
  }
  for (const one of input.rebuilt) add(chainTo(input, lines, one))
  for (const { from, to, ...line } of input.planned) {
    add(routePacks(releasesOf(lines, line), from, to, weigh(input)) ?? [])
    add(chainTo(input, lines, { ...line, version: to }))
  }
  const others: ReleaseName[] = []
  for (const one of input.pointed) {
    if (input.isOwn(one.module)) add(packsFor(input, lines, one))
    else others.push(one)
  }
  if (input.carry === 'all') carryOthers(input, lines, others, keep)
  const packs = new Map(input.releases.flatMap(({ packs }) => packs).map((pack) => [pack.sha256, pack]))
  return {
    keep: [...packs.values()].filter(({ sha256 }) => keep.has(sha256)),
    free: [...packs.values()].filter(({ sha256 }) => !keep.has(sha256))
  }
}

function linesOf({ releases, reported }: CollectionInput): Map<string, Line> {
  const lines = new Map<string, Line>()
  for (const release of releases) {
    const line = lines.get(keyOf(release)) ?? { releases: [], reported: new Set() }
    line.releases.push(release)
    lines.set(keyOf(release), line)
  }
  for (const one of reported) lines.get(keyOf(one))?.reported.add(one.version)
  return lines
}

function keyOf({ module, track }: { module: string; track: string }): string {
  return `${module}/${track}`
}

function releasesOf(lines: Map<string, Line>, name: { module: string; track: string }): readonly Release[] {
  return lines.get(keyOf(name))?.releases ?? []
}

/** Adds what is here for others, the newest release first, as long as it fits. */
function carryOthers(
  input: CollectionInput,
  lines: Map<string, Line>,
  pointed: readonly ReleaseName[],
  keep: Set<string>
): void {
  const created = (one: ReleaseName) =>
    releasesOf(lines, one).find(({ version }) => version === one.version)?.created ?? ''
  const newestFirst = pointed.toSorted((a, b) => created(b).localeCompare(created(a)))
  let room = input.limit
  for (const one of newestFirst) {
    const packs = packsFor(input, lines, one).filter(
      ({ sha256 }) => input.isHere(sha256) && !keep.has(sha256)
    )
    const bytes = [...new Set(packs)].reduce((sum, pack) => sum + pack.bytes, 0)
    if (bytes > room) continue
    room -= bytes
    for (const { sha256 } of packs) keep.add(sha256)
  }
}

/** What leads anybody to a release: from nothing, by its own packs, and from what others run. */
function packsFor(input: CollectionInput, lines: Map<string, Line>, wanted: ReleaseName): PackInfo[] {
  const line = lines.get(keyOf(wanted))
  const own = line?.releases.find(({ version }) => version === wanted.version)?.packs ?? []
  // a branch elsewhere chooses by what travels, not by what is here
  const steps = [...(line?.reported ?? [])].flatMap(
    (have) => routePacks(line?.releases ?? [], have, wanted.version) ?? []
  )
  return [...chainTo(input, lines, wanted), ...own, ...steps]
}

/** The packs from nothing to a release, those that are here first; without any such chain all of its line. */
function chainTo(input: CollectionInput, lines: Map<string, Line>, wanted: ReleaseName): PackInfo[] {
  const releases = releasesOf(lines, wanted)
  return routePacks(releases, null, wanted.version, weigh(input)) ?? releases.flatMap(({ packs }) => packs)
}

function routePacks(
  releases: readonly Release[],
  have: string | null,
  want: string,
  cost?: (pack: PackInfo) => number
): PackInfo[] | null {
  const route = cheapestPath({ releases, have, want, ...(cost === undefined ? {} : { cost }) })
  return route?.steps.map(({ pack }) => pack) ?? null
}

function weigh(input: CollectionInput): (pack: PackInfo) => number {
  return ({ sha256, bytes }) => (input.isHere(sha256) ? bytes : bytes * NOT_HERE)
}
