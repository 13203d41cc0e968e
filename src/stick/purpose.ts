// What a stick is for, for people who carry several: whose it is, for which branches, and which part of what did not fit on one.
import { listFeeds } from './feed-folder.ts'
import { readStickHint, type StickFolder } from './folder.ts'
import { MARKER_LIMIT, type Marker, parseMarker } from './marker.ts'
import { readStickFile } from './stick-file.ts'

export interface Purpose {
  label: string
  /** as whoever made it named them; empty: for all */
  branches: string[]
  /** of each feed that lies on several sticks */
  parts: NonNullable<Marker['part']>[]
}

const FEEDS = 20 // that are looked at: somebody may have put any number there

/** As the stick says by now: an export changes it. Throws STICK_REMOVED. */
export async function readPurpose(folder: StickFolder): Promise<Purpose> {
  const file = (await readStickFile(folder)) ?? folder.file
  const branches = new Set((file?.fleets ?? []).flatMap(({ wish }) => wish?.branches ?? []))
  // what cannot be read is told elsewhere, and a stick that is gone is found out by the write that follows
  const parts = await readParts(folder).catch(() => [])
  return { label: file?.label ?? '', branches: [...branches], parts }
}

async function readParts(folder: StickFolder): Promise<Purpose['parts']> {
  const parts: Purpose['parts'] = []
  for (const feed of (await listFeeds(folder)).slice(0, FEEDS)) {
    const bytes = await readStickHint(folder, ['feeds', feed, 'complete.json'], MARKER_LIMIT)
    const part = parseMarker(bytes)?.part ?? null
    if (part !== null) parts.push(part)
  }
  return parts
}
