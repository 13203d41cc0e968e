// Which releases a stick carries once a plan is carried out: by the packs that will really be there. A part of several sticks,
// or what a branch gives that does not have everything itself, is less than what was selected. For people.
import type { BlockCore } from '../feed/block-core.ts'
import type { ExportPlan } from './export.ts'
import { bytesOfBlocks } from './held.ts'
import type { SelectedRelease } from './home.ts'
import { blocksIn, type Ranges } from './ranges.ts'

export interface CarriedRelease {
  module: string
  track: string
  version: string
  /** of its packs that are on the stick */
  bytes: number
  /** of all its packs that were selected: the rest is on other sticks, or not at this home */
  size: number
}

/** Of `selected`, those of which the stick has some pack, or that need none. */
export async function carriedReleases(
  blobs: BlockCore | null,
  plan: Pick<ExportPlan, 'onStick' | 'segments'>,
  selected: readonly SelectedRelease[]
): Promise<CarriedRelease[]> {
  const there = plan.onStick.cores.get('blobs')?.blocks
  const cores = plan.segments.flatMap((segment) => segment.cores.filter(({ name }) => name === 'blobs'))
  const planned = new Set(cores.flatMap(({ blocks }) => blocks.map(({ index }) => index)))
  const isThere = (index: number) => planned.has(index) || there?.has(index) === true
  const carried: CarriedRelease[] = []
  for (const { module, track, version, bytes: size, blocks } of selected) {
    const runs = blocks.map(({ offset, length }): Ranges => [[offset, length]])
    const indexes = blobs === null ? [] : blocksIn(runs, blobs.length)
    const here = indexes.filter(isThere)
    // a block of the feed is a few bytes more than what is in it
    const bytes = blobs === null ? 0 : Math.min(size, await bytesOfBlocks(blobs, here))
    if (bytes > 0 || size === 0) carried.push({ module, track, version, bytes, size })
  }
  return carried
}
