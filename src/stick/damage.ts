// damaged.json: blocks that a reader found flipped, noted on the stick so that the next export writes them again. Only a
// hint: a false entry costs a few bytes, a missing one is found by the next reader.
import { join } from 'node:path'
import { z } from 'zod'
import { removeTree } from '../system/durable.ts'
import type { BlockPlace, FeedOnStick } from './feed-folder.ts'
import { listStick, readStickHint, type StickFolder, writeStickBytes } from './folder.ts'
import { onStick } from './on-stick.ts'
import type { CoreName } from './segment.ts'

const DAMAGE_LIMIT = 4 * 1024 * 1024 // bytes
const DAMAGE_BLOCKS = 20_000

const note = z.strictObject({
  core: z.enum(['db', 'blobs']),
  index: z.int().min(0),
  segment: z.string().regex(/^\d{4,9}\.seg$/)
})
export type DamageNote = z.infer<typeof note>

const damage = z.strictObject({ schema: z.literal(1), blocks: z.array(note).max(DAMAGE_BLOCKS) })

const pathOf = (feed: string) => ['feeds', feed, 'damaged.json']

/** Adds `places` to what the stick's list says. */
export async function noteDamage(
  folder: StickFolder,
  feed: string,
  core: CoreName,
  places: readonly BlockPlace[]
): Promise<void> {
  const known = await readDamage(folder, feed)
  const fresh = places.map(({ index, segment }) => ({ core, index, segment }))
  const isKnown = new Set(known.map((one) => JSON.stringify([one.core, one.index, one.segment])))
  const added = fresh.filter((one) => !isKnown.has(JSON.stringify([one.core, one.index, one.segment])))
  if (added.length === 0) return
  await writeDamage(folder, feed, [...known, ...added].slice(0, DAMAGE_BLOCKS))
}

/** Notes of blocks of which the stick has no other copy; takes those out of what it holds. */
export async function dropDamaged(
  folder: StickFolder,
  found: FeedOnStick
): Promise<{ notes: DamageNote[]; noted: boolean }> {
  const noted = await readDamage(folder, found.feed)
  const notes = noted.filter(
    ({ core, index, segment }) => found.cores.get(core)?.blocks.get(index)?.segment === segment
  )
  for (const { core, index } of notes) found.cores.get(core)?.blocks.delete(index)
  return { notes, noted: noted.length > 0 }
}

/** Leaves `notes` of the list, and removes segment files that nobody misses any more. */
export async function clearDamage(
  folder: StickFolder,
  feed: string,
  { notes, remove }: { notes: readonly DamageNote[]; remove: readonly string[] }
): Promise<void> {
  const directory = join(folder.root, 'feeds', feed)
  if (notes.length > 0) await writeDamage(folder, feed, notes)
  const names = notes.length > 0 ? remove : ['damaged.json', ...remove]
  await onStick(async () => {
    for (const name of names) await removeTree(folder.fs, join(directory, name))
    await folder.fs.syncDirectory(directory)
  })
}

/** Removes what a round that was cut off had not finished to write. */
export async function clearLeftovers(folder: StickFolder, feed: string): Promise<void> {
  const names = await listStick(folder, ['feeds', feed])
  await onStick(async () => {
    for (const name of names.filter((one) => one.endsWith('.tmp'))) {
      await removeTree(folder.fs, join(folder.root, 'feeds', feed, name))
    }
  })
}

function writeDamage(folder: StickFolder, feed: string, blocks: readonly DamageNote[]): Promise<void> {
  return writeStickBytes(folder, pathOf(feed), Buffer.from(`${JSON.stringify({ schema: 1, blocks })}\n`))
}

async function readDamage(folder: StickFolder, feed: string): Promise<DamageNote[]> {
  const bytes = await readStickHint(folder, pathOf(feed), DAMAGE_LIMIT)
  if (bytes === null) return []
  try {
    return damage.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).blocks
  } catch {
    return []
  }
}
