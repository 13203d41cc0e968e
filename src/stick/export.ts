// Home → stick: only what the stick lacks, planned to the byte before the first write, marker last.
import { ChasquiError } from '../errors.ts'
import type { BlockCore } from '../feed/block-core.ts'
import { refuseFork } from './core-import.ts'
import { clearDamage, dropDamaged } from './damage.ts'
import { type FeedOnStick, readFeedFolder } from './feed-folder.ts'
import { type StickFolder, writeStickBytes } from './folder.ts'
import type { BlockRange, StickHome } from './home.ts'
import { encodeMarker, type Marker } from './marker.ts'
import type { CoreName } from './segment.ts'
import { type CoreWant, planSegments, type SegmentPlan } from './segment-plan.ts'
import { writeSegment } from './segment-writer.ts'
import { roomForData, sliceBlocks } from './slices.ts'
import { fullRoots } from './tree.ts'

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
  /** how many sticks it takes, and which of them this is */
  parts: number
  part: number
}

/** What is to travel. */
export interface ExportWish {
  /** blocks of the blobs core; null: everything that the home has */
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

/** What `folder` lacks of the home's feed. Throws STICK_FORK, STICK_PART, STICK_FULL. */
export async function planExport(
  home: StickHome,
  folder: StickFolder,
  wish: ExportWish
): Promise<ExportPlan> {
  const feed = hex(home.feed.db.key)
  const onStick = await readFeedFolder(folder, feed, home.fleet)
  const noted = await dropDamaged(folder, onStick)
  const blobs = await home.feed.blobs()
  const wanted = blobs === null ? [] : await heldBlocks(blobs, wish.blocks)
  const sliced =
    blobs === null || wish.maxSize === null
      ? { blocks: wanted, parts: 1 }
      : await sliceBlocks(blobs, wanted, roomForData(wish.maxSize, await sizeOf(home.feed.db)), wish.part)
  const wants = [
    await wantOf('db', home.feed.db, onStick, await heldBlocks(home.feed.db, null)),
    blobs === null ? null : await wantOf('blobs', blobs, onStick, sliced.blocks)
  ].filter((want) => want !== null)
  const segments = await planSegments(wants, nextNumber(onStick))
  const cores = segments.flatMap((segment) => segment.cores)
  return {
    feed,
    onStick,
    segments,
    lengths: { db: home.feed.db.length, blobs: blobs?.length ?? 0 },
    blocks: cores.reduce((sum, core) => sum + core.blocks.length, 0),
    bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
    due: segments.length > 0 || noted || onStick.rejected.length > 0 || !isMarked(onStick),
    parts: sliced.parts,
    part: wish.part
  }
}

/** Blocks of `wanted` (null: all) that this home has, ascending. */
async function heldBlocks(core: BlockCore, wanted: readonly BlockRange[] | null): Promise<number[]> {
  const held: number[] = []
  for (const { offset, length } of wanted ?? [{ offset: 0, length: core.length }]) {
    for (let index = offset; index < Math.min(offset + length, core.length); index++) {
      if (await core.has(index)) held.push(index)
    }
  }
  return held
}

/** Bytes of all blocks of a core. */
async function sizeOf(core: BlockCore): Promise<number> {
  const roots = await Promise.all(fullRoots(core.length).map((index) => core.node(index)))
  return roots.reduce((sum, node) => sum + (node?.size ?? 0), 0)
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

/** Above every segment file that is there, also damaged ones: a number is never used twice. */
function nextNumber(onStick: FeedOnStick): number {
  const names = [...onStick.segments.map(({ name }) => name), ...onStick.rejected.map(({ file }) => file)]
  return 1 + Math.max(0, ...names.map((name) => Number.parseInt(name, 10)))
}

function isMarked({ marker, segments }: FeedOnStick): boolean {
  const list = (files: readonly { name: string; hash: string }[]) =>
    files
      .map(({ name, hash }) => `${name} ${hash}`)
      .sort()
      .join()
  return marker !== null && list(marker.segments) === list(segments)
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
  marked: Pick<Marker, 'sequence' | 'written' | 'whole' | 'releases'>,
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
  const written: { name: string; bytes: number; hash: string }[] = []
  for (const segment of plan.segments) written.push(await writeSegment(target, segment))
  const kept = plan.onStick.segments.map(({ name, bytes, hash }) => ({ name, bytes, hash }))
  const marker = { schema: 1 as const, ...marked, lengths: plan.lengths, segments: [...kept, ...written] }
  await writeStickBytes(folder, ['feeds', plan.feed, 'complete.json'], encodeMarker(marker))
  await clearDamage(folder, plan.onStick)
  return { blocks: plan.blocks, bytes: plan.bytes, segments: written.length }
}

/** Bytes that the stick lacks for `bytes` more. `free` null: the file system does not say, so none. */
export function lacksSpace(bytes: number, free: number | null): number {
  if (bytes === 0 || free === null) return 0
  return Math.max(0, bytes + SPACE_RESERVE - free)
}

/** Throws STICK_FULL with the exact shortfall. */
export function refuseWithoutSpace(bytes: number, free: number | null): void {
  const shortfall = lacksSpace(bytes, free)
  if (shortfall === 0) return
  throw new ChasquiError('STICK_FULL', `${bytes} bytes are to be written and ${free} are free`, {
    hint: `free ${shortfall} bytes on the stick, or take less with --latest, --channel, --modules or --max-size`
  })
}

/** What folders, reports and the file system's own tables need beside the segments. */
const SPACE_RESERVE = 1024 * 1024 // bytes

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
