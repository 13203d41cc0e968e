// The ranges of old files that a patched group builds on, as one run of bytes. Keeps a few blocks of it in memory: copies
// mostly go on where the last one ended, or jump back to where one was.
import { ChasquiError } from '../errors.ts'
import type { FileEntry, Manifest } from '../release/manifest.ts'
import { damaged } from './bytes.ts'
import type { ContentSource } from './content.ts'
import type { BaseRange } from './pack-index.ts'
import type { OldBytes } from './patch.ts'

const BLOCK = 256 * 1024 // bytes
const BLOCKS = 48 // in memory
/** A patch that jumps about could make a decoder read without end: blocks read per block of old content, plus a floor. */
const READ_FACTOR = 64
const READ_FLOOR = 4096

export interface OldFiles {
  manifest: Manifest
  contents: ContentSource
}

/** Reading throws PACK_LIMIT, and PACK_DAMAGED when an old file changed meanwhile. */
export function oldBytes(ranges: readonly BaseRange[], base: OldFiles | null): OldBytes {
  const length = ranges.reduce((sum, range) => sum + range.length, 0)
  const blocks = new Map<number, Uint8Array>()
  let scratch: Buffer = Buffer.alloc(0)
  let budget = Math.ceil(length / BLOCK) * READ_FACTOR + READ_FLOOR
  const blockAt = async (number: number): Promise<Uint8Array> => {
    const known = blocks.get(number)
    blocks.delete(number)
    if (known === undefined && budget-- === 0) {
      throw new ChasquiError('PACK_LIMIT', 'a patch in the pack reads without end')
    }
    const start = number * BLOCK
    const bytes = known ?? (await readRanges(ranges, base, start, Math.min(BLOCK, length - start)))
    // a map keeps the order of insertion: the first one is what was not asked for longest
    blocks.set(number, bytes)
    if (blocks.size > BLOCKS) blocks.delete(blocks.keys().next().value as number)
    return bytes
  }
  return {
    length,
    async read(position, wanted) {
      if (wanted > scratch.length) scratch = Buffer.allocUnsafeSlow(wanted)
      const bytes = scratch.subarray(0, wanted)
      for (let done = 0; done < wanted; ) {
        const at = position + done
        const block = await blockAt(Math.floor(at / BLOCK))
        const part = block.subarray(at % BLOCK, (at % BLOCK) + wanted - done)
        bytes.set(part, done)
        done += part.length
      }
      return bytes
    }
  }
}

/** `length` bytes from `position` of all ranges in a row. */
async function readRanges(
  ranges: readonly BaseRange[],
  base: OldFiles | null,
  position: number,
  length: number
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let start = 0
  for (const range of ranges) {
    const from = Math.max(position, start)
    const to = Math.min(position + length, start + range.length)
    if (from < to) {
      const entry = base?.manifest.entries[range.index] as FileEntry
      const bytes = await base?.contents.read(entry, range.offset + from - start, to - from)
      if (bytes?.length !== to - from) throw damaged('the old file that it builds on changed meanwhile')
      parts.push(bytes)
    }
    start += range.length
  }
  return Buffer.concat(parts)
}
