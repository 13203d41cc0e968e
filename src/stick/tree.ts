// Merkle trees of Hypercore as arithmetic: flat-tree indexes, node hashes, and the check that a set of leaves and nodes
// covers a signed head exactly. No I/O; every node that comes out of `coverTree` is as good as the head's signature.
import sodium from 'sodium-native'
import { ChasquiError } from '../errors.ts'
import type { TreeNode } from '../feed/block-core.ts'

/** Nodes by flat-tree index. */
export type NodeMap = Map<number, TreeNode>

/** Levels above the leaves: leaves have even indexes. */
function depthOf(index: number): number {
  let depth = 0
  for (let n = index; n % 2 === 1; n = (n - 1) / 2) depth++
  return depth
}

/** First leaf (block number) and one past the last beneath a node. */
export function leafSpan(index: number): [start: number, end: number] {
  const width = 2 ** depthOf(index)
  const start = (index + 1 - width) / 2
  return [start, start + width]
}

/** The node above, by flat-tree index. */
export function parentOf(index: number): number {
  const step = 2 ** depthOf(index)
  const offset = (index + 1 - step) / (2 * step)
  return offset % 2 === 0 ? index + step : index - step
}

/** The other node beneath the same parent. */
export function siblingOf(index: number): number {
  const step = 2 ** depthOf(index)
  const offset = (index + 1 - step) / (2 * step)
  return offset % 2 === 0 ? index + 2 * step : index - 2 * step
}

/** The two nodes beneath an inner node. */
export function childrenOf(index: number): [left: number, right: number] {
  const step = 2 ** (depthOf(index) - 1)
  return [index - step, index + step]
}

/** The roots of the complete trees that `length` blocks make, left to right. */
export function fullRoots(length: number): number[] {
  const roots: number[] = []
  let offset = 0
  let rest = length
  while (rest > 0) {
    const width = 2 ** Math.floor(Math.log2(rest))
    roots.push(2 * offset + width - 1)
    offset += width
    rest -= width
  }
  return roots
}

const LEAF = Uint8Array.of(0)
const PARENT = Uint8Array.of(1)

/** BLAKE2b-256 of a block as Hypercore hashes it. */
export function leafHash(block: Uint8Array): Uint8Array {
  return blake2b([LEAF, uint64(block.length), block])
}

function parentNode(index: number, left: TreeNode, right: TreeNode): TreeNode {
  const size = left.size + right.size
  return { index, size, hash: blake2b([PARENT, uint64(size), left.hash, right.hash]) }
}

/** 32 bytes over the parts one after the other. */
export function blake2b(parts: Uint8Array[]): Uint8Array {
  const hash = new Uint8Array(32)
  sodium.crypto_generichash_batch(hash, parts)
  return hash
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
  return bytes
}

/**
 * The whole tree above `given`, which must cover `length` blocks exactly: no gap, no node beneath another.
 * Throws STICK_DAMAGED.
 */
export function coverTree(given: readonly TreeNode[], length: number): { nodes: NodeMap; roots: TreeNode[] } {
  const nodes: NodeMap = new Map(given.map((node) => [node.index, node]))
  let used = 0
  const build = (index: number): TreeNode => {
    const here = nodes.get(index)
    if (here !== undefined) {
      used++
      return here
    }
    if (index % 2 === 0)
      throw new ChasquiError('STICK_DAMAGED', `a segment does not cover block ${index / 2}`)
    const [left, right] = childrenOf(index)
    const node = parentNode(index, build(left), build(right))
    nodes.set(index, node)
    return node
  }
  const roots = fullRoots(length).map(build)
  if (used !== given.length) throw new ChasquiError('STICK_DAMAGED', 'a segment covers blocks twice')
  return { nodes, roots }
}

/**
 * The nodes that move a core from `from` to `to` blocks, in the order of Hypercore's upgrade proof; null when `nodes`
 * lacks one of them.
 */
export function upgradeNodes(nodes: NodeMap, from: number, to: number): TreeNode[] | null {
  const wanted: number[] = []
  for (const root of fullRoots(to)) {
    const [start, end] = leafSpan(root)
    if (end <= from) continue
    if (start >= from) wanted.push(root)
    else {
      for (let index = 2 * (from - 1); index !== root; index = parentOf(index)) {
        const sibling = siblingOf(index)
        if (sibling > index) wanted.push(sibling)
      }
    }
  }
  const found = wanted.map((index) => nodes.get(index))
  return found.every((node) => node !== undefined) ? (found as TreeNode[]) : null
}

/** The full roots at `length`, or null when `nodes` lacks one. */
export function rootsAt(nodes: NodeMap, length: number): TreeNode[] | null {
  const found = fullRoots(length).map((index) => nodes.get(index))
  return found.every((node) => node !== undefined) ? (found as TreeNode[]) : null
}
