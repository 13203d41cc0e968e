// The cheapest way from what a branch has to the release that it wants, on the graph of keyframes and deltas.
import type { PackInfo, Release } from './release.ts'

export interface RouteStep {
  /** the version that stands after this pack */
  version: string
  release: Release
  pack: PackInfo
}

export interface Route {
  /** packs in the order in which they are applied; none when the branch has the release already */
  steps: RouteStep[]
  /** bytes to download */
  bytes: number
}

/** A pack more costs some work at the branch: it must save at least this many bytes. */
const STEP_COST = 4096

export interface RouteRequest {
  /** releases of one module and track, in any order */
  releases: readonly Release[]
  /** the version whose files are here; null when none is */
  have: string | null
  want: string
  /** bytes still to download for a pack; by default all of it. Use it to prefer what is already here. */
  cost?: (pack: PackInfo) => number
}

/** Null when no chain of packs leads to `want`. */
export function cheapestPath(request: RouteRequest): Route | null {
  if (request.have === request.want) return { steps: [], bytes: 0 }
  const cost = request.cost ?? ((pack: PackInfo) => pack.bytes)
  const byVersion = new Map(request.releases.map((release) => [release.version, release]))
  const best = new Map<string, { total: number; bytes: number; steps: RouteStep[] }>()
  const open = new Set<string>()
  const offer = (from: { total: number; bytes: number; steps: RouteStep[] }, base: string | undefined) => {
    for (const release of request.releases) {
      const pack = release.packs.find((each) => each.base === base)
      if (pack === undefined || release.version === request.have) continue
      const bytes = from.bytes + cost(pack)
      const total = from.total + cost(pack) + STEP_COST
      if (total >= (best.get(release.version)?.total ?? Number.POSITIVE_INFINITY)) continue
      best.set(release.version, {
        total,
        bytes,
        steps: [...from.steps, { version: release.version, release, pack }]
      })
      open.add(release.version)
    }
  }
  const start = { total: 0, bytes: 0, steps: [] }
  offer(start, undefined)
  if (request.have !== null && byVersion.has(request.have)) offer(start, request.have)
  // Dijkstra: settle the cheapest open version until it is the wanted one
  while (open.size > 0) {
    const version = [...open].reduce((a, b) => (totalOf(best, b) < totalOf(best, a) ? b : a))
    const found = best.get(version)
    if (found === undefined || version === request.want) {
      return found === undefined ? null : { steps: found.steps, bytes: found.bytes }
    }
    open.delete(version)
    offer(found, version)
  }
  return null
}

function totalOf(best: Map<string, { total: number }>, version: string): number {
  return best.get(version)?.total ?? Number.POSITIVE_INFINITY
}
