// The releases of the fleet as its trust metadata vouches for them, read from the publisher's own feed, and the way to
// what a release contains: its file list and its bytes come out of the packs.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ChasquiError } from '../src/errors.ts'
import { readRelease } from '../src/feed/signed-files.ts'
import { type OpenChain, openChain, type PackBase, type PackStep } from '../src/pack/apply.ts'
import { type PackInfo, packPath, type Release } from '../src/release/release.ts'
import { cheapestPath, type Route } from '../src/release/route.ts'
import { compareVersions } from '../src/release/version.ts'
import { ensureDirectory } from '../src/system/durable.ts'
import type { PublisherApp } from './app.ts'
import type { FleetView } from './fleet-keeper.ts'

/** Every release of a module on one track, oldest path first. Throws TUF_*, TARGET_MISMATCH. */
export async function releasesOf(view: FleetView, module: string, track: string): Promise<Release[]> {
  const targets = await view.trust.listReleases(module)
  return Promise.all(
    targets.filter((target) => target.track === track).map((target) => readRelease(view.snapshot, target))
  )
}

/** A release as people write it: `module@version`, or `module@track/version` where a module has several tracks. */
export interface ReleaseName {
  module: string
  track: string | null
  version: string
}

/** Throws USAGE. */
export function parseReleaseName(text: string): ReleaseName {
  const match = /^([^@/]+)@(?:([^/@]+)\/)?([^/@]+)$/.exec(text)
  if (match !== null)
    return { module: match[1] as string, track: match[2] ?? null, version: match[3] as string }
  throw new ChasquiError('USAGE', `"${text.slice(0, 200)}" is not the name of a release`, {
    hint: 'write it as MODULE@VERSION, or MODULE@TRACK/VERSION'
  })
}

/** The one release of that name. Throws RELEASE_NOT_FOUND, USAGE when it is on several tracks. */
export async function findRelease(view: FleetView, name: ReleaseName): Promise<Release> {
  const targets = (await view.trust.listReleases(name.module)).filter(
    ({ version, track }) => version === name.version && (name.track === null || name.track === track)
  )
  if (targets.length > 1) {
    const tracks = targets.map(({ track }) => track).join(', ')
    throw new ChasquiError('USAGE', `${name.module}@${name.version} is on several tracks: ${tracks}`, {
      hint: `write ${name.module}@${targets[0]?.track}/${name.version}`
    })
  }
  if (targets[0] !== undefined) return readRelease(view.snapshot, targets[0])
  const known = (await view.trust.listReleases(name.module)).slice(-5).map(({ version }) => version)
  throw new ChasquiError('RELEASE_NOT_FOUND', `there is no release ${name.module}@${name.version}`, {
    hint:
      known.length === 0
        ? 'see "chasqui publisher releases" for the modules that there are'
        : `there are ${known.join(', ')}`
  })
}

/** More than all packs of a chain together: a pack that is not here is used only where there is no other way. */
const NOT_HERE = 2 ** 40 // bytes
const UNREADABLE = new Set<string>([
  'BLOCK_MISSING',
  'PACK_MISSING',
  'FEED_NO_FILE',
  'PACK_DAMAGED',
  'FEED_DAMAGED'
])

/**
 * A release as a base to read from, decoded from its own packs into scratch files in the home. Throws PACK_MISSING,
 * PACK_DAMAGED, BLOCK_MISSING.
 */
export async function openRelease(
  app: PublisherApp,
  view: FleetView,
  releases: readonly Release[],
  version: string
): Promise<OpenChain & { base: PackBase }> {
  const route = await routeHere(view, releases, version)
  if (route === null || route.steps.length === 0) {
    throw new ChasquiError('PACK_MISSING', `no chain of packs leads to ${releases[0]?.module}@${version}`)
  }
  const steps: PackStep[] = await Promise.all(
    route.steps.map(async ({ pack, release }) => ({
      source: await view.snapshot.source(packPath(pack.sha256)),
      pack: { sha256: pack.sha256, bytes: pack.bytes },
      files: release.files,
      kind: release.kind
    }))
  )
  await ensureDirectory(app.fs, app.paths.staging, 0o700)
  const into = join(app.paths.staging, `base-${randomBytes(6).toString('hex')}`)
  const chain = await openChain({ fs: app.fs, steps, base: null, into })
  return { base: chain.base as PackBase, close: () => chain.close() }
}

/** The same, or null when its packs are not on this machine: after a recovery, those that no peer has given back yet. */
export async function openIfHere(
  ...request: Parameters<typeof openRelease>
): Promise<Awaited<ReturnType<typeof openRelease>> | null> {
  try {
    return await openRelease(...request)
  } catch (error) {
    if (error instanceof ChasquiError && UNREADABLE.has(error.code)) return null
    throw error
  }
}

/** The cheapest chain to a release, of packs that are here as far as there is one. */
async function routeHere(
  { snapshot }: FleetView,
  releases: readonly Release[],
  version: string
): Promise<Route | null> {
  const cheapest = cheapestPath({ releases, have: null, want: version })
  const isHere = ({ sha256 }: { sha256: string }) => snapshot.has(packPath(sha256))
  const steps = await Promise.all((cheapest?.steps ?? []).map(({ pack }) => isHere(pack)))
  if (steps.every(Boolean)) return cheapest
  const here = new Set<string>()
  for (const pack of releases.flatMap(({ packs }) => packs)) if (await isHere(pack)) here.add(pack.sha256)
  const cost = ({ sha256, bytes }: PackInfo) => (here.has(sha256) ? bytes : NOT_HERE)
  return cheapestPath({ releases, have: null, want: version, cost })
}

/** Newest first. */
export function sortReleases(releases: readonly Release[]): Release[] {
  return [...releases].sort((a, b) => compareVersions(a.order, b.version, a.version))
}
