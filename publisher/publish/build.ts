// Makes one release out of a candidate: its packs in a folder of the home, its release.json, and what changed.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pointerOf } from '../../src/fleet/channels.ts'
import { type EncodedPack, encodePack } from '../../src/pack/encode.ts'
import { diffManifests } from '../../src/release/diff.ts'
import { type Manifest, manifestBytes } from '../../src/release/manifest.ts'
import { checkModuleName } from '../../src/release/names.ts'
import { choosePacks, keyframeDue, planPacks } from '../../src/release/plan.ts'
import { checkRange } from '../../src/release/range.ts'
import { encodeRelease, type PackInfo, type Release } from '../../src/release/release.ts'
import { ensureDirectory } from '../../src/system/durable.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import type { PublisherApp } from '../app.ts'
import { openIfHere } from '../catalog.ts'
import type { FleetView } from '../fleet-keeper.ts'
import type { PublishArgs } from './arguments.ts'
import type { Candidate } from './candidates.ts'

export interface Changed {
  added: number
  modified: number
  deleted: number
}

export interface BuiltRelease {
  release: Release
  /** release.json */
  bytes: Uint8Array
  /** pack hash → file that holds it */
  packs: { sha256: string; file: string }[]
  changed: Changed
  /** versions that should have been the base of a delta and are not whole here */
  notHere: string[]
}

export interface BuildContext {
  app: PublisherApp
  view: FleetView
  args: PublishArgs
  /** modules of this fleet, those of this publish included */
  modules: ReadonlySet<string>
  signal: AbortSignal
  onProgress(done: number, total: number): void
}

type NewCandidate = Candidate & { next: { outcome: 'new' } }

export function isNew(candidate: Candidate): candidate is NewCandidate {
  return candidate.next.outcome === 'new'
}

/** Writes the packs of a candidate; the caller removes the staging folder. */
export async function buildRelease(context: BuildContext, candidate: NewCandidate): Promise<BuiltRelease> {
  const { releases } = candidate
  const plan = planPacks(releases, pointedAt(context, candidate))
  const packs: (PackInfo & { file: string })[] = []
  const notHere: string[] = []
  let changed: Changed | null = null
  for (const version of plan.deltasFrom) {
    const opened = await openIfHere(context.app, context.view, releases, version)
    // a delta saves bytes; no release waits for it
    if (opened === null) {
      notHere.push(version)
      continue
    }
    const { base, close } = opened
    try {
      const { file, pack } = await encode(context, candidate, base)
      packs.push({ sha256: pack.sha256, bytes: pack.bytes, kind: 'delta', base: version, file })
      changed ??= countChanges(base.manifest, candidate.tree.manifest)
    } finally {
      await close()
    }
  }
  if (plan.keyframe || packs.length === 0 || keyframeDue(releases, packs[0]?.bytes ?? 0)) {
    const { file, pack } = await encode(context, candidate, null)
    packs.push({ sha256: pack.sha256, bytes: pack.bytes, kind: 'full', file })
  }
  const chosen = choosePacks(packs) as typeof packs
  const release = describe(context, candidate, chosen)
  changed ??= { added: candidate.tree.manifest.entries.length, modified: 0, deleted: 0 }
  return { release, bytes: encodeRelease(release), packs: chosen, changed, notHere }
}

function pointedAt({ view }: BuildContext, { identity: { module, track } }: Candidate): string[] {
  return Object.keys(view.channels.channels).flatMap(
    (channel) => pointerOf(view.channels, channel, module, track)?.version ?? []
  )
}

async function encode(
  { app, signal, onProgress }: BuildContext,
  { tree }: Candidate,
  base: Parameters<typeof encodePack>[0]['base'] | null
): Promise<{ file: string; pack: EncodedPack }> {
  await ensureDirectory(app.fs, app.paths.staging, 0o700)
  const file = join(app.paths.staging, `pack-${randomBytes(6).toString('hex')}`)
  const pack = await encodePack({
    target: tree,
    base: base ?? null,
    output: file,
    fs: app.fs,
    signal,
    onProgress
  })
  return { file, pack }
}

/** A rename is one file added and one deleted. */
function countChanges(before: Manifest, after: Manifest): Changed {
  const { added, modified, deleted, renamed } = diffManifests(before, after)
  return {
    added: added.length + renamed.length,
    modified: modified.length,
    deleted: deleted.length + renamed.length
  }
}

function describe(
  { app, args, modules }: BuildContext,
  { identity, tree, root, next, releases }: NewCandidate,
  packs: readonly (PackInfo & { file: string })[]
): Release {
  const { notes, severity, author, deletes, after, labels, steps } = args
  if (args.compatApp !== undefined) checkRange(args.compatApp)
  const compat = {
    ...(args.compatApp !== undefined && { app: args.compatApp }),
    ...(args.platforms !== undefined && { platform: args.platforms })
  }
  const requires = requirements(args, identity.depends, modules)
  return {
    schema: 1,
    module: identity.module,
    track: identity.track,
    version: next.version,
    order: next.order,
    created: formatTime(app.now()),
    severity,
    kind: args.kind ?? releases.at(-1)?.kind ?? 'directory',
    files: { root, count: tree.manifest.entries.length, bytes: manifestBytes(tree.manifest) },
    packs: packs.map(({ file: _, ...pack }) => pack),
    ...(author !== undefined && { author }),
    ...(notes !== undefined && { notes }),
    ...(deletes !== undefined && { deletes }),
    ...(after !== undefined && { after }),
    ...(labels !== undefined && { labels }),
    ...(steps !== undefined && { steps }),
    ...(Object.keys(compat).length > 0 && { compat }),
    ...(Object.keys(requires).length > 0 && { requires }),
    ...(next.previous !== null && { previous: next.previous.version })
  }
}

/** What the module itself names counts when it is a module of this fleet; the rest is the app's own business. */
function requirements(
  args: PublishArgs,
  depends: readonly string[],
  modules: ReadonlySet<string>
): Record<string, string> {
  const own = depends.filter((name) => modules.has(name)).map((name) => [name, '*'])
  const given = (args.requires ?? []).map((text) => {
    const [name = '', ...range] = text.trim().split(/\s+/)
    const wanted = range.join(' ') || '*'
    checkRange(wanted)
    return [checkModuleName(name), wanted]
  })
  return Object.fromEntries([...own, ...given])
}
