// The messages of the channel `chasqui/blocks` in bytes (FORMAT 9.5).
import c from 'compact-encoding'
import type { TreeNode } from '../../feed/block-core.ts'
import type { ProvenBlock } from '../../feed/bulk-core.ts'
import { type Codec, codec, list } from '../codec.ts'

export const BLOCK_LIMITS = {
  ranges: 4096,
  indexes: 4096,
  /** blocks that the ranges of one message may span together: 64 GiB in blocks of 64 KiB */
  span: 1 << 20,
  nodes: 128,
  /** bytes of one stored block */
  block: 1024 * 1024
}

export interface BlockRange {
  start: number
  length: number
}

/** What a node is fetching now; no ranges: nothing. The other side answers with a `Holding` for each range. */
export interface Interest {
  /** hash of the core's key, 16 bytes: both sides must mean the same core */
  core: Uint8Array
  ranges: BlockRange[]
}

/** Which blocks of a range are here: one bit for each, lowest bit first. */
export interface Holding extends BlockRange {
  bits: Uint8Array
}

export interface BlockRequest {
  index: number
  /** Merkle nodes that the asking side lacks on the way to a root (Hypercore's missingNodes) */
  nodes: number
  /** of a signed critical release: passes pauses and hours of the side that serves, not its rates */
  isCritical: boolean
}

const range = codec<BlockRange>(
  (state, step, value) => {
    c.uint[step](state, value.start)
    c.uint[step](state, value.length)
  },
  (state) => {
    const value = { start: c.uint.decode(state), length: c.uint.decode(state) }
    if (value.length > BLOCK_LIMITS.span) throw new RangeError('a range of blocks is too long')
    return value
  }
)

export const interestCodec: Codec<Interest> = codec<Interest>(
  (state, step, value) => {
    c.fixed(16)[step](state, value.core)
    list(range, BLOCK_LIMITS.ranges)[step](state, value.ranges)
  },
  (state) => {
    const core = c.fixed(16).decode(state).slice()
    const ranges = list(range, BLOCK_LIMITS.ranges).decode(state)
    requireApart(ranges)
    return { core, ranges }
  }
)

/** Ascending, none inside another, and not too much together: what a small message asks for stays small. */
function requireApart(ranges: BlockRange[]): void {
  let [end, sum] = [0, 0]
  for (const { start, length } of ranges) {
    if (start < end) throw new RangeError('ranges of blocks overlap')
    end = start + length
    sum += length
  }
  if (sum > BLOCK_LIMITS.span) throw new RangeError('ranges of blocks span too much')
}

export const holdingCodec: Codec<Holding> = codec<Holding>(
  (state, step, value) => {
    range[step](state, value)
    c.fixed(Math.ceil(value.length / 8))[step](state, value.bits)
  },
  (state) => {
    const at = range.decode(state)
    return {
      ...at,
      bits: c
        .fixed(Math.ceil(at.length / 8))
        .decode(state)
        .slice()
    }
  }
)

export const indexesCodec: Codec<number[]> = list(c.uint, BLOCK_LIMITS.indexes)

export const indexCodec: Codec<number> = c.uint

export const requestCodec: Codec<BlockRequest> = codec<BlockRequest>(
  (state, step, value) => {
    c.uint[step](state, value.index)
    c.uint[step](state, value.nodes)
    c.bool[step](state, value.isCritical)
  },
  (state) => ({ index: c.uint.decode(state), nodes: c.uint.decode(state), isCritical: c.bool.decode(state) })
)

const node = codec<TreeNode>(
  (state, step, value) => {
    c.uint[step](state, value.index)
    c.uint[step](state, value.size)
    c.fixed(32)[step](state, value.hash)
  },
  (state) => ({
    index: c.uint.decode(state),
    size: c.uint.decode(state),
    hash: c.fixed(32).decode(state).slice()
  })
)

export const blockCodec: Codec<ProvenBlock> = codec<ProvenBlock>(
  (state, step, value) => {
    c.uint[step](state, value.index)
    c.uint[step](state, value.fork)
    list(node, BLOCK_LIMITS.nodes)[step](state, value.nodes)
    c.buffer[step](state, value.value)
  },
  (state) => {
    const index = c.uint.decode(state)
    const fork = c.uint.decode(state)
    const nodes = list(node, BLOCK_LIMITS.nodes).decode(state)
    const value = c.buffer.decode(state)
    if (value.byteLength > BLOCK_LIMITS.block) throw new RangeError('a block is too large')
    return { index, fork, nodes, value: value.slice() }
  }
)
