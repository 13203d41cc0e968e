// Writes packs: a full one, or a delta from a base whose content can be read. Groups are compressed side by side within a
// memory budget; the file is written from front to back, its hash on the way.
import { createHash } from 'node:crypto'
import { type Manifest, manifestRoot } from '../release/manifest.ts'
import type { FileSystem, FileWriter } from '../system/file-system.ts'
import { realFileSystem } from '../system/real-file-system.ts'
import type { ContentSource } from './content.ts'
import { GroupEncoder } from './encode-group.ts'
import { type GroupPlan, planGroups } from './groups.ts'
import { encodeIndex } from './index-encode.ts'
import { indexDictionary, MAGIC, trailer } from './layout.ts'
import { type MatchedFile, matchFiles } from './match.ts'
import { contentOrder, type PackGroup } from './pack-index.ts'
import { Budget, InOrder } from './parallel.ts'
import { ENCODER_MEMORY, groupMemory, groupSizes, zstdParameters } from './tuning.ts'
import { compressFrame } from './zstd.ts'

/** Files of one release and where to read them. */
export interface PackTree {
  manifest: Manifest
  contents: ContentSource
}

export interface EncodeRequest {
  target: PackTree
  /** what a delta builds on; absent or null for a full pack */
  base?: PackTree | null
  /** native path of the pack to write; must not exist */
  output: string
  fs?: FileSystem
  signal?: AbortSignal
  /** bytes of new content that are coded, of all that there are */
  onProgress?: (done: number, total: number) => void
}

export interface EncodedPack {
  sha256: string
  bytes: number
  kind: 'full' | 'delta'
}

/** Writes a pack. Throws FILE_CHANGED when a target file is not what its list says, BASE_DRIFTED for the base. */
export async function encodePack(request: EncodeRequest): Promise<EncodedPack> {
  const fs = request.fs ?? realFileSystem
  const writer = await fs.createFile(request.output, 0o644)
  try {
    const packed = await writePack(request, new HashedWriter(writer))
    await writer.close()
    return packed
  } catch (error) {
    await writer.close().catch(() => undefined)
    await fs.remove(request.output).catch(() => undefined)
    throw error
  }
}

async function writePack(request: EncodeRequest, writer: HashedWriter): Promise<EncodedPack> {
  const base = request.base ?? null
  const encoder = new GroupEncoder(
    request.target,
    base,
    matchFiles(request.target.manifest, base?.manifest ?? null),
    request.signal
  )
  await encoder.classify()
  await writer.write(MAGIC)
  const groups = await writeGroups(request, encoder, writer)
  const files = encoder.files.map(({ file }) => file)
  const [root, baseRoot] = [
    manifestRoot(request.target.manifest),
    base === null ? null : manifestRoot(base.manifest)
  ]
  const raw = encodeIndex({ root, baseRoot, files, groups }, base?.manifest ?? null)
  const dictionary = indexDictionary(base?.manifest ?? null)
  const index = await compressFrame(raw, dictionary, zstdParameters(raw.length, dictionary.length))
  await writer.write(index)
  await writer.write(trailer(index.length, raw.length))
  return { sha256: writer.digest(), bytes: writer.length, kind: base === null ? 'full' : 'delta' }
}

async function writeGroups(
  request: EncodeRequest,
  encoder: GroupEncoder,
  writer: HashedWriter
): Promise<PackGroup[]> {
  const plans = planAll(encoder.files, request.base?.manifest ?? null)
  await encoder.checkSources(plans)
  const groups: PackGroup[] = []
  const total = plans.reduce((sum, plan) => sum + plan.rawLength, 0)
  let done = 0
  const ordered = new InOrder<{ group: PackGroup; frame: Uint8Array }[]>(async (parts) => {
    for (const { group, frame } of parts) {
      groups.push(group)
      await writer.write(frame)
      done += group.rawLength
      request.onProgress?.(done, total)
    }
  })
  const budget = new Budget(ENCODER_MEMORY)
  await budget.run(plans, memoryOf, async (plan, i) => ordered.put(i, await encoder.encode(plan)))
  return groups
}

function planAll(files: readonly MatchedFile[], base: Manifest | null): GroupPlan[] {
  const order = contentOrder(files.map(({ file }) => file))
  const pieces = order.map((index) => ({
    index,
    offset: 0,
    length: (files[index] as MatchedFile).file.size
  }))
  return (['zstd', 'patch'] as const).flatMap((method) => {
    const from = method === 'zstd' ? 'coded' : 'patched'
    const own = pieces.filter(({ index }) => files[index]?.file.origin.from === from)
    return planGroups({ pieces: own, files, base, method, sizes: groupSizes(method, base !== null) })
  })
}

function memoryOf(plan: GroupPlan): number {
  const dictionary = plan.ranges.reduce((sum, range) => sum + range.length, 0)
  return groupMemory(plan.method, plan.rawLength, dictionary)
}

class HashedWriter {
  readonly #writer: FileWriter
  readonly #sha256 = createHash('sha256')
  length = 0

  constructor(writer: FileWriter) {
    this.#writer = writer
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#sha256.update(bytes)
    this.length += bytes.length
    await this.#writer.write(bytes)
  }

  digest(): string {
    return this.#sha256.digest('hex')
  }
}
