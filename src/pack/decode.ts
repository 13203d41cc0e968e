// Decodes one pack: every coded file goes, in order, to a sink; the result is the full file list with the hashes that the
// decoder computed. Whether that list is the signed one is the last check and the caller sees no success before it.
import { createHash, type Hash, hash } from 'node:crypto'
import { ChasquiError } from '../errors.ts'
import { type FileEntry, type Manifest, makeManifest, manifestRoot } from '../release/manifest.ts'
import { damaged } from './bytes.ts'
import type { CheckedContents } from './content.ts'
import { MAGIC, type PackSource, readExactly } from './layout.ts'
import type { PackLimits } from './limits.ts'
import { oldBytes } from './old-bytes.ts'
import { contentOrder, type PackGroup, type PackIndex, type PlannedFile } from './pack-index.ts'
import { applyPatch, decodePatchFrame } from './patch.ts'
import { decompressFrame, makeDictionary } from './zstd.ts'

/** Takes the coded files of a pack, one after the other. */
export interface CodedFileSink {
  /** A file that fits in memory. */
  writeWhole(file: PlannedFile, bytes: Uint8Array): Promise<void>
  /** A larger one, in pieces; `close` is called in every case. */
  open(file: PlannedFile): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): Promise<void> }>
}

export interface DecodeRequest {
  source: PackSource
  index: PackIndex
  base: { manifest: Manifest; contents: CheckedContents } | null
  sink: CodedFileSink
  limits: PackLimits
  signal?: AbortSignal | undefined
}

const WHOLE = 1024 * 1024 // bytes: smaller files are handed over in one piece

/** What the signed release says about the files. */
export interface FilesClaim {
  root: string
  count: number
  bytes: number
}

/** Holds an index against what the release says, before anything is decoded. Throws PACK_DAMAGED, PACK_LIMIT. */
export function checkClaim(index: PackIndex, claim: FilesClaim, limits: PackLimits): void {
  if (index.root !== claim.root) throw damaged('it leads to another release than the one that names it')
  if (index.files.length !== claim.count) throw damaged('it has another number of files than its release')
  const bytes = index.files.reduce((sum, file) => sum + file.size, 0)
  if (bytes > limits.totalBytes)
    throw new ChasquiError('PACK_LIMIT', `the pack claims ${bytes} bytes of files`)
  if (bytes !== claim.bytes) throw damaged('its files have another size than its release says')
}

/** Runs all groups. Throws PACK_DAMAGED, BASE_DRIFTED and what the sink throws. */
export async function decodeGroups(request: DecodeRequest): Promise<Manifest> {
  const { index, base } = request
  const used = new Set(index.groups.flatMap((group) => group.ranges.map((range) => range.index)))
  await base?.contents.check([...used].map((i) => base.manifest.entries[i] as FileEntry))
  const router = new Router(index.files, request.sink)
  try {
    await router.skipEmpty()
    let position = MAGIC.length
    for (const group of index.groups) {
      request.signal?.throwIfAborted()
      const frame = await readExactly(request.source, position, group.frameLength)
      position += group.frameLength
      for await (const chunk of decodeGroup(group, frame, base, request.limits)) await router.write(chunk)
    }
    return completeManifest(index, base?.manifest ?? null, router.finish())
  } finally {
    await router.close()
  }
}

async function* decodeGroup(
  group: PackGroup,
  frame: Uint8Array,
  base: DecodeRequest['base'],
  limits: PackLimits
): AsyncGenerator<Uint8Array> {
  if (group.method === 'zstd') {
    yield* decompressFrame(frame, await readDictionary(group, base), group.rawLength)
  } else {
    const streams = await decodePatchFrame(frame, limits)
    yield* applyPatch(streams, oldBytes(group.ranges, base), group.rawLength)
  }
}

async function readDictionary(group: PackGroup, base: DecodeRequest['base']): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const { index, offset, length } of group.ranges) {
    const bytes = await base?.contents.read(base.manifest.entries[index] as FileEntry, offset, length)
    if (bytes?.length !== length) throw damaged('the old file that it builds on changed meanwhile')
    parts.push(bytes)
  }
  return makeDictionary(parts)
}

/** Cuts the coded stream into files. */
class Router {
  readonly #files: readonly PlannedFile[]
  /** numbers of the files with content in the groups */
  readonly #order: readonly number[]
  readonly #sink: CodedFileSink
  readonly #hashes = new Map<number, string>()
  #next = 0
  #index = -1
  #remaining = 0
  #small: Buffer | null = null
  #large: { sha256: Hash; write(bytes: Uint8Array): Promise<void>; close(): Promise<void> } | null = null

  constructor(files: readonly PlannedFile[], sink: CodedFileSink) {
    this.#files = files
    this.#order = contentOrder(files)
    this.#sink = sink
  }

  /** Goes to the next coded file that has content; empty ones on the way are written. */
  async skipEmpty(): Promise<void> {
    while (this.#remaining === 0) {
      this.#index = this.#order[this.#next++] ?? -1
      const file = this.#files[this.#index]
      if (file === undefined) return
      if (file.size === 0) {
        this.#hashes.set(this.#index, hash('sha256', '', 'hex'))
        await this.#sink.writeWhole(file, new Uint8Array())
      } else {
        await this.#begin(file)
      }
    }
  }

  async #begin(file: PlannedFile): Promise<void> {
    this.#remaining = file.size
    if (file.size <= WHOLE) this.#small = Buffer.allocUnsafeSlow(file.size)
    else this.#large = Object.assign(await this.#sink.open(file), { sha256: createHash('sha256') })
  }

  async write(chunk: Uint8Array): Promise<void> {
    let rest = chunk
    while (rest.length > 0) {
      const file = this.#files[this.#index]
      if (file === undefined) throw damaged('it has more content than files')
      const part = rest.subarray(0, this.#remaining)
      rest = rest.subarray(part.length)
      await this.#append(file, part)
      if (this.#remaining === 0) await this.#end(file)
    }
  }

  async #append(file: PlannedFile, part: Uint8Array): Promise<void> {
    this.#small?.set(part, file.size - this.#remaining)
    this.#large?.sha256.update(part)
    await this.#large?.write(part)
    this.#remaining -= part.length
  }

  async #end(file: PlannedFile): Promise<void> {
    const [small, large] = [this.#small, this.#large]
    this.#small = null
    this.#large = null
    if (small !== null) {
      this.#hashes.set(this.#index, hash('sha256', small, 'hex'))
      await this.#sink.writeWhole(file, small)
    } else if (large !== null) {
      await large.close()
      this.#hashes.set(this.#index, large.sha256.digest('hex'))
    }
    await this.skipEmpty()
  }

  /** Hashes of the coded files, by number. */
  finish(): Map<number, string> {
    if (this.#index !== -1) throw damaged('it has less content than files')
    return this.#hashes
  }

  async close(): Promise<void> {
    const large = this.#large
    this.#large = null
    await large?.close()
  }
}

function completeManifest(index: PackIndex, base: Manifest | null, hashes: Map<number, string>): Manifest {
  const entries: FileEntry[] = []
  for (const [i, { path, kind, size, executable, origin }] of index.files.entries()) {
    const sha256 = !('index' in origin)
      ? hashes.get(i)
      : origin.from === 'base'
        ? base?.entries[origin.index]?.sha256
        : entries[origin.index]?.sha256
    entries.push({ path, kind, size, executable, sha256: sha256 ?? '' })
  }
  const manifest = makeManifest(entries)
  if (manifestRoot(manifest) !== index.root) throw damaged('its content is not what its release signs')
  return manifest
}
