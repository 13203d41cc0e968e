// Which blocks of a core this home has, and what they weigh.
import type { BlockCore } from '../feed/block-core.ts'
import type { BlockRange } from '../feed/types.ts'
import { blocksIn, type Ranges } from './ranges.ts'
import { fullRoots } from './tree.ts'

const NODES_AT_ONCE = 512

/** Blocks of `wanted` (null: all) that are here, ascending, each once. */
export function heldBlocks(core: BlockCore, wanted: readonly BlockRange[] | null): Promise<number[]> {
  const runs = (wanted ?? [{ offset: 0, length: core.length }]).map(
    ({ offset, length }): Ranges => [[offset, length]]
  )
  return held(core, blocksIn(runs, core.length))
}

/** Those of the blocks that are here, in the order given. */
export async function held(core: BlockCore, indexes: readonly number[]): Promise<number[]> {
  const here: number[] = []
  for (const index of indexes) if (await core.has(index)) here.push(index)
  return here
}

/** Ascending, each once. */
export function union(a: readonly number[], b: readonly number[]): number[] {
  return b.length === 0 ? [...a] : [...new Set([...a, ...b])].sort((x, y) => x - y)
}

/** Bytes of all blocks of a core. */
export async function bytesOfCore(core: BlockCore): Promise<number> {
  return bytesOfNodes(core, fullRoots(core.length))
}

/** Bytes of some. */
export async function bytesOfBlocks(core: BlockCore, indexes: readonly number[]): Promise<number> {
  let bytes = 0
  for (let i = 0; i < indexes.length; i += NODES_AT_ONCE) {
    const leaves = indexes.slice(i, i + NODES_AT_ONCE).map((index) => 2 * index)
    bytes += await bytesOfNodes(core, leaves)
  }
  return bytes
}

async function bytesOfNodes(core: BlockCore, indexes: readonly number[]): Promise<number> {
  const nodes = await Promise.all(indexes.map((index) => core.node(index)))
  return nodes.reduce((sum, node) => sum + (node?.size ?? 0), 0)
}
