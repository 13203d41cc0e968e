// What this node keeps for its neighbours beside its own modules: the packs that lead to what channels point at, the
// smallest step first, within the size that the operator gives. A node without apps is a relay that way.
import type { FeedSnapshot } from '../src/feed/types.ts'
import type { Channels } from '../src/fleet/channels.ts'
import { matchesAny } from '../src/fleet/pattern.ts'
import type { Release } from '../src/release/release.ts'
import { packPath } from '../src/release/release.ts'
import type { NodeApp } from './app.ts'
import { packPaths, routeTo } from './stager.ts'
import type { FleetView } from './trust-keeper.ts'

export interface CarryStep {
  name: string
  paths: string[]
  bytes: number
}

/** What is missing for others, cheapest first; nothing with `carry = "mine"`. */
export async function carrySteps(app: NodeApp, view: FleetView): Promise<CarryStep[]> {
  const { carry, 'carry-max': limit } = app.config.node
  if (carry === 'mine') return []
  const pointed = pointedAt(view.channels).filter(({ module }) => !isOwn(app, module))
  const catalog = await app.catalog(view, new Set(pointed.map((one) => one.module)))
  const steps: CarryStep[] = []
  let carried = 0
  for (const { module, track, version } of pointed) {
    const releases = catalog.releases(module, track)
    carried += await bytesHere(view.snapshot, releases)
    const route = await routeTo(view.snapshot, releases, null, version)
    if (route === null || route.bytes === 0) continue
    steps.push({ name: `${module}@${version}`, paths: packPaths(route.steps), bytes: route.bytes })
  }
  steps.sort((a, b) => a.bytes - b.bytes)
  return steps.filter((step) => {
    if (carried + step.bytes > limit) return false
    carried += step.bytes
    return true
  })
}

interface Pointed {
  module: string
  track: string
  version: string
}

function pointedAt(channels: Channels): Pointed[] {
  const found = new Map<string, Pointed>()
  for (const modules of Object.values(channels.channels)) {
    for (const [module, tracks] of Object.entries(modules)) {
      for (const [track, { version }] of Object.entries(tracks)) {
        found.set(`${module}/${track}/${version}`, { module, track, version })
      }
    }
  }
  return [...found.values()]
}

/** Own modules are fetched for themselves, by the step from what is installed. */
export function isOwn(app: NodeApp, module: string): boolean {
  return Object.values(app.config.apps).some((one) => matchesAny(one.modules, module))
}

async function bytesHere(snapshot: FeedSnapshot, releases: readonly Release[]): Promise<number> {
  let bytes = 0
  for (const pack of releases.flatMap((release) => release.packs)) {
    if (await snapshot.has(`/${packPath(pack.sha256)}`)) bytes += pack.bytes
  }
  return bytes
}
