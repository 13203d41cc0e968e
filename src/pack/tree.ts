// Reads the folder of a module into a file list: which files (ignore rules), what they hold (hashes), and that nothing
// changed meanwhile. Refuses what cannot stand on every system.
import { hash } from 'node:crypto'
import { join } from 'node:path'
import { asChasquiError, ChasquiError } from '../errors.ts'
import { type FileEntry, type Manifest, makeManifest } from '../release/manifest.ts'
import type { FileStat, ReadableFileSystem } from '../system/file-system.ts'
import { type ContentSource, folderContents } from './content.ts'
import { hashFile } from './hash-file.ts'
import { type IgnoreRules, readIgnoreRules } from './ignore.ts'
import { checkLinkTargets } from './links.ts'
import { inParallel } from './parallel.ts'

export interface Tree {
  manifest: Manifest
  contents: ContentSource
  /** native path of the folder */
  root: string
}

export interface ReadTreeOptions {
  /** kind of the release: an overlay carries no symlinks */
  kind?: 'directory' | 'overlay'
  /** only files that match (paths relative to the folder); all when absent */
  select?: (path: string) => boolean
  /** executable bits of a system that has none (Windows): taken from the previous release */
  executableFrom?: Manifest
  signal?: AbortSignal
}

const PARALLEL = 16 // files read at once

/**
 * The tree of a module folder. Throws NOT_A_DIRECTORY, MODULE_EMPTY, FILE_UNREADABLE, FILE_CHANGED, FILE_NOT_REGULAR,
 * SYMLINK_REFUSED, PATH_*.
 */
export async function readTree(
  fs: ReadableFileSystem,
  folder: string,
  options: ReadTreeOptions = {}
): Promise<Tree> {
  const found = await fs.stat(folder)
  if (found?.kind !== 'directory') {
    throw new ChasquiError('NOT_A_DIRECTORY', `${folder} is not a directory`, {
      hint: 'give the folder of the module'
    })
  }
  const rules = await readIgnoreRules(fs, folder)
  const names = await new Walk(fs, folder, rules, options).run()
  if (names.length === 0) {
    throw new ChasquiError('MODULE_EMPTY', `${folder} has no files to release`, {
      hint: 'look at .chasquiignore: it may leave out everything'
    })
  }
  const entries = await inParallel(names, PARALLEL, ({ path, stat }) => {
    options.signal?.throwIfAborted()
    return readEntry(fs, folder, path, stat)
  })
  const manifest = makeManifest(withExecutableBits(entries, options.executableFrom))
  const contents = folderContents(fs, folder)
  checkLinkTargets(manifest, await readLinkTargets(manifest, contents), options.kind ?? 'directory')
  return { manifest, contents, root: folder }
}

/** Target text of every symlink, by path. */
async function readLinkTargets(manifest: Manifest, contents: ContentSource): Promise<Map<string, string>> {
  const links = manifest.entries.filter((entry) => entry.kind === 'symlink')
  const targets = await Promise.all(links.map((entry) => contents.read(entry, 0, entry.size)))
  return new Map(
    links.map((entry, i) => [entry.path, Buffer.from(targets[i] as Uint8Array).toString('utf8')])
  )
}

interface Found {
  path: string
  stat: FileStat
}

class Walk {
  readonly #found: Found[] = []
  readonly #fs: ReadableFileSystem
  readonly #root: string
  readonly #rules: IgnoreRules
  readonly #options: ReadTreeOptions

  constructor(fs: ReadableFileSystem, root: string, rules: IgnoreRules, options: ReadTreeOptions) {
    this.#fs = fs
    this.#root = root
    this.#rules = rules
    this.#options = options
  }

  async run(): Promise<Found[]> {
    await this.#folder('')
    return this.#found
  }

  async #folder(prefix: string): Promise<void> {
    const folder = join(this.#root, prefix)
    const names = await this.#fs.list(folder).catch((cause) => {
      throw unreadable(folder, cause)
    })
    const stats = await inParallel(names, PARALLEL, (name) => this.#fs.stat(join(folder, name)))
    for (const [i, name] of names.entries()) await this.#entry(`${prefix}${name}`, stats[i] ?? null)
  }

  async #entry(path: string, stat: FileStat | null): Promise<void> {
    if (this.#rules.ignores(path, stat === null || stat.kind === 'directory')) return
    if (stat?.kind === 'directory') return this.#folder(`${path}/`)
    if (this.#options.select !== undefined && !this.#options.select(path)) return
    if (stat === null) throw lostError(join(this.#root, path))
    if (stat.kind === 'other') {
      throw new ChasquiError(
        'FILE_NOT_REGULAR',
        `${join(this.#root, path)} is a device, a socket or a pipe`,
        {
          hint: 'leave it out with .chasquiignore'
        }
      )
    }
    this.#found.push({ path, stat })
  }
}

async function readEntry(
  fs: ReadableFileSystem,
  root: string,
  path: string,
  before: FileStat
): Promise<FileEntry> {
  const native = join(root, ...path.split('/'))
  try {
    if (before.kind === 'symlink') return linkEntry(path, await fs.readLink(native))
    const { sha256, size } = await hashFile(fs, native, before.size)
    const after = await fs.stat(native)
    if (size !== before.size || !isSame(before, after)) throw changedError(native)
    return { path, kind: 'file', size, executable: (before.mode & 0o111) !== 0, sha256 }
  } catch (error) {
    if (error instanceof ChasquiError) throw error
    throw unreadable(native, error)
  }
}

/** A file that was listed and is not there: it has gone, or its name was not read as it is. Left out, nobody would miss it. */
function lostError(path: string): ChasquiError {
  if (!path.includes('\ufffd')) return changedError(path)
  return new ChasquiError('PATH_INVALID', `${path}: its name is not UTF-8`, {
    hint: 'rename it, or leave it out with .chasquiignore'
  })
}

function linkEntry(path: string, target: string): FileEntry {
  const bytes = Buffer.from(target.replaceAll('\\', '/'))
  return {
    path,
    kind: 'symlink',
    size: bytes.length,
    executable: false,
    sha256: hash('sha256', bytes, 'hex')
  }
}

function isSame(before: FileStat, after: FileStat | null): boolean {
  return (
    after !== null &&
    after.kind === before.kind &&
    after.size === before.size &&
    after.modifiedAt === before.modifiedAt &&
    after.inode === before.inode
  )
}

function withExecutableBits(entries: FileEntry[], previous: Manifest | undefined): FileEntry[] {
  if (previous === undefined) return entries
  const bits = new Set(previous.entries.flatMap((entry) => (entry.executable ? entry.path : [])))
  return entries.map((entry) => ({ ...entry, executable: bits.has(entry.path) && entry.kind === 'file' }))
}

export function changedError(path: string): ChasquiError {
  return new ChasquiError('FILE_CHANGED', `${path} changed while it was read`, {
    hint: 'stop what writes to it, then publish again'
  })
}

function unreadable(path: string, cause: unknown): ChasquiError {
  const { message } = asChasquiError(cause)
  return new ChasquiError('FILE_UNREADABLE', `${path} cannot be read: ${message}`, {
    cause,
    hint: 'give this user the right to read it, or leave it out with .chasquiignore'
  })
}
