// Gives back the room that a file's blocks take on this machine. The file stays in the feed: it counts as missing, is not
// announced any more, and can be fetched again.
import type Hypercore from 'hypercore'
import { BLOCK_SIZE } from './snapshot.ts'
import type { BlockRange } from './types.ts'

/** Bytes that go, of a file of `size` bytes in `range`. With `dryRun` nothing does. */
export async function freeBlocks(
  core: Hypercore,
  range: BlockRange,
  size: number,
  dryRun: boolean
): Promise<number> {
  const end = range.offset + range.length
  const start = await firstSafe(core, range.offset, end)
  let bytes = 0
  for (let index = start; index < end; index++) {
    const position = (index - range.offset) * BLOCK_SIZE
    if (await core.has(index)) bytes += Math.min(BLOCK_SIZE, size - position)
  }
  if (bytes > 0 && !dryRun) await core.clear(start, end)
  return bytes
}

/**
 * From where a range can be cleared (decision 0705): Hypercore's `clear` takes Merkle nodes along, beginning at the first
 * block, and also those that prove blocks to the left of it. It takes none when that block is the left one of a pair
 * whose right one is here.
 */
async function firstSafe(core: Hypercore, start: number, end: number): Promise<number> {
  for (let index = start + (start % 2); index < end; index += 2) if (await core.has(index + 1)) return index
  return end
}
