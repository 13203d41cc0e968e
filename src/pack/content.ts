// Where bytes of files come from: a folder, an overlay of one source on another, or the first of several that still has
// the content that the file list says. Everything is checked against its hash before it is used.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { FileEntry } from '../release/manifest.ts'
import { type FileReader, isMissing, type ReadableFileSystem } from '../system/file-system.ts'

/** Content of the files of one manifest. */
export interface ContentSource {
  /** Exactly `length` bytes of the entry from `offset`, or fewer when the file is shorter or gone. */
  read(entry: FileEntry, offset: number, length: number): Promise<Uint8Array>
  /** A native path that holds the entry's content, to be copied in one go; null when there is none. */
  pathOf(entry: FileEntry): string | null
}

export const READ_CHUNK = 256 * 1024 // bytes: many small buffers are given back sooner than a few large ones

/** The files of a folder, read where they lie. */
export function folderContents(fs: ReadableFileSystem, root: string): ContentSource {
  const pathOf = (entry: FileEntry) => join(root, ...entry.path.split('/'))
  return {
    pathOf,
    async read(entry, offset, length) {
      const path = pathOf(entry)
      const found = await fs.stat(path)
      if (found?.kind !== entry.kind) return new Uint8Array()
      if (entry.kind === 'symlink')
        return Buffer.from(await fs.readLink(path)).subarray(offset, offset + length)
      const reader = await fs.openFile(path).catch((error: unknown) => {
        if (isMissing(error)) return null
        throw error
      })
      return reader === null ? new Uint8Array() : readAndClose(reader, offset, length)
    }
  }
}

async function readAndClose(reader: FileReader, offset: number, length: number): Promise<Uint8Array> {
  try {
    return await reader.read(offset, length)
  } finally {
    await reader.close()
  }
}

/** True when the source has exactly the bytes that the entry says. */
async function hasContent(source: ContentSource, entry: FileEntry): Promise<boolean> {
  const sha256 = createHash('sha256')
  let position = 0
  while (position <= entry.size) {
    // one byte more than there should be, so that a longer file is seen
    const chunk = await source.read(entry, position, Math.min(READ_CHUNK, entry.size - position + 1))
    if (chunk.length === 0) break
    sha256.update(chunk)
    position += chunk.length
  }
  return position === entry.size && sha256.digest('hex') === entry.sha256
}

/** Reads each entry from the first source that has its content. */
export interface CheckedContents extends ContentSource {
  /** Finds a good source for each entry. Throws BASE_DRIFTED with the paths of those that have none. */
  check(entries: readonly FileEntry[]): Promise<void>
  /** Marks an entry's current source as bad. Throws BASE_DRIFTED when there is no other. */
  reject(entry: FileEntry): Promise<void>
}

/** `sources` in order of preference: the live folder first, then what can be rebuilt. */
export function checkedContents(sources: readonly ContentSource[]): CheckedContents {
  const chosen = new Map<string, number>()
  const sourceOf = (entry: FileEntry) => sources[chosen.get(entry.path) ?? 0] as ContentSource
  const choose = async (entry: FileEntry, from: number): Promise<boolean> => {
    for (let i = from; i < sources.length; i++) {
      chosen.set(entry.path, i)
      if (await hasContent(sources[i] as ContentSource, entry)) return true
    }
    return false
  }
  return {
    read: (entry, offset, length) => sourceOf(entry).read(entry, offset, length),
    pathOf: (entry) => sourceOf(entry).pathOf(entry),
    async check(entries) {
      const drifted: string[] = []
      for (const entry of entries) {
        if (!chosen.has(entry.path) && !(await choose(entry, 0))) drifted.push(entry.path)
      }
      if (drifted.length > 0) throw driftedError(drifted)
    },
    async reject(entry) {
      if (!(await choose(entry, (chosen.get(entry.path) ?? 0) + 1))) throw driftedError([entry.path])
    }
  }
}

/** BASE_DRIFTED; `drifted` in its cause names every path. */
function driftedError(paths: readonly string[]): ChasquiError {
  const shown = paths.slice(0, 5).join(', ')
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : ''
  return new ChasquiError(
    'BASE_DRIFTED',
    `files that the update builds on are not as released: ${shown}${more}`,
    {
      cause: new DriftedFiles(paths),
      hint: 'they are rebuilt from kept packs when those are here; else fetch the full pack of the installed release'
    }
  )
}

/** The cause of BASE_DRIFTED. */
export class DriftedFiles extends Error {
  readonly paths: readonly string[]

  constructor(paths: readonly string[]) {
    super(`drifted: ${paths.length} files`)
    this.paths = paths
  }
}
