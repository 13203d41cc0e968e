// The one writer of small files: temp → write → fsync → close → rename → fsync directory, errors never dropped.
// Also whole-file reads with a size limit, and removal and creation of whole directories, over any FileSystem.
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { FileSystem, ReadableFileSystem } from './file-system.ts'

/** Puts `bytes` at `path` so that after a power cut either the old content or the new one is there, whole. */
export async function writeFileDurably(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  mode = 0o644
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const writer = await fs.createFile(temporary, mode)
    try {
      await writer.write(bytes)
      await writer.sync()
    } finally {
      await writer.close()
    }
    await fs.rename(temporary, path)
  } catch (error) {
    await fs.remove(temporary).catch(() => undefined)
    throw error
  }
  await fs.syncDirectory(dirname(path))
}

/** The whole file, or null when it is missing. Throws FILE_TOO_LARGE above `limit` bytes, before reading them. */
export async function readFileLimited(
  fs: ReadableFileSystem,
  path: string,
  limit: number
): Promise<Uint8Array | null> {
  const found = await fs.stat(path)
  if (found === null) return null
  if (found.kind !== 'file') throw new ChasquiError('FILE_NOT_REGULAR', `${path} is not a regular file`)
  const reader = await fs.openFile(path)
  try {
    const bytes = await reader.read(0, Math.min(found.size, limit) + 1)
    if (bytes.length > limit) {
      throw new ChasquiError('FILE_TOO_LARGE', `${path} is larger than ${limit} bytes`)
    }
    return bytes
  } finally {
    await reader.close()
  }
}

/** Creates `path` and what is missing above it; what exists already must be a directory. */
export async function ensureDirectory(fs: FileSystem, path: string, mode = 0o755): Promise<void> {
  const found = await fs.stat(path)
  if (found?.kind === 'directory') return
  if (found !== null && found.kind !== 'symlink') {
    throw new ChasquiError('NOT_A_DIRECTORY', `${path} is not a directory`)
  }
  if (dirname(path) !== path) await ensureDirectory(fs, dirname(path), mode)
  await fs.makeDirectory(path, mode).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

/** Removes a file or a whole directory, never following a symlink; nothing there is fine. */
export async function removeTree(fs: FileSystem, path: string): Promise<void> {
  const found = await fs.stat(path)
  if (found === null) return
  if (found.kind === 'directory') {
    for (const name of await fs.list(path)) await removeTree(fs, join(path, name))
  }
  await fs.remove(path)
}
