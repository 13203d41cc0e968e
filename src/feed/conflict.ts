// Remembers that two signed histories of a feed were seen. Hypercore freezes the core in this process only and forgets
// at restart (measured), so the fact is kept in a file beside the store.
import { join } from 'node:path'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { readFileLimited, writeFileDurably } from '../system/durable.ts'
import type { FileSystem } from '../system/file-system.ts'
import { toHex } from '../trust/bytes.ts'
import type { FeedConflict } from './types.ts'

const FILE_LIMIT = 4096 // bytes
const AGAIN = 60_000 // ms until a disk that refused it is asked once more

const conflictFile = z.strictObject({
  core: z.enum(['db', 'blobs']),
  length: z.int().nonnegative()
})

function conflictPath(directory: string, key: Uint8Array): string {
  return join(directory, `conflict-${toHex(key)}.json`)
}

/** What was remembered of the feed with this public key; null: nothing. Throws HOME_DAMAGED. */
export async function loadConflict(
  fs: FileSystem,
  directory: string,
  key: Uint8Array
): Promise<FeedConflict | null> {
  const path = conflictPath(directory, key)
  const bytes = await readFileLimited(fs, path, FILE_LIMIT)
  if (bytes === null) return null
  try {
    return conflictFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (cause) {
    // it would not be there if there had been one history: a feed that went on without it would forget that
    throw new ChasquiError('HOME_DAMAGED', `${path} cannot be read`, {
      cause,
      hint: 'it says that two signed histories of the feed were seen: bring it back from a backup of the home'
    })
  }
}

/** A feed is frozen whatever its disk says: what cannot be written now is written later, at the latest when the feed is closed. */
export class ConflictFile {
  readonly #fs: FileSystem
  readonly #path: string
  #unwritten: FeedConflict | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(fs: FileSystem, directory: string, key: Uint8Array) {
    this.#fs = fs
    this.#path = conflictPath(directory, key)
  }

  /** Never throws. */
  async save(conflict: FeedConflict): Promise<void> {
    this.#unwritten = conflict
    await this.#write()
    if (this.#unwritten !== null) this.#timer = setTimeout(() => void this.save(conflict), AGAIN).unref()
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#write()
  }

  async #write(): Promise<void> {
    if (this.#unwritten === null) return
    const bytes = Buffer.from(`${JSON.stringify(conflictFile.parse(this.#unwritten))}\n`)
    try {
      await writeFileDurably(this.#fs, this.#path, bytes, 0o600)
      this.#unwritten = null
    } catch (error) {
      process.emitWarning(error as Error)
    }
  }
}
