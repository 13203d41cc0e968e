// From a release to a verified tree: chooses the packs, makes sure that they are here, decodes them over the live tree.
// Where a live file is not as it was released, it is rebuilt from kept packs, else the release comes from its keyframe.
import { ChasquiError } from '../src/errors.ts'
import type { FeedSnapshot } from '../src/feed/types.ts'
import { applyPacks, openChain, type PackBase, type PackStep } from '../src/pack/apply.ts'
import { folderContents } from '../src/pack/content.ts'
import type { Manifest } from '../src/release/manifest.ts'
import { type PackInfo, packPath, type Release } from '../src/release/release.ts'
import { cheapestPath, type Route, type RouteStep } from '../src/release/route.ts'
import type { FileSystem } from '../src/system/file-system.ts'
import type { Log } from '../src/system/log.ts'
import type { Stager } from './apply/parts.ts'

export interface StagerParts {
  fs: FileSystem
  log: Log
  /** the newest usable version of the feed, and the verified releases of a module and track in it */
  view(module: string, track: string): Promise<{ snapshot: FeedSnapshot; releases: readonly Release[] }>
  /** Gets packs from peers; throws PLAN_NOT_HERE or LINKS_PAUSED when that is not possible now. */
  fetch(paths: string[]): Promise<void>
}

type Item = Parameters<Stager>[0]
type Live = Parameters<Stager>[2]

/** The engine's way to a staged tree. */
export function createStager(parts: StagerParts): Stager {
  return async (item, into, live) => {
    if (live === null || item.from === null) return stageFrom(parts, item, null, null, into)
    const base: PackBase = { manifest: live.manifest, contents: folderContents(parts.fs, live.live) }
    try {
      return await stageFrom(parts, item, item.from, base, into)
    } catch (error) {
      if (!isDrift(error)) throw error
      parts.log.warn(
        { module: item.module, err: error },
        'local changes: rebuilding what the update builds on'
      )
      return stageDrifted(parts, item, live, base, into)
    }
  }
}

/** The live tree has drifted: the installed release from packs as a second source, or no base at all: what costs less. */
async function stageDrifted(
  parts: StagerParts,
  item: Item,
  live: NonNullable<Live>,
  base: PackBase,
  into: string
): Promise<Manifest> {
  const from = item.from as string
  const [rebuild, update, afresh] = await Promise.all([
    findRoute(parts, item, null, from),
    findRoute(parts, item, from, item.release.version),
    findRoute(parts, item, null, item.release.version)
  ])
  const bytes = (...routes: (Route | null)[]) =>
    routes.reduce((sum, route) => sum + (route?.bytes ?? Number.POSITIVE_INFINITY), 0)
  if (bytes(afresh) <= bytes(rebuild, update)) return stageFrom(parts, item, null, null, into)
  const steps = await openSteps(parts, item, rebuild as Route)
  const scratch = `${into}.base`
  const chain = await openChain({ fs: parts.fs, steps, base: null, into: scratch })
  try {
    const rebuilt = chain.base as PackBase
    const both = { manifest: live.manifest, contents: base.contents, fallbacks: [rebuilt.contents] }
    return await stageFrom(parts, item, from, both, into)
  } finally {
    await chain.close()
  }
}

async function stageFrom(
  parts: StagerParts,
  item: Item,
  have: string | null,
  base: PackBase | null,
  into: string
): Promise<Manifest> {
  const route = await findRoute(parts, item, have, item.release.version)
  if (route === null) {
    throw new ChasquiError(
      'PLAN_NO_ROUTE',
      `no packs lead from ${have ?? 'nothing'} to ${item.module}@${item.release.version}`,
      { hint: 'the publisher must publish a full pack of it' }
    )
  }
  const startsAfresh = route.steps[0]?.pack.kind === 'full'
  const steps = await openSteps(parts, item, route)
  return applyPacks({ fs: parts.fs, steps, base: startsAfresh ? null : base, into })
}

async function findRoute(
  parts: StagerParts,
  item: Item,
  have: string | null,
  want: string
): Promise<Route | null> {
  const { releases, snapshot } = await parts.view(item.module, item.track)
  return routeTo(snapshot, releases, have, want)
}

/** The way that costs the fewest bytes that are not here yet. */
export async function routeTo(
  snapshot: FeedSnapshot,
  releases: readonly Release[],
  have: string | null,
  want: string
): Promise<Route | null> {
  const here = new Set<string>()
  for (const pack of releases.flatMap((release) => release.packs)) {
    if (await snapshot.has(`/${packPath(pack.sha256)}`)) here.add(pack.sha256)
  }
  const cost = (pack: PackInfo) => (here.has(pack.sha256) ? 0 : pack.bytes)
  return cheapestPath({ releases, have, want, cost })
}

async function openSteps(parts: StagerParts, item: Item, route: Route): Promise<PackStep[]> {
  const { snapshot } = await parts.view(item.module, item.track)
  return openRoute(snapshot, route, parts.fetch)
}

/** The packs of a route, fetched and ready to be decoded. */
export async function openRoute(
  snapshot: FeedSnapshot,
  route: Route,
  fetch: (paths: string[]) => Promise<void>
): Promise<PackStep[]> {
  await fetch(packPaths(route.steps))
  return Promise.all(
    route.steps.map(async ({ pack, release }) => ({
      source: await snapshot.source(`/${packPath(pack.sha256)}`),
      pack: { sha256: pack.sha256, bytes: pack.bytes },
      files: release.files,
      kind: release.kind
    }))
  )
}

/** Drive paths of the packs, in the order of the steps. */
export function packPaths(steps: readonly RouteStep[]): string[] {
  return steps.map((step) => `/${packPath(step.pack.sha256)}`)
}

function isDrift(error: unknown): boolean {
  return error instanceof ChasquiError && error.code === 'BASE_DRIFTED'
}
