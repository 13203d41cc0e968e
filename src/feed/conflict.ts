// Remembers that two signed histories of a feed were seen. Hypercore freezes the core in this process only and forgets
// at restart (measured), so the fact is kept in a file beside the store.
import { join } from 'node:path'
import { z } from 'zod'
import { readFileLimited, writeFileDurably } from '../system/durable.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { FeedConflict } from './types.ts'

const FILE_LIMIT = 4096 // bytes

const conflictFile = z.strictObject({
  core: z.enum(['db', 'blobs']),
  length: z.int().nonnegative()
})

function conflictPath(directory: string, key: Uint8Array): string {
  return join(directory, `conflict-${Buffer.from(key).toString('hex')}.json`)
}

export async function loadConflict(
  fs: FileSystem,
  directory: string,
  key: Uint8Array
): Promise<FeedConflict | null> {
  const bytes = await readFileLimited(fs, conflictPath(directory, key), FILE_LIMIT)
  return bytes === null ? null : conflictFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
}

export async function saveConflict(
  fs: FileSystem,
  directory: string,
  key: Uint8Array,
  conflict: FeedConflict
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(conflictFile.parse(conflict))}\n`)
  await writeFileDurably(fs, conflictPath(directory, key), bytes, 0o600)
}
