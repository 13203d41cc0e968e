// Trees of files against their list: what was changed, what is missing, what is not ours. Reads only.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { FileEntry, Manifest } from '../../src/release/manifest.ts'
import type { FileSystem, ReadableFileSystem } from '../../src/system/file-system.ts'

const AT_ONCE = 8 // files

export interface Differences {
  changed: string[]
  missing: string[]
}

/** Which files of the list are not at `root` as they should be. `modes`: compare executable bits too. */
export async function differences(
  fs: FileSystem,
  root: string,
  manifest: Manifest,
  modes: boolean
): Promise<Differences> {
  const found: Differences = { changed: [], missing: [] }
  const queue = [...manifest.entries].reverse()
  const work = async () => {
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const verdict = await compareEntry(fs, join(root, entry.path), entry, modes)
      if (verdict !== 'same') found[verdict].push(entry.path)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { changed: found.changed.sort(), missing: found.missing.sort() }
}

async function compareEntry(
  fs: FileSystem,
  path: string,
  entry: FileEntry,
  modes: boolean
): Promise<'same' | 'changed' | 'missing'> {
  const stat = await fs.stat(path)
  if (stat === null) return 'missing'
  if (stat.kind !== entry.kind) return 'changed'
  if (entry.kind === 'symlink') {
    const target = Buffer.from(await fs.readLink(path))
    return createHash('sha256').update(target).digest('hex') === entry.sha256 ? 'same' : 'changed'
  }
  if (stat.size !== entry.size) return 'changed'
  if (modes && ((stat.mode & 0o100) !== 0) !== entry.executable) return 'changed'
  return (await fs.digest(path)).sha256 === entry.sha256 ? 'same' : 'changed'
}

/** The names of a list, for look-ups: its files, and the folders above them. */
export interface Names {
  files: ReadonlySet<string>
  folders: ReadonlySet<string>
}

export function namesOf(manifest: Manifest | null): Names {
  const [files, folders] = [new Set<string>(), new Set<string>()]
  for (const { path } of manifest?.entries ?? []) {
    files.add(path)
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end)
      if (folders.has(folder)) break
      folders.add(folder)
    }
  }
  return { files, folders }
}

/**
 * What lies at `root` and is in no list: a folder without any file of ours counts as one. Never follows a symlink. Paths are
 * '/'-separated, relative to `root`; nothing there: nothing found.
 */
export async function foreignEntries(fs: ReadableFileSystem, root: string, ours: Names): Promise<string[]> {
  const found: string[] = []
  const walk = async (folder: string) => {
    const here = await fs.stat(join(root, folder))
    if (here?.kind !== 'directory') {
      if (here !== null && folder !== '') found.push(folder)
      return
    }
    for (const name of await fs.list(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (ours.folders.has(path)) await walk(path)
      else if (!ours.files.has(path)) found.push(path)
    }
  }
  await walk('')
  return found
}

/** Copies a file, a symlink or a whole folder to a path where nothing is. */
export async function copyTree(fs: FileSystem, from: string, to: string): Promise<void> {
  const stat = await fs.stat(from)
  switch (stat?.kind) {
    case 'directory':
      await fs.makeDirectory(to, stat.mode)
      for (const name of await fs.list(from)) await copyTree(fs, join(from, name), join(to, name))
      return
    case 'symlink':
      return fs.makeLink(await fs.readLink(from), to)
    case 'file':
      return fs.copyFile(from, to)
    default:
      return
  }
}

/** Gives a tree the owner of another place; a tree that has it already is not walked. */
export async function giveTree(fs: FileSystem, like: string, path: string): Promise<void> {
  if (!(await fs.copyOwner(like, path))) return
  if ((await fs.stat(path))?.kind !== 'directory') return
  for (const name of await fs.list(path)) await giveTree(fs, like, join(path, name))
}

/** Bytes of all files at a path. */
export async function treeBytes(fs: ReadableFileSystem, path: string): Promise<number> {
  const stat = await fs.stat(path)
  if (stat?.kind === 'file') return stat.size
  if (stat?.kind !== 'directory') return 0
  let sum = 0
  for (const name of await fs.list(path)) sum += await treeBytes(fs, join(path, name))
  return sum
}
