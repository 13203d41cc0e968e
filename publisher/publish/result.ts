// What a publish says that it did, as JSON: one release, or the list of them.
import { encodeRelease, type Release } from '../../src/release/release.ts'
import { sha256Hex } from '../../src/trust/bytes.ts'
import type { PublishArgs } from './arguments.ts'
import type { BuiltRelease, Changed } from './build.ts'
import type { Candidate } from './candidates.ts'

export interface Published {
  module: string
  track: string
  version: string
  /** SHA-256 of release.json */
  release: string
  files: number
  /** bytes */
  size: number
  packs: { kind: 'full' | 'delta'; base: string | null; bytes: number }[]
  changed: Changed
  /** versions that there is no delta from, because their packs are not on this machine */
  notHere?: string[]
  channel: string
  ms: number
  /** the same content was published before: no release was made */
  unchanged?: true
  /** the channel points at that release from now on */
  moved?: true
  /** nothing was released: this is what it would be */
  dryRun?: true
}

/** What the command answers. */
export function summary(
  args: PublishArgs,
  candidates: readonly Candidate[],
  built: ReadonlyMap<Candidate, BuiltRelease>,
  moved: readonly Release[],
  ms: number
): object {
  const [only] = candidates
  if (args.each === undefined && candidates.length === 1 && only !== undefined) {
    const one = built.get(only)
    if (one !== undefined) return describeBuilt(one, args, ms)
    return { ...describeUnchanged(only, args, ms), ...(moved.length > 0 && { moved: true }) }
  }
  const unchanged = candidates.filter((candidate) => !built.has(candidate))
  return {
    releases: [...built.values()].map((one) => describeBuilt(one, args, ms)),
    unchanged: unchanged.map(({ identity, next }) => ({
      module: identity.module,
      track: identity.track,
      version: next.outcome === 'unchanged' ? next.release.version : identity.version
    })),
    ms
  }
}

function describeBuilt(
  { release, bytes, changed, notHere }: BuiltRelease,
  args: PublishArgs,
  ms: number
): Published {
  return {
    module: release.module,
    track: release.track,
    version: release.version,
    release: sha256Hex(bytes),
    files: release.files.count,
    size: release.files.bytes,
    packs: release.packs.map(({ kind, base, bytes: size }) => ({ kind, base: base ?? null, bytes: size })),
    changed,
    ...(notHere.length > 0 && { notHere }),
    channel: args.channel,
    ms,
    ...(args.dryRun && { dryRun: true })
  }
}

function describeUnchanged({ next }: Candidate, args: PublishArgs, ms: number): Published {
  if (next.outcome !== 'unchanged') throw new TypeError('not unchanged')
  const { release } = next
  const none = { added: 0, modified: 0, deleted: 0 }
  const bytes = encodeRelease(release)
  return {
    ...describeBuilt({ release, bytes, packs: [], changed: none, notHere: [] }, args, ms),
    packs: [],
    unchanged: true
  }
}
