// damaged.json: blocks that a reader found flipped, noted on the stick so that the next export writes them again. Only a
// hint: a false entry costs a few bytes, a missing one is found by the next reader.
import { join } from 'node:path'
import { z } from 'zod'
import { removeTree } from '../system/durable.ts'
import type { BlockPlace, FeedOnStick } from './feed-folder.ts'
import { readStickHint, type StickFolder, writeStickBytes } from './folder.ts'
import { onStick } from './on-stick.ts'
import type { CoreName } from './segment.ts'

const DAMAGE_LIMIT = 4 * 1024 * 1024 // bytes
const DAMAGE_BLOCKS = 20_000

const damage = z.strictObject({
  schema: z.literal(1),
  blocks: z
    .array(
      z.strictObject({
        core: z.enum(['db', 'blobs']),
        index: z.int().min(0),
        segment: z.string().regex(/^\d{4,9}\.seg$/)
      })
    )
    .max(DAMAGE_BLOCKS)
})

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
  const blocks = [...known, ...added].slice(0, DAMAGE_BLOCKS)
  await writeStickBytes(folder, pathOf(feed), Buffer.from(`${JSON.stringify({ schema: 1, blocks })}\n`))
}

/** Takes blocks that are noted as damaged out of what the stick holds; returns whether there were any notes. */
export async function dropDamaged(folder: StickFolder, found: FeedOnStick): Promise<boolean> {
  const noted = await readDamage(folder, found.feed)
  for (const { core, index, segment } of noted) {
    const blocks = found.cores.get(core)?.blocks
    if (blocks?.get(index)?.segment === segment) blocks.delete(index)
  }
  return noted.length > 0
}

/** Removes the list and the segment files that could not be used: what they should hold was written again. */
export function clearDamage(folder: StickFolder, found: FeedOnStick): Promise<void> {
  return onStick(async () => {
    const directory = join(folder.root, 'feeds', found.feed)
    for (const name of ['damaged.json', ...found.rejected.map(({ file }) => file)]) {
      await removeTree(folder.fs, join(directory, name))
    }
    await folder.fs.syncDirectory(directory)
  })
}

async function readDamage(folder: StickFolder, feed: string): Promise<z.infer<typeof damage>['blocks']> {
  const bytes = await readStickHint(folder, pathOf(feed), DAMAGE_LIMIT)
  if (bytes === null) return []
  try {
    return damage.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).blocks
  } catch {
    return []
  }
}
