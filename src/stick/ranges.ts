// Lists of block numbers as runs: what a segment holds, written short enough for the marker.
import { z } from 'zod'
import type { CoreName } from './segment.ts'

/** [first, count], ascending and disjoint */
const ranges = z
  .array(z.tuple([z.int().min(0), z.int().min(1)]))
  .max(262_144)
  .refine((list) => list.every(([first], at) => at === 0 || first > endOf(list[at - 1] as Range) - 1))

type Range = [number, number]
export type Ranges = Range[]

/** Blocks by core. */
export const holdings = z.strictObject({ db: ranges, blobs: ranges })
export type Holdings = Record<CoreName, Ranges>

/** The runs of block numbers that ascend. */
export function rangesOf(indexes: readonly number[]): Ranges {
  const found: Ranges = []
  for (const index of indexes) {
    const last = found.at(-1)
    if (last !== undefined && endOf(last) === index) last[1]++
    else found.push([index, 1])
  }
  return found
}

/** Every block of `lists` below `limit`, once and ascending, however far the runs claim to reach. */
export function blocksIn(lists: readonly Ranges[], limit: number): number[] {
  const found: number[] = []
  let next = 0
  for (const [first, count] of lists.flat().sort(([a], [b]) => a - b)) {
    for (next = Math.max(next, first); next < Math.min(first + count, limit); next++) found.push(next)
  }
  return found
}

/** Stops at the first block that is not there: a run that claims too much costs nothing. */
export function holdsAll(list: Ranges, has: (index: number) => boolean): boolean {
  return list.every(([first, count]) => {
    for (let index = first; index < first + count; index++) if (!has(index)) return false
    return true
  })
}

function endOf([first, count]: Range): number {
  return first + count
}
