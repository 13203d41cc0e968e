// Cores for tests of the exchange of blocks: every block is known by its hash, and whoever serves may lie.
import { createHash } from 'node:crypto'
import type { BulkCore, ProvenBlock } from '../../src/feed/bulk-core.ts'

export const COUNT = 40

/** The right bytes of a block. */
const content = (index: number) => createHash('sha512').update(`block ${index}`).digest()

export const honest = async (index: number) => content(index)

export const ALL = Array.from({ length: COUNT }, (_, index) => index)

/** @param answer the bytes that it serves */
export function pretendCore(
  has: (index: number) => boolean,
  answer: (index: number) => Promise<Uint8Array>
): BulkCore {
  const here = new Map<number, Uint8Array>()
  return {
    key: Buffer.alloc(32, 1),
    length: COUNT,
    has: async (index) => has(index) || here.has(index),
    missingNodes: async () => 0,
    prove: async (index) => ({ index, fork: 0, nodes: [], value: await answer(index) }),
    apply: async (block: ProvenBlock) => {
      if (!content(block.index).equals(block.value)) throw new Error('it does not verify')
      here.set(block.index, block.value)
      return true
    }
  }
}
