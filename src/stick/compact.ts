// Many small updates leave many small segments. They are gathered into one: written and durable first, named by the marker
// second, the small ones removed last; a stick that is pulled in between holds everything once or twice, never less.
import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { BlockCore } from '../feed/block-core.ts'
import { removeTree } from '../system/durable.ts'
import { type BlockPlace, type CoreOnStick, type FeedOnStick, readFeedFolder } from './feed-folder.ts'
import { openStickFile, type StickFolder, writeStickBytes } from './folder.ts'
import { encodeMarker, type MarkedSegment, type Marker, markedSegment } from './marker.ts'
import { onStick } from './on-stick.ts'
import { findLosses } from './repair.ts'
import type { CoreName } from './segment.ts'
import { type CoreWant, nextNumber, planSegments, type SegmentPlan } from './segment-plan.ts'
import { writeSegment } from './segment-writer.ts'
import { lacksSpace } from './space.ts'
import { leafHash } from './tree.ts'

export const COMPACTION = {
  /** segments from which it is worth it */
  segments: 32,
  /** bytes: larger segments stay as they are */
  small: 16 * 1024 * 1024
} as const

/**
 * Gathers small segments of `feed` when there are many and both copies fit beside each other in `free` bytes (null: not
 * known); returns how many files went away. A stick without the room, or with damage, stays as it is.
 */
export async function compactFeed(
  folder: StickFolder,
  feed: string,
  fleet: string,
  free: number | null,
  signal: AbortSignal,
  limits: Readonly<Record<keyof typeof COMPACTION, number>> = COMPACTION
): Promise<number> {
  const found = await readFeedFolder(folder, feed, fleet)
  const small = found.segments.filter(({ bytes }) => bytes < limits.small)
  if (small.length < limits.segments || !(await isSound(folder, found))) return 0
  const names = new Set(small.map(({ name }) => name))
  const wants = [...found.cores.values()].map((core) => wantOf(folder, found, core, names))
  const plans = await planSegments(wants, nextNumber(found.segments.map(({ number }) => number)))
  if (lacksSpace(sum(plans), free) > 0) return 0
  const written = await writeAll(folder, { feed, fleet, wants, plans, signal })
  if (written === null) return 0
  const kept = found.segments.filter(({ name }) => !names.has(name))
  const marker = { ...(found.marker as Marker), segments: [...kept, ...written].map(markedSegment) }
  await writeStickBytes(folder, ['feeds', feed, 'complete.json'], encodeMarker(marker))
  await removeSegments(folder, feed, names)
  return names.size - written.length
}

/** Nothing is damaged, missing or unfinished: what is gathered then is all there is. */
async function isSound(folder: StickFolder, found: FeedOnStick): Promise<boolean> {
  if (found.marker === null || found.rejected.length > 0) return false
  const losses = await findLosses(folder, found)
  return losses.segments.length + losses.notes.length === 0
}

interface Gathering {
  feed: string
  fleet: string
  wants: readonly CoreWant[]
  plans: readonly SegmentPlan[]
  signal: AbortSignal
}

/** Writes the new segments; null, and nothing left of them, when the stick is full or does not give a block back. */
async function writeAll(folder: StickFolder, work: Gathering): Promise<MarkedSegment[] | null> {
  const target = {
    folder,
    fleet: Buffer.from(work.fleet, 'hex'),
    feed: Buffer.from(work.feed, 'hex'),
    cores: new Map(work.wants.map(({ name, core }) => [name, core] as [CoreName, BlockCore])),
    signal: work.signal,
    onBytes: () => undefined
  }
  const written: MarkedSegment[] = []
  try {
    for (const plan of work.plans) written.push(await writeSegment(target, plan))
    return written
  } catch (error) {
    if (!(error instanceof ChasquiError) || !GIVES_UP.has(error.code)) throw error
    await removeSegments(folder, work.feed, new Set(written.map(({ name }) => name)))
    return null
  }
}

const GIVES_UP = new Set(['STICK_FULL', 'STICK_DAMAGED', 'HOME_DAMAGED', 'DISK_IO'])

function sum(plans: readonly SegmentPlan[]): number {
  return plans.reduce((total, { bytes }) => total + bytes, 0)
}

/** Everything that the small segments hold of a core, under its newest head. */
function wantOf(
  folder: StickFolder,
  found: FeedOnStick,
  core: CoreOnStick,
  small: ReadonlySet<string>
): CoreWant {
  const places = [...core.blocks.values()].filter(({ segment }) => small.has(segment))
  const blocks = places.map(({ index }) => index).sort((a, b) => a - b)
  const { name, head, manifest } = core
  return { name, core: stickCore(folder, found.feed, core), head, manifest, blocks, known: 0 }
}

/** A core as the stick holds it. */
function stickCore(folder: StickFolder, feed: string, core: CoreOnStick): BlockCore {
  const block = async (index: number) => {
    const place = core.blocks.get(index)
    return place === undefined ? null : readPlace(folder, feed, place)
  }
  return {
    key: core.key,
    length: core.head.length,
    fork: core.head.fork,
    head: async () => core.head,
    manifest: async () => core.manifest,
    has: async (index) => core.blocks.has(index),
    node: async (index) => core.tree.get(index) ?? null,
    block,
    blocks: (indexes) => Promise.all(indexes.map(block)),
    applyProof: async () => false,
    flush: async () => undefined
  }
}

async function readPlace(folder: StickFolder, feed: string, place: BlockPlace): Promise<Uint8Array | null> {
  const file = await openStickFile(folder, ['feeds', feed, place.segment])
  try {
    const bytes = (await file?.reader.read(place.position, place.size)) ?? new Uint8Array(0)
    return Buffer.from(leafHash(bytes)).equals(place.hash) ? bytes : null
  } finally {
    await file?.reader.close()
  }
}

function removeSegments(folder: StickFolder, feed: string, names: ReadonlySet<string>): Promise<void> {
  return onStick(async () => {
    const directory = join(folder.root, 'feeds', feed)
    for (const name of names) await removeTree(folder.fs, join(directory, name))
    await folder.fs.syncDirectory(directory)
  })
}
