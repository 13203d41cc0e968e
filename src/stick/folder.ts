// The folder `chasqui` on a stick: what it holds, how it is told from somebody else's, and file access that never follows
// a link. Errors of a drive that goes away become STICK_REMOVED.
import { join } from 'node:path'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { ensureDirectory, readFileLimited, removeTree, writeFileDurably } from '../system/durable.ts'
import type { FileReader, FileSystem } from '../system/file-system.ts'
import { onStick, stickRemoved } from './on-stick.ts'
import { deviceAt, onDevice, requireDevice } from './same-device.ts'
import { wishSchema } from './wish.ts'

/** FORMAT 12.1 */
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

/** Names that Chasqui writes in its folder; anything else there is somebody else's. */
const OUR_NAMES = new Set([
  'README.txt',
  'STATUS.html',
  'stick.json',
  'visits.json',
  'feeds',
  'roots',
  'reports',
  'requests',
  'grants',
  'installer'
])

export interface StickFolder {
  /** refuses to write once the stick is gone from its place */
  readonly fs: FileSystem
  /** where the stick is mounted, and what device that was */
  readonly place: string
  readonly device: number
  /** the `chasqui` folder */
  readonly root: string
  /** null when stick.json is missing or unreadable */
  readonly file: StickFile | null
  /** the id that stick.json had when the round began; null when it could not be read */
  readonly id: string | null
  /** false until the `chasqui` folder is there: what was there once and is not is a stick that was pulled */
  exists: boolean
}

/** A folder that an export writes to: stick.json is known, or made. */
export type WritableStick = StickFolder & { file: StickFile }

/** Opens the stick at `place` (where it is mounted) for reading. Throws STICK_MISSING, STICK_LINK or STICK_NOT_A_STICK. */
export function openFolder(plain: FileSystem, place: string): Promise<StickFolder> {
  return onStick(() => openNow(plain, place))
}

async function openNow(plain: FileSystem, place: string): Promise<StickFolder> {
  const { fs, root, device } = await findRoot(plain, place)
  const found = await fs.stat(root)
  const notAStick = new ChasquiError('STICK_NOT_A_STICK', `${place} holds no Chasqui stick`, {
    hint: 'name the folder where the stick is mounted, or make one with "usb-sync export"'
  })
  if (found === null) throw notAStick
  if (found.kind !== 'directory') throw linkFound(root)
  const file = await readStickFile(fs, root)
  if (file === null && !(await isAdoptable(fs, root, true))) throw notAStick
  return { fs, place, device, root, file, id: file?.id ?? null, exists: true }
}

/** Opens the stick at `place` for writing, and makes the folder when there is none. Throws as above, and STICK_NOT_OURS. */
export function prepareFolder(
  plain: FileSystem,
  place: string,
  fresh: { id: string; label: string; created: string }
): Promise<WritableStick> {
  return onStick(() => prepareNow(plain, place, fresh))
}

async function prepareNow(
  plain: FileSystem,
  place: string,
  fresh: { id: string; label: string; created: string }
): Promise<WritableStick> {
  const { fs, root, device } = await findRoot(plain, place)
  const found = await fs.stat(root)
  if (found !== null && found.kind !== 'directory') throw linkFound(root)
  const empty: StickFile = { schema: 1, sequence: 0, fleets: [], ...fresh }
  const at = { fs, place, device, root }
  if (found === null) return { ...at, file: empty, id: null, exists: false }
  const file = await readStickFile(fs, root)
  if (file === null && !(await isAdoptable(fs, root, false))) {
    throw new ChasquiError('STICK_NOT_OURS', `${root} is a folder that Chasqui did not write`, {
      hint: 'rename it, or use another stick'
    })
  }
  return { ...at, file: file ?? empty, id: file?.id ?? null, exists: true }
}

async function findRoot(
  fs: FileSystem,
  place: string
): Promise<{ fs: FileSystem; root: string; device: number }> {
  const found = await fs.stat(place)
  const device = await deviceAt(fs, place)
  // the mount point itself may be reached through a link (/media/stick); what lies on the stick may not
  if (found === null || device === null || found.kind === 'file' || found.kind === 'other') {
    throw new ChasquiError('STICK_MISSING', `there is no folder or drive at ${place}`, {
      hint: 'plug the stick in and name the folder where it is mounted'
    })
  }
  return { fs: onDevice(fs, place, device), root: join(place, 'chasqui'), device }
}

/** Throws STICK_REMOVED when the stick is not where it was: what was read as missing may be there after all. */
export function requireStick({ fs, place, device }: StickFolder): Promise<void> {
  return onStick(() => requireDevice(fs, place, device))
}

/** Throws STICK_REMOVED also when another stick, or none, is at the place by now, whatever its device number. */
export async function requireSameStick(folder: StickFolder): Promise<void> {
  await requireStick(folder)
  if (!folder.exists) return
  const id = await onStick(async () => {
    if ((await folder.fs.stat(folder.root))?.kind !== 'directory') throw stickRemoved()
    return (await readStickFile(folder.fs, folder.root))?.id ?? null
  })
  if (folder.id !== null && id !== folder.id) throw stickRemoved()
}

/** Writes stick.json. */
export async function writeStickFile(folder: StickFolder, file: StickFile): Promise<void> {
  const text = `${JSON.stringify(stickFile.parse(file), null, 2)}\n`
  await writeStickBytes(folder, ['stick.json'], Buffer.from(text))
}

async function readStickFile(fs: FileSystem, root: string): Promise<StickFile | null> {
  const bytes = await readPlain(fs, join(root, 'stick.json'), STICK_FILE_LIMIT).catch(noneOf)
  if (bytes === null) return null
  try {
    return stickFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch {
    return null // a power cut can leave it torn; the segments do not need it
  }
}

/** Could Chasqui have written this folder, although stick.json cannot be read? */
async function isAdoptable(fs: FileSystem, root: string, mustHoldFeeds: boolean): Promise<boolean> {
  const names = await fs.list(root)
  if (mustHoldFeeds && !names.includes('feeds')) return false
  return names.every((name) => OUR_NAMES.has(name) || name.endsWith('.tmp'))
}

/** A regular file on the stick, or null. Throws STICK_LINK for anything else and FILE_TOO_LARGE. */
async function readPlain(fs: FileSystem, path: string, limit: number): Promise<Uint8Array | null> {
  const found = await fs.stat(path)
  if (found === null) return null
  if (found.kind !== 'file') throw linkFound(path)
  return readFileLimited(fs, path, limit)
}

export function readStickBytes(
  folder: StickFolder,
  path: readonly string[],
  limit: number
): Promise<Uint8Array | null> {
  return onStick(async () => {
    await refuseLinks(folder, path.slice(0, -1))
    return readPlain(folder.fs, join(folder.root, ...path), limit)
  })
}

/** As readStickBytes, for a file that is only a hint or one of many: one that is too large or no file is as good as none. */
export function readStickHint(
  folder: StickFolder,
  path: readonly string[],
  limit: number
): Promise<Uint8Array | null> {
  return onStick(async () => {
    await refuseLinks(folder, path.slice(0, -1))
    return readPlain(folder.fs, join(folder.root, ...path), limit).catch(noneOf)
  })
}

function noneOf(error: unknown): null {
  const code = error instanceof ChasquiError ? error.code : null
  if (code === 'FILE_TOO_LARGE' || code === 'STICK_LINK') return null
  throw error
}

/** Opens a regular file on the stick for reading, with its size; null when it is missing. */
export function openStickFile(
  folder: StickFolder,
  path: readonly string[]
): Promise<{ reader: FileReader; size: number } | null> {
  return onStick(async () => {
    await refuseLinks(folder, path.slice(0, -1))
    const full = join(folder.root, ...path)
    const found = await folder.fs.stat(full)
    if (found === null) return null
    if (found.kind !== 'file') throw linkFound(full)
    const reader = await folder.fs.openFile(full)
    return { reader: readerOnStick(reader), size: found.size }
  })
}

/** Closing what was only read cannot lose anything: a stick that is gone by then is no error. */
function readerOnStick(reader: FileReader): FileReader {
  return {
    read: (position, length, into) => onStick(() => reader.read(position, length, into)),
    close: () => reader.close().catch(() => undefined)
  }
}

/** Names in a folder of the stick; none when it is missing. */
export function listStick(folder: StickFolder, path: readonly string[]): Promise<string[]> {
  return onStick(async () => {
    await refuseLinks(folder, path)
    const full = join(folder.root, ...path)
    return (await folder.fs.stat(full)) === null ? [] : folder.fs.list(full)
  })
}

/** Replaces a file on the stick durably; makes the folders above it. A folder that somebody put in its place goes. */
export function writeStickBytes(
  folder: StickFolder,
  path: readonly string[],
  bytes: Uint8Array
): Promise<void> {
  return onStick(async () => {
    await makeStickFolder(folder, path.slice(0, -1))
    const full = join(folder.root, ...path)
    if ((await folder.fs.stat(full))?.kind === 'directory') await removeTree(folder.fs, full)
    await writeFileDurably(folder.fs, full, bytes)
  })
}

/** Removes a file on the stick, or what is in its place, durably; one that is not there is as good. */
export function removeStickFile(folder: StickFolder, path: readonly string[]): Promise<void> {
  return onStick(async () => {
    await refuseLinks(folder, path.slice(0, -1))
    const full = join(folder.root, ...path)
    if ((await folder.fs.stat(full)) === null) return
    await removeTree(folder.fs, full)
    await folder.fs.syncDirectory(join(full, '..'))
  })
}

export async function makeStickFolder(folder: StickFolder, path: readonly string[]): Promise<void> {
  await refuseLinks(folder, path)
  for (let i = 0; i <= path.length; i++) {
    const full = join(folder.root, ...path.slice(0, i))
    if ((await folder.fs.stat(full)) !== null) continue
    if (i === 0 && folder.exists) throw stickRemoved()
    await ensureDirectory(folder.fs, full)
    await folder.fs.syncDirectory(join(full, '..'))
    folder.exists = true
  }
}

/** Every part of `path` must be a folder, or not be there yet. */
async function refuseLinks(folder: StickFolder, path: readonly string[]): Promise<void> {
  for (let i = 0; i <= path.length; i++) {
    const full = join(folder.root, ...path.slice(0, i))
    const found = await folder.fs.stat(full)
    if (found === null) return
    if (found.kind !== 'directory') throw linkFound(full)
  }
}

function linkFound(path: string): ChasquiError {
  return new ChasquiError('STICK_LINK', `${path} is not what Chasqui writes there`, {
    hint: 'look at the stick: somebody put a link or a file in place of a folder'
  })
}
