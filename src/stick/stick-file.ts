// stick.json (FORMAT 12.1): what a stick says of itself, and by its id whether it is still the one that was opened.
import { z } from 'zod'
import { readStickHint, requireStick, type StickFolder, type StickRoot, writeStickBytes } from './folder.ts'
import { onStick, stickRemoved } from './on-stick.ts'
import { wishSchema } from './wish.ts'

const STICK_FILE = 'stick.json'
const STICK_FILE_LIMIT = 2 * 1024 * 1024 // bytes
const HEX_64 = /^[0-9a-f]{64}$/

const stickFile = z.strictObject({
  schema: z.literal(1),
  /** 16 random bytes, hex */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  label: z.string().max(100),
  /** grows with every change that Chasqui makes on the stick */
  sequence: z.int().min(0),
  created: z.iso.datetime(),
  fleets: z
    .array(
      z.strictObject({
        id: z.string().regex(HEX_64),
        name: z.string().max(200),
        /** what of the fleet's feed this stick is for; null: everything */
        wish: wishSchema.nullable()
      })
    )
    .max(100)
})
export type StickFile = z.infer<typeof stickFile>

/** What stick.json says; null when it is missing or unreadable. */
export async function readStickFile(folder: StickRoot): Promise<StickFile | null> {
  const bytes = await readStickHint(folder, [STICK_FILE], STICK_FILE_LIMIT)
  if (bytes === null) return null
  try {
    return stickFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch {
    return null // a power cut can leave it torn; the segments do not need it
  }
}

/** Writes stick.json. */
export async function writeStickFile(folder: StickFolder, file: StickFile): Promise<void> {
  const text = `${JSON.stringify(stickFile.parse(file), null, 2)}\n`
  await writeStickBytes(folder, [STICK_FILE], Buffer.from(text))
}

/** Throws STICK_REMOVED also when another stick, or none, is at the place by now, whatever its device number. */
export async function requireSameStick(folder: StickFolder): Promise<void> {
  await requireStick(folder)
  if (!folder.exists) return
  const id = await onStick(async () => {
    if ((await folder.fs.stat(folder.root))?.kind !== 'directory') throw stickRemoved()
    return (await readStickFile(folder))?.id ?? null
  })
  if (folder.id !== null && id !== folder.id) throw stickRemoved()
}
