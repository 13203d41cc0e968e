// What a disk says of a path: how much room there is, where it really lies.
import { realpath, statfs } from 'node:fs/promises'

/** Bytes that this user may still write at `path`; null when the file system does not say (some FUSE drivers). */
export async function freeSpace(path: string): Promise<number | null> {
  const found = await statfs(path)
  return found.blocks === 0 ? null : found.bavail * found.bsize
}

/** Free and total bytes of the file system at `path`; null when it does not say. */
export async function diskSpace(path: string): Promise<{ free: number; total: number } | null> {
  const found = await statfs(path).catch(() => null)
  if (found === null || found.blocks === 0) return null
  return { free: found.bavail * found.bsize, total: found.blocks * found.bsize }
}

/** Where a path leads when its links are followed; null when nothing is there. */
export async function realPath(path: string): Promise<string | null> {
  return realpath(path).catch(() => null)
}
