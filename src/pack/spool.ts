// The releases between the one that is here and the one that is wanted: their changed files go into one scratch file, and
// the next pack reads them there, or below, in what stood before. No tree is written for them.
import type { FileEntry, Manifest } from '../release/manifest.ts'
import type { FileReader, FileSystem, FileWriter } from '../system/file-system.ts'
import type { ContentSource } from './content.ts'
import type { CodedFileSink } from './decode.ts'
import type { PackIndex, PlannedFile } from './pack-index.ts'

export class Spool implements CodedFileSink {
  readonly #fs: FileSystem
  readonly #path: string
  readonly #writer: FileWriter
  readonly #places = new Map<string, number>()
  #reader: FileReader | null = null
  #length = 0
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  private constructor(fs: FileSystem, path: string, writer: FileWriter) {
    this.#fs = fs
    this.#path = path
    this.#writer = writer
  }

  /** One that a killed process left behind is replaced. */
  static async create(fs: FileSystem, path: string): Promise<Spool> {
    if ((await fs.stat(path))?.kind === 'file') await fs.remove(path)
    return new Spool(fs, path, await fs.createFile(path, 0o600))
  }

  async writeWhole(file: PlannedFile, bytes: Uint8Array): Promise<void> {
    this.#places.set(file.path, this.#length)
    await this.#append(bytes)
  }

  async open(
    file: PlannedFile
  ): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): Promise<void> }> {
    this.#places.set(file.path, this.#length)
    // a chunk belongs to the decompressor: it is copied before the next one may overwrite it
    return { write: (bytes) => this.#append(Uint8Array.from(bytes)), close: async () => undefined }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#length += bytes.length
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes >= 1024 * 1024) await this.#flush()
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    await this.#writer.write(bytes)
  }

  /** Contents of the release that was decoded into this spool, over those of its base. */
  async contents(
    index: PackIndex,
    base: { manifest: Manifest; contents: ContentSource } | null
  ): Promise<ContentSource> {
    await this.#flush()
    const reader = await this.#fs.openFile(this.#path)
    this.#reader = reader
    const origins = new Map(index.files.map((file) => [file.path, file.origin]))
    const baseEntry = (entry: FileEntry): FileEntry | null => {
      const origin = origins.get(entry.path)
      return origin?.from === 'base' ? (base?.manifest.entries[origin.index] ?? null) : null
    }
    const placeOf = (entry: FileEntry): number | null => {
      const origin = origins.get(entry.path)
      const path = origin?.from === 'target' ? index.files[origin.index]?.path : entry.path
      return this.#places.get(path ?? '') ?? null
    }
    return {
      pathOf(entry) {
        const old = baseEntry(entry)
        return old === null || base === null ? null : base.contents.pathOf(old)
      },
      async read(entry, offset, length) {
        const old = baseEntry(entry)
        if (old !== null && base !== null) return base.contents.read(old, offset, length)
        const place = placeOf(entry)
        const available = Math.max(0, Math.min(length, entry.size - offset))
        return place === null ? new Uint8Array() : reader.read(place + offset, available)
      }
    }
  }

  /** Closes and removes the scratch file. */
  async close(): Promise<void> {
    await this.#writer.close().catch(() => undefined)
    await this.#reader?.close().catch(() => undefined)
    await this.#fs.remove(this.#path).catch(() => undefined)
  }
}
