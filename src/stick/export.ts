// Home → stick: only what the stick lacks, planned to the byte before the first write, marker last.
import { ChasquiError } from '../errors.ts'
import type { BlockCore } from '../feed/block-core.ts'
import type { BlockRange } from '../feed/types.ts'
import { toHex } from '../trust/bytes.ts'
import { refuseFork } from './core-import.ts'
import { clearDamage, clearLeftovers } from './damage.ts'
import { type FeedOnStick, readFeedFolder } from './feed-folder.ts'
import { type StickFolder, writeStickBytes } from './folder.ts'
import { bytesOfBlocks, bytesOfCore, held, heldBlocks, union } from './held.ts'
import type { StickHome } from './home.ts'
import { encodeMarker, type MarkedSegment, type Marker, markedSegment } from './marker.ts'
import { holdsAll } from './ranges.ts'
import { findLosses, type Losses, lostBlocks, type Repair, repairOf } from './repair.ts'
import type { CoreName } from './segment.ts'
import { type CoreWant, nextNumber, planSegments, type SegmentPlan } from './segment-plan.ts'
import { writeSegment } from './segment-writer.ts'
import { roomForData, sliceBlocks } from './slices.ts'
import { smallFiles } from './small-files.ts'

/** What an export is going to write. */
export interface ExportPlan {
  feed: string
  onStick: FeedOnStick
  segments: SegmentPlan[]
  /** signed lengths of this home */
  lengths: { db: number; blobs: number }
  blocks: number
  bytes: number
  /** marker or repairs are due although no block is */
  due: boolean
  /** the stick's head stays where it is: this home cannot read the newest version yet */
  isBehind: boolean
  /** everything that the stick is meant to carry will be there */
  whole: boolean
  /** what stays lost, and what may go */
  repair: Repair
  /** how many sticks it takes, and which of them this is */
  parts: number
  part: number
  /** what the marker says of that */
  partOf: Marker['part']
}

/** What is to travel. */
export interface ExportWish {
  /** blocks of the blobs core beside the small files; null: everything that the home has */
  blocks: readonly BlockRange[] | null
  /** bytes that one stick may carry; null: all on this one */
  maxSize: number | null
  /** from 1 */
  part: number
}

export interface ExportWritten {
  blocks: number
  bytes: number
  segments: number
}

/** What `folder` lacks of the home's feed, and of what it held before. Throws STICK_FORK, STICK_PART, STICK_FULL. */
export async function planExport(
  home: StickHome,
  folder: StickFolder,
  wish: ExportWish
): Promise<ExportPlan> {
  const feed = toHex(home.feed.db.key)
  const onStick = await readFeedFolder(folder, feed, home.fleet)
  const losses = await findLosses(folder, onStick)
  const { db } = home.feed
  const blobs = await home.feed.blobs()
  const snapshot = await home.feed.snapshot()
  const isAll = wish.blocks === null && wish.maxSize === null
  const small = blobs === null || isAll ? [] : await heldBlocks(blobs, await smallFiles(snapshot))
  const wanted = blobs === null ? [] : await heldBlocks(blobs, wish.blocks)
  const sliced = await sliceFor(home, blobs, wanted, small, wish)
  const again = blobs === null ? [] : await held(blobs, lostBlocks(losses, onStick, 'blobs', blobs.length))
  const entries = await wantOf('db', db, onStick, await heldBlocks(db, null))
  const isBehind = raisesTooFar(entries, snapshot?.version ?? 0)
  const wants = [
    isBehind ? null : entries,
    blobs === null ? null : await wantOf('blobs', blobs, onStick, union(sliced.blocks, again))
  ].filter((want) => want !== null)
  const segments = await planSegments(wants, nextNumber(numbersOn(onStick)))
  const planned = new Map(wants.map(({ name, blocks }) => [name, new Set(blocks)]))
  const isThere = (name: CoreName) => (index: number) =>
    planned.get(name)?.has(index) === true || onStick.cores.get(name)?.blocks.has(index) === true
  const repair = repairOf(losses, onStick, planned, home.role)
  const length = Math.max(isBehind ? 0 : db.length, onStick.cores.get('db')?.head.length ?? 0)
  const mended = repair.segments.length + repair.notes.length === 0
  const whole = mended && holdsAll(length === 0 ? [] : [[0, length]], isThere('db'))
  const allHere = sliced.parts === 1 || wanted.every(isThere('blobs'))
  const split = allHere ? null : { part: wish.part, parts: sliced.parts }
  // a branch that adds its news to one of several sticks does not make it the only one
  const partOf = home.role === 'node' ? (onStick.marker?.part ?? split) : split
  const state = { whole, partOf, repair }
  return {
    feed,
    onStick,
    segments,
    lengths: { db: db.length, blobs: blobs?.length ?? 0 },
    blocks: wants.reduce((sum, { blocks }) => sum + blocks.length, 0),
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    isBehind,
    due: segments.length > 0 || needsRepair(losses, repair) || !isMarked(onStick, state),
    ...state,
    parts: sliced.parts,
    part: wish.part
  }
}

/** This stick's share of `wanted`. Throws STICK_PART, STICK_FULL, USAGE. */
async function sliceFor(
  home: StickHome,
  blobs: BlockCore | null,
  wanted: number[],
  small: readonly number[],
  { maxSize, part }: ExportWish
): Promise<{ blocks: number[]; parts: number }> {
  if (maxSize === null && part > 1) {
    throw new ChasquiError('USAGE', `part ${part} of what is only known with the size of the sticks`, {
      hint: 'give --max-size as for the other parts'
    })
  }
  if (blobs === null || maxSize === null) return { blocks: union(wanted, small), parts: 1 }
  const everywhere = (await bytesOfCore(home.feed.db)) + (await bytesOfBlocks(blobs, small))
  const room = roomForData(maxSize, everywhere, home.feed.db.length + blobs.length)
  const { blocks, parts } = await sliceBlocks(blobs, wanted, new Set(small), room, part)
  return { blocks: union(blocks, small), parts }
}

/**
 * A head that nobody can read makes a good stick worse: it comes with its small files, or when this home has them. A stick
 * that carries nothing yet loses nothing by it.
 */
function raisesTooFar(entries: CoreWant | null, readable: number): boolean {
  if (entries === null || entries.known === 0) return false
  return entries.head.length > entries.known && entries.head.length !== readable
}

function needsRepair(losses: Losses, repair: Repair): boolean {
  return repair.remove.length > 0 || (losses.noted && repair.notes.length < Math.max(1, losses.notes.length))
}

async function wantOf(
  name: CoreName,
  core: BlockCore,
  found: FeedOnStick,
  wanted: readonly number[]
): Promise<CoreWant | null> {
  const [head, manifest] = [await core.head(), await core.manifest()]
  if (head === null || manifest === null) return null
  const onStick = found.cores.get(name)
  if (onStick !== undefined) await refuseFork(core, onStick)
  const blocks = wanted.filter((index) => index < head.length && onStick?.blocks.has(index) !== true)
  const known = onStick?.head.length ?? 0
  return blocks.length === 0 && known >= head.length ? null : { name, core, head, manifest, blocks, known }
}

/** Of every segment file that is there, also damaged ones. */
function numbersOn({ segments, rejected }: FeedOnStick): number[] {
  const names = [...segments.map(({ name }) => name), ...rejected.map(({ file }) => file)]
  return names.map((name) => Number.parseInt(name, 10))
}

/** Does the marker say already what it would say after this export? */
function isMarked(
  { marker, segments }: FeedOnStick,
  after: Pick<ExportPlan, 'whole' | 'partOf' | 'repair'>
): boolean {
  const list = (files: readonly { name: string; hash: string }[]) =>
    files
      .map(({ name, hash }) => `${name} ${hash}`)
      .sort()
      .join()
  return (
    marker !== null &&
    marker.whole === after.whole &&
    marker.part?.part === after.partOf?.part &&
    list(marker.segments) === list([...segments, ...after.repair.segments])
  )
}

export interface ExportProgress {
  signal: AbortSignal
  /** bytes written so far in this call */
  onBytes(bytes: number): void
}

/** Carries out `plan`: segments one by one, each durable before the next, then the marker. */
export async function writeExport(
  home: StickHome,
  folder: StickFolder,
  plan: ExportPlan,
  marked: Pick<Marker, 'sequence' | 'written' | 'releases'>,
  progress: ExportProgress
): Promise<ExportWritten> {
  const blobs = await home.feed.blobs()
  const cores = new Map<CoreName, BlockCore>([['db', home.feed.db]])
  if (blobs !== null) cores.set('blobs', blobs)
  const target = {
    folder,
    fleet: Buffer.from(home.fleet, 'hex'),
    feed: home.feed.db.key,
    cores,
    ...progress
  }
  await clearLeftovers(folder, plan.feed)
  const written: MarkedSegment[] = []
  for (const segment of plan.segments) written.push(await writeSegment(target, segment))
  const kept = plan.onStick.segments.map(markedSegment)
  const segments = [...kept, ...plan.repair.segments, ...written]
  const { lengths, whole, partOf: part } = plan
  const marker = { schema: 1 as const, ...marked, lengths, whole, part, segments }
  await writeStickBytes(folder, ['feeds', plan.feed, 'complete.json'], encodeMarker(marker))
  await clearDamage(folder, plan.feed, plan.repair)
  return { blocks: plan.blocks, bytes: plan.bytes, segments: written.length }
}
