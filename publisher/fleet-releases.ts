// The releases that matter now, as `fleet` shows them: who runs each, and by which way its bytes came to each branch. From
// channels.json and the reports alone: reading every release.json of a large feed takes too long for an overview.
import { type Channels, yankOf } from '../src/fleet/channels.ts'
import type { ReportBody } from '../src/fleet/report-content.ts'

/** A release that matters now: a channel points at it, or a branch runs it. */
export interface FleetRelease {
  module: string
  track: string
  version: string
  channels: string[]
  yanked: boolean
  /** names of the branches that run it */
  branches: string[]
  /** where its packs came from, branch by branch as they reported it */
  route: RouteLeg[]
}

export interface RouteLeg {
  /** name of the branch that received the bytes */
  branch: string
  /** name of the member, or `stick` and the start of its id */
  from: string
  /** node key, or stick id, in hex */
  id: string
  class: string
  bytes: number
}

/** What one branch's report says of releases. */
export interface BranchReleases {
  name: string
  /** app → module → `track@version` */
  apps: Readonly<Record<string, Readonly<Record<string, string>>>>
  sources: ReportBody['sources']
}

/** @param names node key in hex → name, of everybody who is known */
export function releasesInUse(
  channels: Channels,
  branches: readonly BranchReleases[],
  names: ReadonlyMap<string, string>
): FleetRelease[] {
  const found = new Releases(channels)
  for (const [channel, modules] of Object.entries(channels.channels)) {
    for (const [module, tracks] of Object.entries(modules)) {
      for (const [track, { version }] of Object.entries(tracks))
        found.use(module, track, version).channels.push(channel)
    }
  }
  for (const branch of branches) {
    for (const { module, track, version } of installed(branch)) {
      const running = found.use(module, track, version).branches
      if (running.at(-1) !== branch.name) running.push(branch.name)
    }
  }
  for (const { name, sources } of branches) {
    for (const { module, track, version, from } of sources) {
      found.get(module, track, version)?.route.push(...from.map((source) => leg(name, source, names)))
    }
  }
  return found.sorted()
}

class Releases {
  readonly #channels: Channels
  readonly #found = new Map<string, FleetRelease>()

  constructor(channels: Channels) {
    this.#channels = channels
  }

  get(module: string, track: string, version: string): FleetRelease | undefined {
    return this.#found.get(`${module}/${track}/${version}`)
  }

  use(module: string, track: string, version: string): FleetRelease {
    const known = this.get(module, track, version)
    if (known !== undefined) return known
    const yanked = yankOf(this.#channels.yanked, module, track, version) !== null
    const release = { module, track, version, channels: [], yanked, branches: [], route: [] }
    this.#found.set(`${module}/${track}/${version}`, release)
    return release
  }

  sorted(): FleetRelease[] {
    return [...this.#found.values()].sort((a, b) => (a.module < b.module ? -1 : a.module > b.module ? 1 : 0))
  }
}

function* installed({ apps }: BranchReleases) {
  for (const modules of Object.values(apps)) {
    for (const [module, at] of Object.entries(modules)) {
      const end = at.indexOf('@')
      yield { module, track: at.slice(0, end), version: at.slice(end + 1) }
    }
  }
}

function leg(
  branch: string,
  { peer, link, bytes }: ReportBody['sources'][number]['from'][number],
  names: ReadonlyMap<string, string>
): RouteLeg {
  const from = link === 'stick' ? `stick ${peer.slice(0, 8)}` : (names.get(peer) ?? peer.slice(0, 12))
  return { branch, from, id: peer, class: link, bytes }
}
