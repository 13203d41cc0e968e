// A core whose blocks are exchanged one by one with proofs, by whoever decides from which peer each of them comes
// (src/net/blocks). Nothing here waits for the network.
import type Hypercore from 'hypercore'
import type { TreeNode } from './block-core.ts'

/** A stored block and the Merkle nodes that prove it to a core of the same history. */
export interface ProvenBlock {
  index: number
  fork: number
  nodes: TreeNode[]
  value: Uint8Array
}

export interface BulkCore {
  readonly key: Uint8Array
  readonly length: number
  has(index: number): Promise<boolean>
  /** Merkle nodes that are missing between a block and what is known here */
  missingNodes(index: number): Promise<number>
  /** null when the block is not here */
  prove(index: number, nodes: number): Promise<ProvenBlock | null>
  /** Verifies and stores; false when it does not fit (any more). Throws when it does not verify. */
  apply(block: ProvenBlock): Promise<boolean>
}

/** Gets blocks of a core from peers; waits for them. Throws CANCELLED. */
export type FetchBlocks = (
  core: BulkCore,
  indexes: readonly number[],
  options: { signal: AbortSignal; isCritical: boolean; onBlock(index: number): void }
) => Promise<void>

/** The view of `core`, an opened Hypercore. */
export function bulkCore(core: Hypercore): BulkCore {
  return {
    key: core.key,
    get length() {
      return core.length
    },
    has: (index) => core.has(index),
    missingNodes: (index) => core.missingNodes(index),
    async prove(index, nodes) {
      if (!(await core.has(index))) return null
      const { fork, block } = await core.proof({ block: { index, nodes } })
      if (block === null || block.value === null) return null
      return { index, fork, nodes: block.nodes, value: block.value }
    },
    async apply({ index, fork, nodes, value }) {
      const block = { index, value, nodes }
      const proof = { fork, block, hash: null, seek: null, upgrade: null, manifest: null }
      try {
        return await core.applyProof(proof)
      } catch (error) {
        // a core that closes (the end of the program, a conflict) says nothing about the block
        if (core.closing !== null || core.closed) return false
        throw error
      }
    }
  }
}
