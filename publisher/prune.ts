// `prune`: gives up old releases as a whole. A release stays as long as one of its packs can be needed: to bring anybody to
// what a channel points at or to the newest releases, by way of every stepping stone, or to rebuild what a branch runs.
import { z } from 'zod'
import { parseArguments } from '../src/control/arguments.ts'
import { readRelease } from '../src/feed/signed-files.ts'
import { parseReportHeader } from '../src/fleet/report.ts'
import { packPath, type Release, releasePath } from '../src/release/release.ts'
import { cheapestPath } from '../src/release/route.ts'
import { compareVersions } from '../src/release/version.ts'
import { rolesToLoad } from '../src/trust/author.ts'
import { currentOf } from '../src/trust/current.ts'
import { FleetDraft } from '../src/trust/draft.ts'
import type { PublisherApp } from './app.ts'
import { sortReleases } from './catalog.ts'
import { commit } from './commit.ts'
import type { FleetView } from './fleet-keeper.ts'
import { openSigners } from './signing.ts'

const pruneArgs = z.strictObject({
  module: z.string().optional(),
  /** newest releases of each module and track that stay whatever happens */
  keep: z.int().min(1).default(3),
  dryRun: z.boolean().default(false),
  passphrase: z.string().optional()
})

export interface Pruned {
  removed: { module: string; track: string; version: string; bytes: number }[]
  /** releases that stay */
  kept: number
  /** bytes of packs that were given up */
  bytes: number
}

/** Throws PASSPHRASE_*, SIGNATURES_MISSING, FEED_BEHIND. */
export async function prune(app: PublisherApp, raw: unknown): Promise<Pruned> {
  const { module, keep, dryRun, passphrase } = parseArguments(pruneArgs, raw)
  const view = await app.fleet.view()
  await app.records.open()
  const lines = await readLines(view, module)
  const running = runningVersions(app)
  const removed = lines.flatMap((line) => unneeded(view, line, running, keep))
  if (removed.length > 0 && !dryRun) await remove(app, view, removed, passphrase)
  const all = lines.reduce((sum, line) => sum + line.length, 0)
  const sizes = removed.map(({ packs }) => packs.reduce((sum, { bytes }) => sum + bytes, 0))
  return {
    removed: removed.map(({ module, track, version }, i) => ({
      module,
      track,
      version,
      bytes: sizes[i] ?? 0
    })),
    kept: all - removed.length,
    bytes: sizes.reduce((sum, bytes) => sum + bytes, 0)
  }
}

/** Releases by module and track, newest first. */
async function readLines(view: FleetView, module: string | undefined): Promise<Release[][]> {
  const lines = new Map<string, Release[]>()
  for (const target of await view.trust.listReleases(module)) {
    const name = `${target.module}/${target.track}`
    lines.set(name, [...(lines.get(name) ?? []), await readRelease(view.snapshot, target)])
  }
  return [...lines.values()].map(sortReleases)
}

/** `module/track@version` of everything that a branch said it runs. */
function runningVersions(app: PublisherApp): Set<string> {
  const found = new Set<string>()
  for (const { header } of app.records.set.list('report')) {
    for (const modules of Object.values(parseReportHeader(header).apps)) {
      for (const [module, at] of Object.entries(modules)) found.add(`${module}/${at}`)
    }
  }
  return found
}

/** `line`: newest first. */
function unneeded(view: FleetView, line: readonly Release[], running: Set<string>, keep: number): Release[] {
  const wanted = new Set([...line.slice(0, keep).map(({ version }) => version), ...steppingStones(line)])
  for (const modules of Object.values(view.channels.channels)) {
    const [first] = line
    const pointer = first === undefined ? undefined : modules[first.module]?.[first.track]
    for (const version of [pointer?.version, pointer?.rollout?.from])
      if (typeof version === 'string') wanted.add(version)
  }
  const live = line.filter(({ module, track, version }) => running.has(`${module}/${track}@${version}`))
  const needed = new Set(wanted)
  for (const have of [null, ...live.map(({ version }) => version), ...wanted]) {
    for (const want of new Set([...wanted, ...live.map(({ version }) => version)])) {
      const route = cheapestPath({ releases: line, have, want })
      for (const step of route?.steps ?? []) needed.add(step.version)
    }
  }
  return line.filter(({ version }) => !needed.has(version))
}

/**
 * Each version that a later release must come after, and the first release that says so, which every plan beyond it looks
 * at. A branch that has not been heard of for long may stand before it, unless nothing ever came before it.
 */
function steppingStones(line: readonly Release[]): string[] {
  const found = new Map<string, string>()
  for (const { after, version, order } of line)
    if (after !== undefined && compareVersions(order, after, version) < 0) found.set(after, version)
  const isFirst = (stone: string) => {
    const oldest = line.at(-1)
    return oldest?.version === stone && oldest.previous === undefined
  }
  return [...found].filter(([stone]) => !isFirst(stone)).flat()
}

async function remove(
  app: PublisherApp,
  view: FleetView,
  releases: readonly Release[],
  passphrase: string | undefined
): Promise<void> {
  const signers = await openSigners(app, ['release', 'online'], passphrase)
  const paths = releases.map(({ module, track, version }) => releasePath(module, track, version))
  const index = view.trust.set.targets?.delegations?.index
  const roles = paths.flatMap((path) => index?.rolesFor(path)[0]?.name ?? [])
  const current = await currentOf(view.trust, [...new Set([...rolesToLoad([]), ...roles])])
  const draft = new FleetDraft(current, app.now())
  for (const path of paths) draft.setTarget(draft.roleFor(path) as string, path, null)
  const kept = await packsInUse(view, releases)
  const packs = releases.flatMap((release) => release.packs.map(({ sha256 }) => sha256))
  const files = [...paths, ...packs.filter((sha256) => !kept.has(sha256)).map(packPath)]
  await commit(app, draft.finish(signers), [], files)
}

/** Packs that a release which stays names too: the same bytes can belong to two releases. */
async function packsInUse(view: FleetView, removed: readonly Release[]): Promise<Set<string>> {
  const gone = new Set(removed.map(({ module, track, version }) => releasePath(module, track, version)))
  const used = new Set<string>()
  for (const target of await view.trust.listReleases()) {
    if (gone.has(target.path)) continue
    for (const { sha256 } of (await readRelease(view.snapshot, target)).packs) used.add(sha256)
  }
  return used
}
