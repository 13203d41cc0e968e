// Trees of files against their list: what was changed, what is missing, what is not ours. Reads only.
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
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

/** No list: no names. */
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

/** The first thing at `root` that is no folder and not ignored (paths as in `foreignEntries`); null: nothing. */
export async function firstFile(
  fs: ReadableFileSystem,
  root: string,
  isIgnored: (path: string) => boolean
): Promise<string | null> {
  const search = async (folder: string): Promise<string | null> => {
    for (const name of await fs.list(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (isIgnored(path)) continue
      const isFolder = (await fs.stat(join(root, path)))?.kind === 'directory'
      const found = isFolder ? await search(path) : path
      if (found !== null) return found
    }
    return null
  }
  return (await fs.stat(root))?.kind === 'directory' ? search('') : null
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

const SETGID = 0o2000

/**
 * Gives a staged tree the modes and owners of the live one that it will replace: an operator or the application may have set
 * them. What is new gets the owner of the folder that it comes into, and its group where that folder hands it on (setgid).
 */
export async function takeAfter(fs: FileSystem, live: string, staged: string): Promise<void> {
  const [model, own] = [await fs.stat(live), await fs.stat(staged)]
  if (own === null) return
  if (model?.kind !== own.kind) return giveTree(fs, dirname(live), staged)
  await fs.copyOwner(live, staged)
  if (own.kind === 'symlink') return
  // after the owner: a change of it takes setuid and setgid away
  const mode = own.kind === 'file' ? modeLike(model.mode, own.mode) : model.mode
  if (mode !== own.mode) await fs.setMode(staged, mode)
  if (own.kind !== 'directory') return
  for (const name of await fs.list(staged)) await takeAfter(fs, join(live, name), join(staged, name))
}

/** Who may read and write as before; who may execute as released, and never with setuid: the content is another one. */
function modeLike(before: number, released: number): number {
  const execute = (released & 0o100) !== 0 ? (before & 0o444) >> 2 : 0
  return (before & 0o666) | execute | (released & 0o500)
}

/** Gives a tree the owner of the folder that it comes into. */
async function giveTree(fs: FileSystem, like: string, path: string): Promise<void> {
  await fs.copyOwner(like, path)
  const own = await fs.stat(path)
  if (own?.kind !== 'directory') return
  const isHandedOn = (((await fs.stat(like))?.mode ?? 0) & SETGID) !== 0
  if (isHandedOn && (own.mode & SETGID) === 0) await fs.setMode(path, own.mode | SETGID)
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
