// The folders of a live tree on the way to the names of a release: each is looked at once, and nothing is ever reached through
// what is no folder.
import { dirname, join } from 'node:path'
import type { FileStat, ReadableFileSystem } from '../../src/system/file-system.ts'

export interface Obstacle {
  path: string
  kind: Exclude<FileStat['kind'], 'directory'>
}

type Folder = 'there' | 'missing' | Obstacle

/** Paths are '/'-separated, relative to the live tree. */
export class LiveFolders {
  readonly #fs: ReadableFileSystem
  readonly #live: string
  readonly #known = new Map<string, Folder>()

  constructor(fs: ReadableFileSystem, live: string) {
    this.#fs = fs
    this.#live = live
  }

  /** What stands in the way to a path: a symlink or a file where a folder should be; null: nothing. */
  async obstacle(path: string): Promise<Obstacle | null> {
    const folder = await this.#look(dirname(path))
    return typeof folder === 'string' ? null : folder
  }

  /** What is at a path; null when nothing is, or when its folder is not there. */
  async kindOf(path: string): Promise<FileStat['kind'] | null> {
    if ((await this.#look(dirname(path))) !== 'there') return null
    return (await this.#fs.stat(join(this.#live, path)))?.kind ?? null
  }

  /** Folders that have to be made so that this one is there, the outermost first; asked again, they are made. */
  async missing(folder: string): Promise<string[]> {
    if ((await this.#look(folder)) !== 'missing') return []
    const above = folder === '.' ? [] : await this.missing(dirname(folder))
    this.#known.set(folder, 'there')
    return [...above, folder]
  }

  async #look(folder: string): Promise<Folder> {
    const known = this.#known.get(folder)
    if (known !== undefined) return known
    const above = folder === '.' ? 'there' : await this.#look(dirname(folder))
    const found = above === 'there' ? await this.#lookAt(folder) : above
    this.#known.set(folder, found)
    return found
  }

  async #lookAt(path: string): Promise<Folder> {
    const found = await this.#fs.stat(join(this.#live, path))
    if (found === null) return 'missing'
    return found.kind === 'directory' ? 'there' : { path, kind: found.kind }
  }
}
