// The hash of a file on disk.
import { createHash, hash } from 'node:crypto'
import type { ReadableFileSystem } from '../system/file-system.ts'
import { READ_CHUNK } from './content.ts'

/** Hex hash and length of a file's content, read in chunks. */
export async function hashFile(
  fs: ReadableFileSystem,
  path: string,
  expectedSize: number
): Promise<{ sha256: string; size: number }> {
  const reader = await fs.openFile(path)
  try {
    const first = await reader.read(0, Math.min(expectedSize + 1, READ_CHUNK))
    if (first.length <= expectedSize && first.length < READ_CHUNK) {
      return { sha256: hash('sha256', first, 'hex'), size: first.length }
    }
    const sha256 = createHash('sha256').update(first)
    let size = first.length
    while (true) {
      const chunk = await reader.read(size, READ_CHUNK)
      if (chunk.length === 0) return { sha256: sha256.digest('hex'), size }
      sha256.update(chunk)
      size += chunk.length
    }
  } finally {
    await reader.close()
  }
}
