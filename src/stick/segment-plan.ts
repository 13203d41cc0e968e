// Decides which blocks and nodes go into which new segment, before a byte is written: the sizes are exact. Reads Merkle
// nodes of the home's cores; changes nothing.
import { ChasquiError } from '../errors.ts'
import type { BlockCore, CoreHead, TreeNode } from '../feed/block-core.ts'
import {
  type CoreName,
  encodeTable,
  FOOTER_BYTES,
  HEADER_BYTES,
  SEGMENT_LIMITS,
  type SegmentBlock,
  type SegmentCore
} from './segment.ts'
import { childrenOf, fullRoots, leafSpan } from './tree.ts'

/** What a stick lacks of one core. */
export interface CoreWant {
  name: CoreName
  core: BlockCore
  head: CoreHead
  manifest: Uint8Array
  /** blocks to write, ascending */
  blocks: readonly number[]
  /** length that the stick already proves: nodes above it are written leaf by leaf, so that any receiver can upgrade */
  known: number
}

export interface SegmentPlan {
  number: number
  cores: readonly SegmentCore[]
  /** bytes of the finished file */
  bytes: number
}

/** Room that a segment keeps for its table. */
const TABLE_RESERVE = 24 * 1024 * 1024 // bytes
/** Nodes written leaf by leaf in one export; above it only what the blocks need. */
const DETAIL_LIMIT = 200_000
const NODES_AT_ONCE = 512
/** Segments that no stick gathers: a number that far above all others is somebody's who wants to use the numbers up. */
const LEAP = 100_000

/** The number after `taken` ones: one is never used twice. */
export function nextNumber(taken: readonly number[]): number {
  let last = 0
  for (const number of [...taken].sort((a, b) => a - b)) {
    if (number - last > LEAP) break
    last = number
  }
  return last + 1
}

/** The segments that bring the stick what it lacks; none when it lacks nothing. */
export async function planSegments(
  wants: readonly CoreWant[],
  firstNumber: number,
  fileLimit: number = SEGMENT_LIMITS.file
): Promise<SegmentPlan[]> {
  const pieces = await cutInPieces(wants, fileLimit)
  const detailed = new Set<CoreName>()
  const plans: SegmentPlan[] = []
  for (const piece of pieces) {
    const cores: SegmentCore[] = []
    for (const { want, blocks } of piece) {
      const detailFrom = detailed.has(want.name) ? want.head.length : want.known
      detailed.add(want.name)
      const nodes = await coverNodes(want, blocks, detailFrom)
      cores.push({
        name: want.name,
        key: want.core.key,
        manifest: want.manifest,
        head: want.head,
        blocks,
        nodes
      })
    }
    const data = cores.flatMap((core) => core.blocks).reduce((sum, block) => sum + block.size, 0)
    const bytes = HEADER_BYTES + data + encodeTable(cores).length + FOOTER_BYTES
    plans.push({ number: firstNumber + plans.length, cores, bytes })
  }
  return plans
}

interface Piece {
  want: CoreWant
  blocks: SegmentBlock[]
}

/** Fills segments one after the other; a core whose head is news but has no blocks still gets its place. */
async function cutInPieces(wants: readonly CoreWant[], fileLimit: number): Promise<Piece[][]> {
  const room = Math.max(fileLimit - TABLE_RESERVE, fileLimit / 2)
  const segments: Piece[][] = []
  let current: Piece[] = []
  let bytes = 0
  let entries = 0
  for (const want of wants) {
    let piece: Piece = { want, blocks: [] }
    current.push(piece)
    for (const block of await listBlocks(want)) {
      if (bytes > 0 && (bytes + block.size > room || entries >= SEGMENT_LIMITS.entries / 4)) {
        segments.push(current)
        piece = { want, blocks: [] }
        current = [piece]
        bytes = 0
        entries = 0
      }
      piece.blocks.push(block)
      bytes += block.size
      entries++
    }
  }
  if (current.length > 0) segments.push(current)
  return segments
}

async function listBlocks(want: CoreWant): Promise<SegmentBlock[]> {
  const blocks: SegmentBlock[] = []
  for (let i = 0; i < want.blocks.length; i += NODES_AT_ONCE) {
    const indexes = want.blocks.slice(i, i + NODES_AT_ONCE)
    const nodes = await Promise.all(indexes.map((index) => want.core.node(2 * index)))
    nodes.forEach((node, at) => {
      const index = indexes[at] as number
      if (node === null) throw lacksNode(want.name, 2 * index)
      blocks.push({ index, size: node.size, hash: node.hash })
    })
  }
  return blocks
}

/**
 * Nodes that, with `blocks`, cover the tree at the head exactly: as coarse as possible, but leaf by leaf from block
 * `detailFrom` on where this home knows the leaves.
 */
async function coverNodes(
  want: CoreWant,
  blocks: readonly SegmentBlock[],
  detailFrom: number
): Promise<TreeNode[]> {
  const { core, head } = want
  const indexes = blocks.map((block) => block.index)
  const detail = head.length - detailFrom > DETAIL_LIMIT ? head.length : detailFrom
  const nodes: TreeNode[] = []
  const visit = async (index: number): Promise<void> => {
    const [start, end] = leafSpan(index)
    const inside = lowerBound(indexes, end) - lowerBound(indexes, start)
    if (inside === end - start) return
    if (inside === 0 && !(end > detail && (await hasChildren(core, index)))) {
      const node = await core.node(index)
      if (node === null) throw lacksNode(want.name, index)
      nodes.push(node)
      return
    }
    for (const child of childrenOf(index)) await visit(child)
  }
  for (const root of fullRoots(head.length)) await visit(root)
  return nodes
}

async function hasChildren(core: BlockCore, index: number): Promise<boolean> {
  if (index % 2 === 0) return false
  const found = await Promise.all(childrenOf(index).map((child) => core.node(child)))
  return found.every((node) => node !== null)
}

/** How many of `sorted` are below `limit`. */
function lowerBound(sorted: readonly number[], limit: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < limit) low = middle + 1
    else high = middle
  }
  return low
}

function lacksNode(name: CoreName, index: number): ChasquiError {
  return new ChasquiError('HOME_DAMAGED', `this home's ${name} core lacks Merkle node ${index}`, {
    hint: 'let it catch up with a peer, or restore it from a backup'
  })
}
