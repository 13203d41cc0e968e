// One feed on a stick: its segment files, proven one by one, and merged into what the stick holds of each core. A segment
// that does not prove is set aside and named; it cannot spoil the others.
import { ChasquiError, type ErrorCode } from '../errors.ts'
import type { CoreHead } from '../feed/block-core.ts'
import type { FileReader } from '../system/file-system.ts'
import { toHex } from '../trust/bytes.ts'
import { listStick, openStickFile, readStickHint, type StickFolder } from './folder.ts'
import { MARKER_LIMIT, type Marker, parseMarker } from './marker.ts'
import { type Holdings, rangesOf } from './ranges.ts'
import {
  type CoreName,
  FOOTER_BYTES,
  HEADER_BYTES,
  type ProvenCore,
  type ProvenSegment,
  proveSegment,
  readFooter,
  type SegmentBlock,
  type SegmentCore
} from './segment.ts'
import type { NodeMap } from './tree.ts'

/** Where a block's bytes are. */
export interface BlockPlace extends SegmentBlock {
  segment: string
  position: number
}

/** What the stick holds of one core, all of it proven by the core's writer. */
export interface CoreOnStick {
  name: CoreName
  key: Uint8Array
  manifest: Uint8Array
  /** the longest signed head */
  head: CoreHead
  tree: NodeMap
  blocks: Map<number, BlockPlace>
}

export interface SegmentFile {
  name: string
  number: number
  bytes: number
  hash: string
  holds: Holdings
}

/** Something on the stick that was not used, and why. */
export interface Rejected {
  file: string
  code: ErrorCode
  message: string
}

export interface FeedOnStick {
  /** key of the db core, hex: the folder's name */
  feed: string
  /** fleet id that the segments name, hex; null without segments */
  fleet: string | null
  segments: SegmentFile[]
  cores: Map<CoreName, CoreOnStick>
  rejected: Rejected[]
  /** what the last finished export meant to be here; null when none finished */
  marker: Marker | null
}

const SEGMENT_NAME = /^(\d{4,9})\.seg$/

/** Feeds that have a folder on the stick (hex keys of their db cores). */
export async function listFeeds(folder: StickFolder): Promise<string[]> {
  return (await listStick(folder, ['feeds'])).filter((name) => /^[0-9a-f]{64}$/.test(name))
}

/** Reads and proves the tables of every segment of `feed`; blocks themselves are not read. `fleet` null: any one fleet. */
export async function readFeedFolder(
  folder: StickFolder,
  feed: string,
  fleet: string | null
): Promise<FeedOnStick> {
  const result: FeedOnStick = { feed, fleet, segments: [], cores: new Map(), rejected: [], marker: null }
  const names = (await listStick(folder, ['feeds', feed])).filter((name) => SEGMENT_NAME.test(name))
  // of two copies of a block the later one counts
  for (const name of names.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))) {
    try {
      const { segment, bytes } = await readSegment(folder, feed, name)
      result.fleet ??= toHex(segment.header.fleet)
      checkPlace(segment, { feed, fleet: result.fleet, name })
      for (const core of segment.cores) mergeCore(result.cores, core, name)
      const { header, hash } = segment
      result.segments.push({ name, number: header.number, bytes, hash, holds: holdingsOf(segment.cores) })
    } catch (thrown) {
      if (!(thrown instanceof ChasquiError) || !SETS_ASIDE.has(thrown.code)) throw thrown
      result.rejected.push({ file: name, code: thrown.code, message: thrown.message })
    }
  }
  result.marker = parseMarker(await readStickHint(folder, ['feeds', feed, 'complete.json'], MARKER_LIMIT))
  return result
}

/** The blocks of each core that a segment lists. */
export function holdingsOf(cores: readonly Pick<SegmentCore, 'name' | 'blocks'>[]): Holdings {
  const of = (name: CoreName) =>
    rangesOf(cores.find((core) => core.name === name)?.blocks.map(({ index }) => index) ?? [])
  return { db: of('db'), blobs: of('blobs') }
}

/** Errors of one segment that leave the others usable. */
const SETS_ASIDE = new Set(['STICK_DAMAGED', 'STICK_TAMPERED', 'STICK_OTHER_FLEET', 'STICK_LINK', 'DISK_IO'])

async function readSegment(
  folder: StickFolder,
  feed: string,
  name: string
): Promise<{ segment: ProvenSegment; bytes: number }> {
  const file = await openStickFile(folder, ['feeds', feed, name])
  if (file === null) throw new ChasquiError('STICK_DAMAGED', `${name} went away while it was being read`)
  try {
    return { segment: await readTables(file.reader, file.size), bytes: file.size }
  } finally {
    await file.reader.close()
  }
}

async function readTables(reader: FileReader, size: number): Promise<ProvenSegment> {
  const footer = await reader.read(Math.max(0, size - FOOTER_BYTES), FOOTER_BYTES)
  const { offset, length } = readFooter(footer, size)
  const header = await reader.read(0, HEADER_BYTES)
  return proveSegment(header, await reader.read(offset, length), footer)
}

/** A segment must say that it belongs where it lies. */
function checkPlace(segment: ProvenSegment, place: { feed: string; fleet: string; name: string }): void {
  const { header } = segment
  if (toHex(header.fleet) !== place.fleet) {
    throw new ChasquiError('STICK_OTHER_FLEET', `${place.name} belongs to another fleet`)
  }
  const number = Number(SEGMENT_NAME.exec(place.name)?.[1])
  if (toHex(header.feed) !== place.feed || header.number !== number) {
    throw new ChasquiError('STICK_DAMAGED', `${place.name} was moved here from another place`)
  }
}

function mergeCore(cores: Map<CoreName, CoreOnStick>, core: ProvenCore, segment: string): void {
  const known = cores.get(core.name)
  const places = core.blocks.map(
    (block, i): BlockPlace => ({ ...block, segment, position: core.positions[i] as number })
  )
  if (known === undefined) {
    const { name, key, manifest, head, tree } = core
    const blocks = new Map(places.map((place) => [place.index, place]))
    cores.set(core.name, { name, key, manifest, head, tree: new Map(tree), blocks })
    return
  }
  refuseContradiction(known, core)
  for (const [index, node] of core.tree) known.tree.set(index, node)
  for (const place of places) known.blocks.set(place.index, place)
  if (core.head.length > known.head.length) known.head = core.head
}

/** Two segments that the same writer signed must tell the same history. */
function refuseContradiction(known: CoreOnStick, core: ProvenCore): void {
  const differs = [...core.tree].some(([index, node]) => {
    const other = known.tree.get(index)
    return other !== undefined && !Buffer.from(other.hash).equals(node.hash)
  })
  if (differs || known.head.fork !== core.head.fork) {
    throw new ChasquiError('STICK_FORK', 'the stick holds two histories of the same feed', {
      hint: 'tell the publisher: its feed was written twice; import nothing until that is cleared'
    })
  }
}
