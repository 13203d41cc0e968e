// Every budget of packs in one place. What comes from outside is held against these before memory or disk is spent on it.
import { MANIFEST_LIMITS } from '../release/manifest.ts'

const MiB = 1024 * 1024

export interface PackLimits {
  /** files of a release */
  entries: number
  /** bytes of all files of a release */
  totalBytes: number
  /** bytes of the index, decompressed */
  indexBytes: number
  /** bytes of one group, decompressed */
  groupBytes: number
  /** bytes of one patched group, decompressed: it is never held in memory as a whole */
  patchedBytes: number
  /** bytes of the streams of one patched group, decompressed */
  patchBytes: number
  /** bytes of old content that one group builds on */
  dictionaryBytes: number
  /** groups of a pack */
  groups: number
  /** ranges of old content of a pack */
  ranges: number
}

export const PACK_LIMITS: PackLimits = {
  entries: MANIFEST_LIMITS.entries,
  totalBytes: 2 ** 40,
  indexBytes: 48 * MiB,
  groupBytes: 32 * MiB,
  patchedBytes: 256 * MiB,
  patchBytes: 32 * MiB,
  dictionaryBytes: 64 * MiB,
  groups: 100_000,
  ranges: 1_000_000
}
