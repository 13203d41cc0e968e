// Gives back the room of packs that nobody needs any more: asks the plan (collection-plan.ts) and frees blocks. Nothing is
// applied meanwhile; what a command or the schedule is fetching stays.
import { ChasquiError } from '../src/errors.ts'
import type { Channels } from '../src/fleet/channels.ts'
import { parseReportHeader } from '../src/fleet/report.ts'
import type { ReleaseName } from '../src/fleet/rollout.ts'
import { packPath, type Release } from '../src/release/release.ts'
import type { NodeApp } from './app.ts'
import { isOwn } from './carry.ts'
import { ReleaseCache } from './catalog.ts'
import { type CollectionPlan, planCollection } from './collection-plan.ts'
import type { NodePlan } from './planner.ts'
import type { FleetView } from './trust-keeper.ts'

export interface Collected {
  freed: { packs: number; bytes: number }
  /** packs that are here as a whole and stay */
  kept: { packs: number; bytes: number }
}

/** Frees packs; with `dryRun` says how much it would. Throws TUF_*, RELEASE_INVALID and whatever else a release cannot be read by. */
export function collectPacks(app: NodeApp, { dryRun }: { dryRun: boolean }): Promise<Collected> {
  return app.inTurn(async () => {
    const plan = await app.plan('automatic')
    if (plan === null) return { freed: sum([]), kept: sum([]) }
    const releases = await allReleases(plan.view)
    const here = await packsHere(plan.view, releases)
    const found = await planOf(app, plan, releases, here)
    const paths = found.free.map(({ sha256 }) => `/${packPath(sha256)}`)
    const freed = await app.feed.free(paths, { dryRun })
    if (!dryRun)
      await forgetSources(app, plan.view, releases, new Set(paths.filter((_, at) => freed[at] !== 0)))
    const kept = found.keep.filter(({ sha256 }) => here.has(sha256))
    return { freed: sum(freed.filter((bytes) => bytes > 0)), kept: sum(kept.map(({ bytes }) => bytes)) }
  })
}

/** Packs that a collection would free, here or not: what a stick need not bring. Throws as `collectPacks`. */
export async function unneededPacks(app: NodeApp): Promise<string[]> {
  // what a person may have applied now counts too
  const plan = await app.plan('now')
  if (plan === null) return []
  const releases = await allReleases(plan.view)
  const here = await packsHere(plan.view, releases)
  const all = new Set(releases.flatMap(({ packs }) => packs.map(({ sha256 }) => sha256)))
  // nobody needs it as things are, nor would anybody once everything is here
  const [now, then] = [await planOf(app, plan, releases, here), await planOf(app, plan, releases, all)]
  const stays = new Set(then.keep.map(({ sha256 }) => sha256))
  const free = now.free.filter(({ sha256 }) => !stays.has(sha256))
  return free.map(({ sha256 }) => `/${packPath(sha256)}`)
}

async function planOf(
  app: NodeApp,
  plan: NodePlan,
  releases: readonly Release[],
  here: ReadonlySet<string>
): Promise<CollectionPlan> {
  return planCollection({
    releases,
    isHere: (sha256) => here.has(sha256),
    rebuilt: await rebuiltReleases(app),
    planned: plannedSteps(plan),
    pointed: pointedReleases(plan.view.channels),
    reported: reportedReleases(app),
    isOwn: (module) => isOwn(app, module),
    carry: app.config.node.carry,
    limit: app.config.node['carry-max']
  })
}

function sum(bytes: readonly number[]): { packs: number; bytes: number } {
  return { packs: bytes.length, bytes: bytes.reduce((all, one) => all + one, 0) }
}

/** Parsed for this one look: a daemon does not keep the releases of all modules. Throws the first that cannot be read. */
async function allReleases(view: FleetView): Promise<Release[]> {
  const targets = await view.trust.listReleases()
  const catalog = await new ReleaseCache().load(
    view,
    targets.map(({ module }) => module)
  )
  // through a release that cannot be read there may be a way that is needed
  for (const refused of catalog.refused) throw refused
  const lines = new Map(targets.map(({ module, track }) => [`${module}/${track}`, { module, track }]))
  return [...lines.values()].flatMap(({ module, track }) => catalog.releases(module, track))
}

async function packsHere({ snapshot }: FleetView, releases: readonly Release[]): Promise<Set<string>> {
  const here = new Set<string>()
  for (const { sha256 } of releases.flatMap(({ packs }) => packs)) {
    if (await snapshot.has(`/${packPath(sha256)}`)) here.add(sha256)
  }
  return here
}

/** What is installed, and what every kept backup leads back to. */
async function rebuiltReleases(app: NodeApp): Promise<ReleaseName[]> {
  const found: ReleaseName[] = []
  for (const name of Object.keys(app.config.apps)) {
    found.push(...(await app.engine.installed(name)))
    for (const { modules } of await app.engine.backups(name)) {
      for (const { module, track, version } of modules) {
        if (version !== null) found.push({ module, track, version })
      }
    }
  }
  return found
}

/**
 * Where packs came from is forgotten with the pack, and with the release that brought it into the feed; what status and
 * reports still name keeps it.
 */
async function forgetSources(
  app: NodeApp,
  { snapshot }: FleetView,
  releases: readonly Release[],
  freed: ReadonlySet<string>
): Promise<void> {
  const named = new Set((await namedReleases(app)).map(nameOf))
  const kept = releases.filter((one) => named.has(nameOf(one))).flatMap(({ packs }) => packs)
  const stays = new Set(kept.map(({ sha256 }) => `/${packPath(sha256)}`))
  const inFeed = new Set(await snapshot.list('/packs'))
  await app.sources.forget((pack) => !stays.has(pack) && (freed.has(pack) || !inFeed.has(pack)))
}

/** Releases whose sources status and reports tell. */
async function namedReleases(app: NodeApp): Promise<ReleaseName[]> {
  const history = await app.engine.history({ limit: 100 })
  const applied = history.flatMap((entry) => entry.releases)
  const found: ReleaseName[] = applied.flatMap(({ module, track, to }) =>
    to === null ? [] : [{ module, track, version: to }]
  )
  for (const name of Object.keys(app.config.apps)) found.push(...(await app.engine.installed(name)))
  return found
}

const nameOf = ({ module, track, version }: ReleaseName) => `${module}/${track}/${version}`

function plannedSteps({ transactions }: NodePlan) {
  return transactions.flatMap(({ releases }) => releases)
}

function pointedReleases({ channels }: Channels): ReleaseName[] {
  const found: ReleaseName[] = []
  for (const modules of Object.values(channels)) {
    for (const [module, tracks] of Object.entries(modules)) {
      for (const [track, { version, rollout }] of Object.entries(tracks)) {
        found.push({ module, track, version })
        // what those who are not reached yet should run
        if (rollout?.from != null) found.push({ module, track, version: rollout.from })
      }
    }
  }
  return found
}

function reportedReleases(app: NodeApp): ReleaseName[] {
  const found = new Map<string, ReleaseName>()
  for (const { header } of app.records.set.list('report')) {
    for (const modules of Object.values(appsIn(header))) {
      for (const [module, at] of Object.entries(modules)) {
        const cut = at.indexOf('@')
        found.set(`${module}/${at}`, { module, track: at.slice(0, cut), version: at.slice(cut + 1) })
      }
    }
  }
  return [...found.values()]
}

function appsIn(header: Uint8Array): Record<string, Record<string, string>> {
  try {
    return parseReportHeader(header).apps
  } catch (error) {
    // one branch's report that makes no sense says nothing about what it runs
    if (error instanceof ChasquiError) return {}
    throw error
  }
}
