// What a stick holds, told without a home and without keys: `inspect` reads the tables, `verify` every byte that is in use.
// Both prove segments against the signatures that they carry; neither changes the stick.
import type { FileSystem } from '../system/file-system.ts'
import { sha256Hex } from '../trust/bytes.ts'
import { stopIfCancelled } from './cancel.ts'
import { dropDamaged } from './damage.ts'
import { type FeedOnStick, listFeeds, type Rejected, readFeedFolder } from './feed-folder.ts'
import { openStickFile, readStickHint, type StickFolder } from './folder.ts'
import { inspectBranches, type StickBranch } from './inspect-branches.ts'
import { openFolder } from './open.ts'
import { listFleets, listVersions, ROOT_LIMIT } from './roots.ts'
import type { CoreName } from './segment.ts'
import { leafHash } from './tree.ts'
import { verifyFiles } from './verify-files.ts'
import type { StickWish } from './wish.ts'

export type StickState = 'complete' | 'partial' | 'damaged'

export interface FeedSummary {
  fleet: string | null
  feed: string
  state: StickState
  segments: { name: string; bytes: number }[]
  /** signed length, and how many blocks are here */
  db: { length: number; blocks: number }
  blobs: { length: number; blocks: number }
  bytes: number
  /** when the last finished export ended; null when none did */
  written: string | null
  /** which of several sticks this is; null when it is the only one */
  part: { part: number; parts: number } | null
  releases: { module: string; track: string; version: string }[]
  rejected: Rejected[]
}

export interface StickSummary {
  stick: string | null
  label: string
  sequence: number
  /** `wish`: what of its feed the stick was made for; null: everything */
  fleets: { id: string; name: string; wish: StickWish | null }[]
  state: StickState
  feeds: FeedSummary[]
  roots: { fleet: string; versions: number[] }[]
  /** node keys whose records are on the stick */
  reports: string[]
  /** machines that reported by this stick or met it, by what they say of themselves; newest first */
  branches: StickBranch[]
  rejected: Rejected[]
}

export interface InspectOptions {
  /** reads and hashes every block, and proves all that lies beside the feeds */
  everyByte: boolean
  signal: AbortSignal
  onBytes?(bytes: number): void
}

/** Throws STICK_MISSING, STICK_NOT_A_STICK, STICK_LINK, STICK_REMOVED. */
export async function inspectStick(
  fs: FileSystem,
  place: string,
  options: InspectOptions
): Promise<StickSummary> {
  const folder = await openFolder(fs, place)
  const feeds: FeedSummary[] = []
  for (const feed of await listFeeds(folder)) feeds.push(await inspectFeed(folder, feed, options))
  const { roots, rejected } = await inspectRoots(folder)
  if (options.everyByte) rejected.push(...(await verifyFiles(folder, options)))
  const { reports, branches } = await inspectBranches(folder)
  const states = [...feeds.map(({ state }) => state), rejected.length > 0 ? 'damaged' : 'complete']
  return {
    stick: folder.file?.id ?? null,
    label: folder.file?.label ?? '',
    sequence: folder.file?.sequence ?? 0,
    fleets: folder.file?.fleets ?? [],
    state: states.includes('damaged') ? 'damaged' : states.includes('partial') ? 'partial' : 'complete',
    feeds,
    roots,
    reports,
    branches,
    rejected
  }
}

async function inspectFeed(folder: StickFolder, feed: string, options: InspectOptions): Promise<FeedSummary> {
  const found = await readFeedFolder(folder, feed, null)
  for (const { core, index, segment } of (await dropDamaged(folder, found)).notes) {
    const message = `block ${index} of the ${core} core was found damaged by a reader`
    found.rejected.push({ file: segment, code: 'STICK_DAMAGED', message })
  }
  if (options.everyByte) await readEveryBlock(folder, found, options)
  const core = (name: CoreName) => {
    const here = found.cores.get(name)
    return { length: here?.head.length ?? 0, blocks: here?.blocks.size ?? 0 }
  }
  return {
    fleet: found.fleet,
    feed,
    state: stateOf(found),
    segments: found.segments.map(({ name, bytes }) => ({ name, bytes })),
    db: core('db'),
    blobs: core('blobs'),
    bytes: found.segments.reduce((sum, { bytes }) => sum + bytes, 0),
    written: found.marker?.written ?? null,
    part: found.marker?.part ?? null,
    releases: found.marker?.releases ?? [],
    rejected: found.rejected
  }
}

/** Adds blocks that are not what the tables say to `rejected`. */
async function readEveryBlock(
  folder: StickFolder,
  found: FeedOnStick,
  options: InspectOptions
): Promise<void> {
  for (const { name } of found.segments) {
    const file = await openStickFile(folder, ['feeds', found.feed, name])
    try {
      for (const core of found.cores.values()) {
        for (const place of core.blocks.values()) {
          if (place.segment !== name) continue
          stopIfCancelled(options.signal)
          const bytes = await file?.reader.read(place.position, place.size)
          options.onBytes?.(place.size)
          if (bytes?.length === place.size && Buffer.from(leafHash(bytes)).equals(place.hash)) continue
          const message = `block ${place.index} of the ${core.name} core is damaged at byte ${place.position}`
          found.rejected.push({ file: name, code: 'STICK_DAMAGED', message })
        }
      }
    } finally {
      await file?.reader.close()
    }
  }
}

function stateOf(found: FeedOnStick): StickState {
  if (found.rejected.length > 0) return 'damaged'
  if (found.marker === null) return 'partial'
  const here = new Map(found.segments.map(({ name, hash }) => [name, hash]))
  if (found.marker.segments.some(({ name, hash }) => here.has(name) && here.get(name) !== hash))
    return 'damaged'
  const listed = found.marker.segments.every(({ name }) => here.has(name))
  return listed && found.marker.whole && isDbWhole(found) ? 'complete' : 'partial'
}

function isDbWhole(found: FeedOnStick): boolean {
  const db = found.cores.get('db')
  return db !== undefined && db.blocks.size === db.head.length
}

/** A fleet's id is the hash of its first root: the one thing about roots that needs no trust. */
async function inspectRoots(
  folder: StickFolder
): Promise<{ roots: { fleet: string; versions: number[] }[]; rejected: Rejected[] }> {
  const roots: { fleet: string; versions: number[] }[] = []
  const rejected: Rejected[] = []
  for (const fleet of await listFleets(folder)) {
    roots.push({ fleet, versions: await listVersions(folder, fleet) })
    const first = await readStickHint(folder, ['roots', fleet, '1.root.json'], ROOT_LIMIT)
    if (first !== null && sha256Hex(first) !== fleet) {
      const file = `roots/${fleet}/1.root.json`
      rejected.push({
        file,
        code: 'STICK_DAMAGED',
        message: 'the first root is not the one that names the fleet'
      })
    }
  }
  return { roots, rejected }
}
