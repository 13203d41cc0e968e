// How hard and in what portions packs are compressed: numbers that were measured (docs/decisions/0101), sized to the input
// so that the encoder stays within its memory. Nothing here is part of the format.
import { constants } from 'node:zlib'
import type { GroupSizes } from './groups.ts'
import type { GroupMethod } from './pack-index.ts'
import type { Parameters } from './zstd.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** Bytes that all groups in work may take together. */
export const ENCODER_MEMORY = 720 * MiB

/** Files that are patched, not just compressed: programs and other binary data with a base, from this size on. */
export const PATCH_FROM = 16 * KiB
/** A patch with more bytes in its streams than this is given up for plain compression. */
export const PATCH_STREAMS = 24 * MiB

const SIZES: Record<GroupMethod | 'full', GroupSizes> = {
  zstd: { group: 24 * MiB, dictionary: 32 * MiB, margin: 4 * MiB },
  patch: { group: 128 * MiB, dictionary: 160 * MiB, margin: 16 * MiB },
  full: { group: 32 * MiB, dictionary: 0, margin: 0 }
}

/** How much new content goes into a group, and how much of the old beside it. */
export function groupSizes(method: GroupMethod, isDelta: boolean): GroupSizes {
  return isDelta ? SIZES[method] : SIZES.full
}

/** Parameters for `raw` new bytes on `dictionary` old ones. The tree of matches must reach over the whole dictionary. */
export function zstdParameters(raw: number, dictionary: number): Parameters {
  const window = Math.max(10, log2(raw))
  return {
    [constants.ZSTD_c_compressionLevel]: 19,
    [constants.ZSTD_c_windowLog]: window,
    [constants.ZSTD_c_hashLog]: clamp(log2(raw + dictionary) - 2, 10, 22),
    [constants.ZSTD_c_chainLog]: clamp(log2(Math.max(raw, dictionary)) + 1, 10, dictionary > 0 ? 26 : 25),
    // with a dictionary most matches are found at once: a shorter search costs 1 % of the bytes and saves a third of the time
    ...(dictionary > 0 ? { [constants.ZSTD_c_searchLog]: 5 } : {})
  }
}

/** Bytes that a group takes while it is compressed (measured: tables of compressor and dictionary, and three copies). */
export function groupMemory(method: GroupMethod, raw: number, dictionary: number): number {
  if (method === 'patch') return raw + dictionary + 64 * MiB + raw / 4
  const parameters = zstdParameters(raw, dictionary)
  const hash = 2 ** (parameters[constants.ZSTD_c_hashLog] as number)
  const chain = 2 ** (parameters[constants.ZSTD_c_chainLog] as number)
  return 4 * (hash + chain) * (dictionary > 0 ? 2 : 1) + 3 * (raw + dictionary)
}

function log2(value: number): number {
  return Math.ceil(Math.log2(Math.max(value, 1)))
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value))
}
