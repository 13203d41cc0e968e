// Many small updates leave many small segments. They are gathered into one: written and durable first, named by the marker
// second, the small ones removed last; a stick that is pulled in between holds everything once or twice, never less.
import { join } from 'node:path'
import type { BlockCore } from '../feed/block-core.ts'
import { removeTree } from '../system/durable.ts'
import { type BlockPlace, type CoreOnStick, type FeedOnStick, readFeedFolder } from './feed-folder.ts'
import { openStickFile, type StickFolder, writeStickBytes } from './folder.ts'
import { encodeMarker, type MarkedSegment, markedSegment } from './marker.ts'
import { onStick } from './on-stick.ts'
import type { CoreName } from './segment.ts'
import { type CoreWant, planSegments } from './segment-plan.ts'
import { writeSegment } from './segment-writer.ts'
import { leafHash } from './tree.ts'

export const COMPACTION = {
  /** segments from which it is worth it */
  segments: 32,
  /** bytes: larger segments stay as they are */
  small: 16 * 1024 * 1024
} as const

/** Gathers small segments of `feed` when there are many; returns how many files went away. The stick is not in the middle of anything else. */
export async function compactFeed(
  folder: StickFolder,
  feed: string,
  fleet: string,
  signal: AbortSignal,
  limits: Readonly<Record<keyof typeof COMPACTION, number>> = COMPACTION
): Promise<number> {
  const found = await readFeedFolder(folder, feed, fleet)
  const small = found.segments.filter(({ bytes }) => bytes < limits.small)
  if (small.length < limits.segments || found.rejected.length > 0 || found.marker === null) return 0
  const names = new Set(small.map(({ name }) => name))
  const wants = [...found.cores.values()].map((core) => wantOf(folder, found, core, names))
  const plans = await planSegments(wants, 1 + Math.max(...found.segments.map(({ number }) => number)))
  const target = {
    folder,
    fleet: Buffer.from(fleet, 'hex'),
    feed: Buffer.from(feed, 'hex'),
    cores: new Map(wants.map(({ name, core }) => [name, core] as [CoreName, BlockCore])),
    signal,
    onBytes: () => undefined
  }
  const written: MarkedSegment[] = []
  for (const plan of plans) written.push(await writeSegment(target, plan))
  const kept = found.segments.filter(({ name }) => !names.has(name))
  const segments = [...kept, ...written].map(markedSegment)
  await writeStickBytes(folder, ['feeds', feed, 'complete.json'], encodeMarker({ ...found.marker, segments }))
  await removeSegments(folder, feed, names)
  return names.size - written.length
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
  return {
    key: core.key,
    length: core.head.length,
    fork: core.head.fork,
    head: async () => core.head,
    manifest: async () => core.manifest,
    has: async (index) => core.blocks.has(index),
    node: async (index) => core.tree.get(index) ?? null,
    async block(index) {
      const place = core.blocks.get(index)
      return place === undefined ? null : readPlace(folder, feed, place)
    },
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
