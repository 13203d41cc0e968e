// What a stick orders a branch to apply comes with it, whatever else was selected: the order counts on this very stick only, and
// who carries it there can fetch nothing.

import type { SelectedRelease, StickHome, StickSelection } from './home.ts'
import type { ExportRequest } from './round-types.ts'

/** `selection` with the ways of the ordered branches to those modules. Throws STICK_BRANCH_UNKNOWN, STICK_NOTHING_SELECTED. */
export async function withOrdered(
  home: StickHome,
  selection: StickSelection,
  { filter, orders }: Pick<ExportRequest, 'filter' | 'orders'>
): Promise<StickSelection> {
  if (filter === null || orders.length === 0) return selection
  const releases = new Map(selection.releases.map((release) => [keyOf(release), release]))
  const blocks = [...selection.blocks]
  for (const { branch, module } of orders) {
    const way = await home.select({ modules: [module], channel: null, branches: [branch], latest: false })
    blocks.push(...way.blocks)
    for (const release of way.releases)
      releases.set(keyOf(release), both(releases.get(keyOf(release)), release))
  }
  return { ...selection, blocks, releases: [...releases.values()] }
}

function both(known: SelectedRelease | undefined, more: SelectedRelease): SelectedRelease {
  if (known === undefined) return more
  const offsets = new Set(known.blocks.map(({ offset }) => offset))
  const others = more.blocks.filter(({ offset }) => !offsets.has(offset))
  return {
    ...known,
    bytes: Math.max(known.bytes, more.bytes),
    blocks: [...known.blocks, ...others]
  }
}

function keyOf({ module, track, version }: SelectedRelease): string {
  return `${module}/${track}/${version}`
}
