// Sets of blocks as runs and as bits, for the messages of the exchange (FORMAT 9.5). Pure.
import type { BulkCore } from '../../feed/bulk-core.ts'
import { BLOCK_LIMITS, type BlockRange, type Holding } from './wire.ts'

/** Runs that are closer than this are told as one, to keep the message short. */
const GAP = 64

/** Blocks as runs, ascending; no more than one message may hold: the rest is told when these are here. */
export function rangesOf(indexes: Iterable<number>): BlockRange[] {
  const ranges: BlockRange[] = []
  let sum = 0
  for (const index of [...new Set(indexes)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    const end = last === undefined ? 0 : last.start + last.length
    const isNear = last !== undefined && index - end < GAP
    sum += isNear ? index - end + 1 : 1
    if (sum > BLOCK_LIMITS.span) break
    if (isNear) last.length = index - last.start + 1
    else if (ranges.length < BLOCK_LIMITS.ranges) ranges.push({ start: index, length: 1 })
    else break
  }
  return ranges
}

export const isIn = (range: BlockRange, index: number) =>
  index >= range.start && index < range.start + range.length

/** Which blocks of a range are here; null when none is. Never longer than the core, whatever the range says. */
export async function holdingOf(core: BulkCore, { start, length }: BlockRange): Promise<Holding | null> {
  const known = Math.min(length, core.length - start)
  if (known <= 0) return null
  const bits = new Uint8Array(Math.ceil(known / 8))
  for (let at = 0; at < known; at++) {
    if (await core.has(start + at)) bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7))
  }
  return bits.some((byte) => byte !== 0) ? { start, length: known, bits } : null
}

/** What of it was not told before. */
export function newOf(holding: Holding, told: Uint8Array = new Uint8Array()): Holding {
  return { ...holding, bits: holding.bits.map((byte, at) => byte & ~(told[at] ?? 0)) }
}

export function indexesOf({ start, length, bits }: Holding): number[] {
  const found: number[] = []
  for (let at = 0; at < length; at++) {
    if (((bits[at >> 3] as number) & (1 << (at & 7))) !== 0) found.push(start + at)
  }
  return found
}
