// Several sticks for what does not fit on one: the wanted data is cut, by its place in the feed, into slices of a given
// size. The cut depends on the feed and the wish only, so that every stick can be written on its own.
import { ChasquiError } from '../errors.ts'
import type { BlockCore } from '../feed/block-core.ts'

export interface Slices {
  /** blocks of this slice, ascending */
  blocks: number[]
  /** how many sticks it takes */
  parts: number
}

const NODES_AT_ONCE = 512
/** what a block of the feed costs beside its bytes, on this stick or not: its line in a table, as a block or as a leaf */
const TABLE_LINE = 40 // bytes

/**
 * The slice `part` (from 1) of `wanted` blocks when each stick may carry `size` bytes of them. Blocks that are `everywhere` count as
 * the others do, so that the cut stays where it is when they are replaced by newer ones; a slice at the end of nothing else is none.
 * Throws STICK_PART.
 */
export async function sliceBlocks(
  core: BlockCore,
  wanted: readonly number[],
  everywhere: ReadonlySet<number>,
  size: number,
  part: number
): Promise<Slices> {
  const slices: number[][] = [[]]
  let bytes = 0
  for (let i = 0; i < wanted.length; i += NODES_AT_ONCE) {
    const indexes = wanted.slice(i, i + NODES_AT_ONCE)
    const nodes = await Promise.all(indexes.map((index) => core.node(2 * index)))
    for (const [at, index] of indexes.entries()) {
      const cost = nodes[at]?.size ?? 0
      if (bytes > 0 && bytes + cost > size) {
        slices.push([])
        bytes = 0
      }
      slices.at(-1)?.push(index)
      bytes += cost
    }
  }
  while (slices.length > 1 && slices.at(-1)?.every((index) => everywhere.has(index))) slices.pop()
  const blocks = slices[part - 1]
  if (blocks === undefined) {
    throw new ChasquiError(
      'STICK_PART',
      `there is no part ${part}: it takes ${slices.length} sticks of that size`,
      {
        hint: `use --part 1 to --part ${slices.length}`
      }
    )
  }
  return { blocks, parts: slices.length }
}

const STEPS = 16 // of a stick's size: what is left for data is a whole number of them

/**
 * What is left of `size` for data after the `entries` (bytes) and the table of all `blocks` of the feed: every stick needs all of
 * both. In large steps: what is published between the first stick and the last must not move the cut, which would leave out
 * what lies between the old one and the new. Throws STICK_FULL.
 */
export function roomForData(size: number, entries: number, blocks: number): number {
  const needed = entries + blocks * TABLE_LINE + SEGMENT_OVERHEAD
  if (size > needed) return wholeSteps(size - needed, Math.ceil(size / STEPS))
  throw new ChasquiError('STICK_FULL', `the feed's entries alone take ${needed} bytes`, {
    hint: `allow at least ${needed + SEGMENT_OVERHEAD} bytes with --max-size`
  })
}

function wholeSteps(room: number, step: number): number {
  return room > step ? room - (room % step) : room
}

/** header, footer, heads and nodes of the segments, small files and what the file system rounds up */
const SEGMENT_OVERHEAD = 256 * 1024 // bytes
