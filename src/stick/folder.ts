// The folder `chasqui` on a stick that is open: access to its files that never follows a link. Errors of a drive that
// goes away become STICK_REMOVED.
import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import { ensureDirectory, readFileLimited, removeTree, writeFileDurably } from '../system/durable.ts'
import type { FileReader, FileSystem } from '../system/file-system.ts'
import { onStick, stickRemoved } from './on-stick.ts'
import { requireDevice } from './same-device.ts'
import type { StickFile } from './stick-file.ts'

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

/** What reading in the folder needs of it. */
export type StickRoot = Pick<StickFolder, 'fs' | 'root'>

/** A folder that an export writes to: stick.json is known, or made. */
export type WritableStick = StickFolder & { file: StickFile }

/** Throws STICK_REMOVED when the stick is not where it was: what was read as missing may be there after all. */
export function requireStick({ fs, place, device }: StickFolder): Promise<void> {
  return onStick(() => requireDevice(fs, place, device))
}

/** A regular file on the stick, or null. Throws STICK_LINK for anything else and FILE_TOO_LARGE. */
async function readPlain(fs: FileSystem, path: string, limit: number): Promise<Uint8Array | null> {
  const found = await fs.stat(path)
  if (found === null) return null
  if (found.kind !== 'file') throw linkFound(path)
  return readFileLimited(fs, path, limit)
}

/** A file's content, at most `limit` bytes; null when it is missing. Throws STICK_LINK, FILE_TOO_LARGE. */
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
  folder: StickRoot,
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

/** Opens a regular file on the stick for reading, with its size in bytes; null when it is missing. Throws STICK_LINK. */
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

/** Names in a folder of the stick; none when it is missing. Throws STICK_LINK. */
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

/** Makes a folder on the stick and those above it, durably. Throws STICK_LINK, STICK_REMOVED. */
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
async function refuseLinks(folder: StickRoot, path: readonly string[]): Promise<void> {
  for (let i = 0; i <= path.length; i++) {
    const full = join(folder.root, ...path.slice(0, i))
    const found = await folder.fs.stat(full)
    if (found === null) return
    if (found.kind !== 'directory') throw linkFound(full)
  }
}

/** STICK_LINK, for what is neither ours nor to be followed. */
export function linkFound(path: string): ChasquiError {
  return new ChasquiError('STICK_LINK', `${path} is not what Chasqui writes there`, {
    hint: 'look at the stick: somebody put a link or a file in place of a folder'
  })
}
