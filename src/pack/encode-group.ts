// Reads what a group needs, checked against the file lists, and codes it: by zstd over old bytes, or as a patch when that
// pays. Decides which files are worth a patch.
import { hash } from 'node:crypto'
import { ChasquiError } from '../errors.ts'
import type { FileEntry } from '../release/manifest.ts'
import { type CheckedContents, checkedContents, DriftedFiles } from './content.ts'
import type { PackTree } from './encode.ts'
import { type GroupPlan, type Piece, planGroups } from './groups.ts'
import type { MatchedFile } from './match.ts'
import type { PackGroup } from './pack-index.ts'
import { inParallel } from './parallel.ts'
import { encodePatchFrame } from './patch.ts'
import type { PatchStreams } from './patch-match.ts'
import { matchInWorker, sharedBytes } from './patch-worker.ts'
import { changedError } from './tree.ts'
import { groupSizes, PATCH_FROM, PATCH_STREAMS, zstdParameters } from './tuning.ts'
import { compressFrame, makeDictionary } from './zstd.ts'

const PARALLEL = 8 // files read at once
const SNIFF = 4096 // bytes that tell a program from a text

export interface EncodedGroup {
  group: PackGroup
  frame: Uint8Array
}

export class GroupEncoder {
  /** one per target entry; `classify` may mark coded ones as patched */
  readonly files: MatchedFile[]
  readonly #target: PackTree
  readonly #base: PackTree | null
  readonly #old: CheckedContents | null
  readonly #signal: AbortSignal | undefined

  constructor(
    target: PackTree,
    base: PackTree | null,
    files: MatchedFile[],
    signal: AbortSignal | undefined
  ) {
    this.#target = target
    this.#base = base
    this.#old = base === null ? null : checkedContents([base.contents])
    this.#signal = signal
    this.files = files
  }

  /** Binary files of some size that have a base become patched ones. */
  async classify(): Promise<void> {
    await inParallel(this.files, PARALLEL, async ({ file, resembles }, index) => {
      if (file.origin.from !== 'coded' || resembles === null || file.size < PATCH_FROM) return
      const head = await this.#target.contents.read(this.#entry(index), 0, SNIFF)
      if (!head.includes(0)) return
      this.files[index] = { file: { ...file, origin: { from: 'patched' } }, resembles }
    })
  }

  /** Every old file that is built on, and every new file that is cut in parts, is hashed before any of it is used. */
  async checkSources(plans: readonly GroupPlan[]): Promise<void> {
    const cut = plans
      .flatMap(({ pieces }) => pieces)
      .filter((piece) => piece.length < this.#entry(piece.index).size)
    await checkedContents([this.#target.contents])
      .check([...new Set(cut.map((piece) => piece.index))].map((index) => this.#entry(index)))
      .catch(asChanged)
    const used = new Set(plans.flatMap((plan) => plan.ranges.map((range) => range.index)))
    await this.#old?.check([...used].map((index) => this.#oldEntry(index)))
  }

  /** The group; several when a patch would not pay and its content is compressed in smaller portions. */
  async encode(plan: GroupPlan): Promise<EncodedGroup[]> {
    this.#signal?.throwIfAborted()
    if (plan.method === 'zstd') return [await this.#compress(plan)]
    const patched = await this.#patch(plan)
    if (patched !== null) return [patched]
    const [files, base] = [this.files, this.#base?.manifest ?? null]
    const smaller = planGroups({
      pieces: plan.pieces,
      files,
      base,
      method: 'zstd',
      sizes: groupSizes('zstd', true)
    })
    return inParallel(smaller, 1, (part) => this.#compress(part))
  }

  async #compress(plan: GroupPlan): Promise<EncodedGroup> {
    const content = Buffer.concat(await inParallel(plan.pieces, PARALLEL, (piece) => this.#readPiece(piece)))
    const dictionary = makeDictionary(await this.#readRanges(plan))
    const frame = await compressFrame(content, dictionary, zstdParameters(content.length, dictionary.length))
    return { frame, group: groupOf(plan, frame) }
  }

  async #patch(plan: GroupPlan): Promise<EncodedGroup | null> {
    const streams = await this.#match(plan)
    const length = Object.values(streams).reduce((sum: number, stream: Uint8Array) => sum + stream.length, 0)
    if (length > Math.min(PATCH_STREAMS, plan.rawLength / 2)) return null
    const frame = await encodePatchFrame(streams, (raw) => zstdParameters(raw, 0))
    return { frame, group: groupOf(plan, frame) }
  }

  async #match(plan: GroupPlan): Promise<PatchStreams> {
    const fresh = sharedBytes(plan.rawLength)
    let position = 0
    for (const piece of plan.pieces) {
      fresh.set(await this.#readPiece(piece), position)
      position += piece.length
    }
    const old = sharedBytes(plan.ranges.reduce((sum, range) => sum + range.length, 0))
    position = 0
    for (const range of plan.ranges) {
      old.set(await this.#readRange(range), position)
      position += range.length
    }
    return matchInWorker(old, fresh, this.#signal)
  }

  #readRanges(plan: GroupPlan): Promise<Uint8Array[]> {
    return inParallel(plan.ranges, PARALLEL, (range) => this.#readRange(range))
  }

  async #readRange({ index, offset, length }: GroupPlan['ranges'][number]): Promise<Uint8Array> {
    const entry = this.#oldEntry(index)
    const bytes = await this.#old?.read(entry, offset, length)
    if (bytes?.length !== length) throw changedError(entry.path)
    return bytes
  }

  async #readPiece(piece: Piece): Promise<Uint8Array> {
    const entry = this.#entry(piece.index)
    const bytes = await this.#target.contents.read(entry, piece.offset, piece.length)
    const isWhole = piece.length === entry.size
    if (bytes.length !== piece.length || (isWhole && hash('sha256', bytes, 'hex') !== entry.sha256)) {
      throw changedError(entry.path)
    }
    return bytes
  }

  #entry(index: number): FileEntry {
    return this.#target.manifest.entries[index] as FileEntry
  }

  #oldEntry(index: number): FileEntry {
    return this.#base?.manifest.entries[index] as FileEntry
  }
}

function groupOf(plan: GroupPlan, frame: Uint8Array): PackGroup {
  const { method, rawLength, ranges } = plan
  return { method, rawLength, frameLength: frame.length, ranges }
}

function asChanged(error: unknown): never {
  if (error instanceof ChasquiError && error.cause instanceof DriftedFiles) {
    throw changedError(error.cause.paths.join(', '))
  }
  throw error
}
