// Writes the files of a release into a new folder: coded files as they are decoded, the others copied from where they are,
// symlinks last, so that nothing is ever written through one. Every byte that lands was hashed.
import { createHash, hash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { FileEntry, Manifest } from '../release/manifest.ts'
import type { FileSystem } from '../system/file-system.ts'
import { damaged } from './bytes.ts'
import { type CheckedContents, READ_CHUNK } from './content.ts'
import type { CodedFileSink } from './decode.ts'
import { hashFile } from './hash-file.ts'
import { checkLinkTargets } from './links.ts'
import type { PlannedFile } from './pack-index.ts'
import { inParallel } from './parallel.ts'

const WHOLE = 1024 * 1024 // bytes: smaller files are copied through memory
const PARALLEL = 8 // files at once
const PENDING = 16 // decoded files that wait for the disk

export interface StageOptions {
  fs: FileSystem
  into: string
  /** wait for the disk, so that the tree survives a power cut once staged */
  sync: boolean
}

export class StagedTree implements CodedFileSink {
  readonly #fs: FileSystem
  readonly #root: string
  readonly #sync: boolean
  readonly #links = new Map<string, string>()
  readonly #folders = new Set<string>()
  readonly #pending = new Set<Promise<void>>()
  #failure: unknown = null

  constructor({ fs, into, sync }: StageOptions) {
    this.#fs = fs
    this.#root = into
    this.#sync = sync
  }

  /** Makes the root, unless it is there, and the folders of all files. */
  async makeFolders(files: readonly PlannedFile[]): Promise<void> {
    if ((await this.#fs.stat(this.#root)) === null) await this.#fs.makeDirectory(this.#root, 0o755)
    for (const { path } of files) await this.#makeFolder(posixParent(path))
  }

  async #makeFolder(path: string): Promise<void> {
    if (path === '' || this.#folders.has(path)) return
    await this.#makeFolder(posixParent(path))
    await this.#fs.makeDirectory(this.#native(path), 0o755)
    this.#folders.add(path)
  }

  #native(path: string): string {
    return join(this.#root, ...path.split('/'))
  }

  async writeWhole(file: PlannedFile, bytes: Uint8Array): Promise<void> {
    if (file.kind === 'symlink') {
      this.#links.set(file.path, Buffer.from(bytes).toString('utf8'))
      return
    }
    while (this.#pending.size >= PENDING) await Promise.race(this.#pending)
    if (this.#failure !== null) throw this.#failure
    const task: Promise<void> = this.#write(file, bytes)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => this.#pending.delete(task))
    this.#pending.add(task)
  }

  async #write(file: PlannedFile, bytes: Uint8Array): Promise<void> {
    const writer = await this.#fs.createFile(this.#native(file.path), modeOf(file))
    try {
      if (bytes.length > 0) await writer.write(bytes)
    } finally {
      await writer.close()
    }
  }

  async open(
    file: PlannedFile
  ): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): Promise<void> }> {
    const writer = await this.#fs.createFile(this.#native(file.path), modeOf(file))
    return writer
  }

  /** Waits until all decoded files are written. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.race(this.#pending)
    if (this.#failure !== null) throw this.#failure
  }

  /** Copies the files that are not coded. Throws BASE_DRIFTED. */
  async copyRest(
    files: readonly PlannedFile[],
    base: { manifest: Manifest; contents: CheckedContents } | null
  ): Promise<void> {
    await inParallel(files, PARALLEL, async (file) => {
      if (file.origin.from === 'base') {
        await this.#copyOld(
          file,
          base?.manifest.entries[file.origin.index] as FileEntry,
          base?.contents as CheckedContents
        )
      } else if (file.origin.from === 'target') {
        await this.#copyTwin(file, files[file.origin.index] as PlannedFile)
      }
    })
  }

  async #copyTwin(file: PlannedFile, twin: PlannedFile): Promise<void> {
    if (file.kind === 'symlink') {
      this.#links.set(file.path, this.#links.get(twin.path) ?? '')
      return
    }
    await this.#copyNative(this.#native(twin.path), file)
  }

  async #copyOld(file: PlannedFile, old: FileEntry, contents: CheckedContents): Promise<void> {
    const native = contents.pathOf(old)
    const copied =
      native !== null && file.kind === 'file' && old.size > WHOLE
        ? await this.#copyLarge(file, old, native)
        : await this.#copySmall(file, old, contents)
    if (copied) return
    await contents.reject(old)
    await this.#copyOld(file, old, contents)
  }

  async #copyLarge(file: PlannedFile, old: FileEntry, native: string): Promise<boolean> {
    const found = await this.#fs.stat(native)
    if (found?.kind !== 'file' || found.size !== old.size) return false
    await this.#copyNative(native, file)
    const { sha256 } = await hashFile(this.#fs, this.#native(file.path), old.size)
    if (sha256 === old.sha256) return true
    await this.#fs.remove(this.#native(file.path))
    return false
  }

  async #copyNative(from: string, file: PlannedFile): Promise<void> {
    const to = this.#native(file.path)
    await this.#fs.copyFile(from, to)
    await this.#fs.setMode(to, modeOf(file))
  }

  async #copySmall(file: PlannedFile, old: FileEntry, contents: CheckedContents): Promise<boolean> {
    if (old.size > WHOLE) return this.#copyStreamed(file, old, contents)
    const bytes = await contents.read(old, 0, old.size + 1)
    if (bytes.length !== old.size || hash('sha256', bytes, 'hex') !== old.sha256) return false
    if (file.kind === 'symlink') this.#links.set(file.path, Buffer.from(bytes).toString('utf8'))
    else await this.#write(file, bytes)
    return true
  }

  async #copyStreamed(file: PlannedFile, old: FileEntry, contents: CheckedContents): Promise<boolean> {
    const sha256 = createHash('sha256')
    const writer = await this.open(file)
    let position = 0
    try {
      while (position < old.size) {
        const chunk = await contents.read(old, position, Math.min(READ_CHUNK, old.size - position))
        if (chunk.length === 0) break
        sha256.update(chunk)
        await writer.write(chunk)
        position += chunk.length
      }
    } finally {
      await writer.close()
    }
    if (position === old.size && sha256.digest('hex') === old.sha256) return true
    await this.#fs.remove(this.#native(file.path))
    return false
  }

  /** Checks all symlinks, then makes them; and waits for the folders. */
  async finish(manifest: Manifest, kind: 'directory' | 'overlay'): Promise<void> {
    checkLinkTargets(manifest, this.#links, kind)
    for (const entry of manifest.entries) {
      if (entry.kind !== 'symlink') continue
      const target = this.#links.get(entry.path)
      if (target === undefined) throw damaged('a symlink in it has no target')
      await this.#fs.makeLink(target, this.#native(entry.path))
    }
    if (!this.#sync) return
    await this.#fs.syncTree(this.#root)
    await this.#fs.syncDirectory(dirname(this.#root))
  }
}

function modeOf(file: PlannedFile): number {
  return file.executable ? 0o755 : 0o644
}

function posixParent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
