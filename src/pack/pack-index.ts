// The index of a pack as data (FORMAT 4.4): the target's files, where each content comes from, and the groups. Hashes of
// coded files do not travel: the decoder computes them, and the signed root holds them all together.

/** Where the content of a target file comes from. */
export type ContentOrigin =
  | { from: 'base'; index: number } // entry of the base
  | { from: 'target'; index: number } // earlier entry of the target, itself coded or patched
  | { from: 'coded' } // the pack's groups, first part
  | { from: 'patched' } // the pack's groups, second part

export interface PlannedFile {
  path: string
  kind: 'file' | 'symlink'
  executable: boolean
  size: number
  origin: ContentOrigin
}

/** Old bytes that a group builds on: a part of one entry of the base. */
export interface BaseRange {
  index: number
  offset: number
  length: number
}

/** How a group's content is coded: zstd over a dictionary of old bytes, or a patch of them. */
export type GroupMethod = 'zstd' | 'patch'

export interface PackGroup {
  method: GroupMethod
  /** bytes of coded content in this group */
  rawLength: number
  /** bytes of its frame in the pack */
  frameLength: number
  ranges: BaseRange[]
}

export interface PackIndex {
  /** root hash of the target, hex */
  root: string
  /** root hash of the base, hex; null in a full pack */
  baseRoot: string | null
  files: PlannedFile[]
  groups: PackGroup[]
}

/** Codes of the operations on the base's entries. */
export const OPERATIONS = { keep: 0, drop: 1, change: 2, add: 3 } as const
/** In the order of their numbers. */
export const TYPES = ['file', 'executable', 'symlink'] as const
export const METHODS: readonly GroupMethod[] = ['zstd', 'patch']
/** Numbers that methods may have: those beyond METHODS are for later versions. */
export const METHOD_SPACE = 4
export const ORIGINS = ['coded', 'base', 'target', 'patched'] as const

/** Numbers of the files whose content is in the groups, in the order of the content: the coded ones, then the patched. */
export function contentOrder(files: readonly PlannedFile[]): number[] {
  const numbersOf = (from: string) =>
    files.flatMap((file, number) => (file.origin.from === from ? [number] : []))
  return [...numbersOf('coded'), ...numbersOf('patched')]
}
