// What there is: releases, one release, the difference between two. Reads the publisher's own feed.
import { z } from 'zod'
import { parseArguments } from '../src/control/arguments.ts'
import { ChasquiError } from '../src/errors.ts'
import { readRelease } from '../src/feed/signed-files.ts'
import { pointerOf, yankOf } from '../src/fleet/channels.ts'
import { diffManifests } from '../src/release/diff.ts'
import type { Release } from '../src/release/release.ts'
import type { PublisherApp } from './app.ts'
import { findRelease, openRelease, parseReleaseName, releasesOf, sortReleases } from './catalog.ts'
import type { FleetView } from './fleet-keeper.ts'

const releasesArgs = z.strictObject({ module: z.string().optional() })
const showArgs = z.strictObject({ release: z.string() })
const diffArgs = z.strictObject({ from: z.string(), to: z.string() })

export interface ReleaseLine {
  module: string
  track: string
  version: string
  created: string
  severity: Release['severity']
  kind: Release['kind']
  files: number
  /** bytes of the files */
  size: number
  packs: { kind: 'full' | 'delta'; base: string | null; bytes: number }[]
  /** channels that point at it */
  channels: string[]
  yanked: { at: string; reason: string } | null
}

/** Newest first within a module and track. */
export async function listReleases(app: PublisherApp, raw: unknown): Promise<ReleaseLine[]> {
  const { module } = parseArguments(releasesArgs, raw)
  const view = await app.fleet.view()
  const targets = await view.trust.listReleases(module)
  if (module !== undefined && targets.length === 0) {
    throw new ChasquiError('RELEASE_NOT_FOUND', `nothing of ${module} is published`, {
      hint: 'see "publisher releases" for the names'
    })
  }
  const byLine = new Map<string, Release[]>()
  for (const target of targets) {
    const release = await readRelease(view.snapshot, target)
    const line = `${release.module}/${release.track}`
    byLine.set(line, [...(byLine.get(line) ?? []), release])
  }
  return [...byLine.values()].flatMap((line) => sortReleases(line).map((release) => describe(view, release)))
}

/** release.json as it is, with what channels and withdrawals say about it. */
export async function showRelease(app: PublisherApp, raw: unknown): Promise<unknown> {
  const view = await app.fleet.view()
  const release = await findRelease(view, parseReleaseName(parseArguments(showArgs, raw).release))
  const { channels, yanked } = describe(view, release)
  return { ...release, channels, yanked }
}

export interface ReleaseDiff {
  module: string
  track: string
  from: string
  to: string
  added: { path: string; size: number }[]
  modified: { path: string; size: number; before: number }[]
  deleted: { path: string; size: number }[]
  renamed: { from: string; to: string; size: number }[]
}

/** Throws USAGE, RELEASE_NOT_FOUND, and what opening their packs throws. */
export async function diffReleases(app: PublisherApp, raw: unknown): Promise<ReleaseDiff> {
  const args = parseArguments(diffArgs, raw)
  const view = await app.fleet.view()
  const from = await findRelease(view, parseReleaseName(args.from))
  const to = await findRelease(view, parseReleaseName(args.to))
  if (from.module !== to.module || from.track !== to.track) {
    throw new ChasquiError('USAGE', 'diff compares two releases of one module and track', {
      hint: 'name both as MODULE@VERSION, and one MODULE'
    })
  }
  const releases = await releasesOf(view, from.module, from.track)
  const [before, after] = [
    await manifestOf(app, view, releases, from.version),
    await manifestOf(app, view, releases, to.version)
  ]
  const { added, modified, deleted, renamed } = diffManifests(before, after)
  const line = ({ path, size }: { path: string; size: number }) => ({ path, size })
  return {
    module: from.module,
    track: from.track,
    from: from.version,
    to: to.version,
    added: added.map(line),
    modified: modified.map((pair) => ({ ...line(pair.to), before: pair.from.size })),
    deleted: deleted.map(line),
    renamed: renamed.map((pair) => ({ from: pair.from.path, to: pair.to.path, size: pair.to.size }))
  }
}

async function manifestOf(app: PublisherApp, view: FleetView, releases: readonly Release[], version: string) {
  const { base, close } = await openRelease(app, view, releases, version)
  await close()
  return base.manifest
}

function describe({ channels }: FleetView, release: Release): ReleaseLine {
  const { module, track, version, created, severity, kind, files, packs } = release
  return {
    module,
    track,
    version,
    created,
    severity,
    kind,
    files: files.count,
    size: files.bytes,
    packs: packs.map((pack) => ({ kind: pack.kind, base: pack.base ?? null, bytes: pack.bytes })),
    channels: Object.keys(channels.channels).filter(
      (channel) => pointerOf(channels, channel, module, track)?.version === version
    ),
    yanked: yankOf(channels.yanked, module, track, version)
  }
}
