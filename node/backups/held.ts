// What backups really take: a filestore in one is second names of the live files, and of those in other backups.
import { join } from 'node:path'
import type { ReadableFileSystem } from '../../src/system/file-system.ts'

interface Shared {
  bytes: number
  /** names that are not in these backups (or were not met yet) */
  elsewhere: number
  /** the first place that has it */
  at: number
}

/**
 * Bytes that would come free if each place were deleted after those behind it in the list. A file of several names counts
 * once, at the first place that has it, and nowhere while it has a name outside of all of them.
 */
export async function heldBytes(fs: ReadableFileSystem, places: readonly string[]): Promise<number[]> {
  const held = places.map(() => 0)
  const shared = new Map<number, Shared>()
  const add = (at: number, bytes: number) => {
    held[at] = (held[at] ?? 0) + bytes
  }
  const walk = async (at: number, path: string): Promise<void> => {
    const found = await fs.stat(path)
    if (found?.kind === 'directory') {
      for (const name of await fs.list(path)) await walk(at, join(path, name))
    }
    if (found?.kind !== 'file') return
    if (found.links < 2 || found.inode === 0) return add(at, found.size)
    const one = shared.get(found.inode) ?? { bytes: found.size, elsewhere: found.links, at }
    one.elsewhere--
    shared.set(found.inode, one)
  }
  for (const [at, path] of places.entries()) await walk(at, path)
  for (const { bytes, elsewhere, at } of shared.values()) if (elsewhere <= 0) add(at, bytes)
  return held
}
