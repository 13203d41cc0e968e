// What a stick promised and does not hold any more: segments that the marker lists and that do not prove, blocks that a
// reader noted as damaged. Decides what this export mends, what may go, and what still has to be said.
import type { Role } from '../system/home.ts'
import { type DamageNote, dropDamaged } from './damage.ts'
import type { FeedOnStick } from './feed-folder.ts'
import type { StickFolder } from './folder.ts'
import type { MarkedSegment } from './marker.ts'
import { blocksIn, holdsAll } from './ranges.ts'
import type { CoreName } from './segment.ts'

export interface Losses {
  segments: MarkedSegment[]
  notes: DamageNote[]
  /** notes were there, of use or not */
  noted: boolean
}

export interface Repair {
  /** listed segments whose blocks are not all there again */
  segments: MarkedSegment[]
  /** notes of blocks that were not written again */
  notes: DamageNote[]
  /** names of segment files that nobody misses */
  remove: string[]
}

/** What is lost on the stick; takes blocks that are noted as damaged out of `found`. */
export async function findLosses(folder: StickFolder, found: FeedOnStick): Promise<Losses> {
  const { notes, noted } = await dropDamaged(folder, found)
  const here = new Set(found.segments.map(({ name, hash }) => `${name} ${hash}`))
  const listed = found.marker?.segments ?? []
  return { segments: listed.filter(({ name, hash }) => !here.has(`${name} ${hash}`)), notes, noted }
}

/** Blocks of `core` below `length` that the stick should hold and does not. */
export function lostBlocks(losses: Losses, found: FeedOnStick, core: CoreName, length: number): number[] {
  const noted = losses.notes.filter((note) => note.core === core).map(({ index }) => index)
  const runs = losses.segments.map(({ holds }) => holds[core])
  const here = found.cores.get(core)?.blocks
  return blocksIn([...runs, ...noted.map((index): [number, number][] => [[index, 1]])], length).filter(
    (index) => here?.has(index) !== true
  )
}

/** What is left of `losses` once `planned` blocks are written. Head office has nothing more to wait for. */
export function repairOf(
  losses: Losses,
  found: FeedOnStick,
  planned: ReadonlyMap<CoreName, ReadonlySet<number>>,
  role: Role
): Repair {
  const unread = new Set(found.rejected.filter(({ code }) => code === 'DISK_IO').map(({ file }) => file))
  const has = (core: CoreName) => (index: number) =>
    planned.get(core)?.has(index) === true || found.cores.get(core)?.blocks.has(index) === true
  const isMended = ({ holds }: MarkedSegment) =>
    role === 'publisher' || (holdsAll(holds.db, has('db')) && holdsAll(holds.blobs, has('blobs')))
  const segments = losses.segments.filter((one) => unread.has(one.name) || !isMended(one))
  const missed = new Set(segments.map(({ name }) => name))
  const listed = new Set(found.marker?.segments.map(({ name }) => name))
  const mayGo = (file: string) =>
    !unread.has(file) && !missed.has(file) && (role === 'publisher' || listed.has(file))
  return {
    segments,
    notes: losses.notes.filter(({ core, index }) => planned.get(core)?.has(index) !== true),
    remove: found.rejected.map(({ file }) => file).filter(mayGo)
  }
}
