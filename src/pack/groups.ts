// Cuts the content of a pack into groups: small files together, a large file in segments, each group with the old bytes
// that help it. Decides nothing about bytes, only about which of them go together.
import type { FileEntry, Manifest } from '../release/manifest.ts'
import type { MatchedFile } from './match.ts'
import type { BaseRange, GroupMethod } from './pack-index.ts'

/** A part of a target file. */
export interface Piece {
  /** entry of the target */
  index: number
  offset: number
  length: number
}

export interface GroupPlan {
  method: GroupMethod
  pieces: Piece[]
  ranges: BaseRange[]
  rawLength: number
}

export interface GroupSizes {
  /** bytes of new content in one group */
  group: number
  /** bytes of old content for one group */
  dictionary: number
  /** bytes of old content before and after the place of a segment */
  margin: number
}

export interface GroupRequest {
  /** what goes into groups, in the order of the content */
  pieces: readonly Piece[]
  /** one per target entry */
  files: readonly MatchedFile[]
  base: Manifest | null
  method: GroupMethod
  sizes: GroupSizes
}

/** Groups in the order of the content. */
export function planGroups({ pieces, files, base, method, sizes }: GroupRequest): GroupPlan[] {
  const groups: GroupPlan[] = []
  let open = new GroupBuilder(method)
  const close = () => {
    if (open.rawLength > 0) groups.push(open.finish())
    open = new GroupBuilder(method)
  }
  for (const piece of pieces) {
    if (piece.length === 0) continue
    const { file, resembles } = files[piece.index] as MatchedFile
    const oldSize = resembles === null ? 0 : ((base as Manifest).entries[resembles] as FileEntry).size
    if (open.rawLength + piece.length > sizes.group || open.dictionary + oldSize > sizes.dictionary) close()
    if (piece.length > sizes.group || oldSize > sizes.dictionary) {
      for (const part of segments(piece, sizes.group)) {
        open.add(part)
        if (resembles !== null) open.addRange(aroundPlace(part, file.size, resembles, oldSize, sizes))
        close()
      }
    } else {
      open.add(piece)
      if (resembles !== null) open.addRange({ index: resembles, offset: 0, length: oldSize })
    }
  }
  close()
  return groups
}

class GroupBuilder {
  readonly #method: GroupMethod
  readonly #pieces: Piece[] = []
  readonly #ranges = new Map<number, BaseRange>()
  rawLength = 0
  dictionary = 0

  constructor(method: GroupMethod) {
    this.#method = method
  }

  add(piece: Piece): void {
    this.#pieces.push(piece)
    this.rawLength += piece.length
  }

  addRange(range: BaseRange): void {
    if (this.#ranges.has(range.index)) return
    this.#ranges.set(range.index, range)
    this.dictionary += range.length
  }

  finish(): GroupPlan {
    const [pieces, ranges] = [this.#pieces, [...this.#ranges.values()]]
    return { method: this.#method, pieces, ranges, rawLength: this.rawLength }
  }
}

/** A large piece in equal parts. */
function segments(piece: Piece, limit: number): Piece[] {
  const length = Math.ceil(piece.length / Math.ceil(piece.length / limit))
  return Array.from({ length: Math.ceil(piece.length / length) }, (_, i) => ({
    index: piece.index,
    offset: piece.offset + i * length,
    length: Math.min(length, piece.length - i * length)
  }))
}

/** The old bytes around the same relative place. */
function aroundPlace(
  piece: Piece,
  size: number,
  index: number,
  oldSize: number,
  sizes: GroupSizes
): BaseRange {
  const scale = oldSize / size
  const wanted = Math.min(sizes.dictionary, Math.ceil(piece.length * scale) + 2 * sizes.margin, oldSize)
  const middle = (piece.offset + piece.length / 2) * scale
  const offset = Math.max(0, Math.min(oldSize - wanted, Math.floor(middle - wanted / 2)))
  return { index, offset, length: wanted }
}
