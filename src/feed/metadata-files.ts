// Signed metadata in the feed: stored zstd-compressed under its own name, because a large fleet's snapshot and channels
// shrink to a tenth; hashes and signatures cover the decompressed bytes. FORMAT 8.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { ChasquiError } from '../errors.ts'

const LEVEL = 19
/** A compressed file may be larger than the raw one by this much at most. */
export const COMPRESSION_OVERHEAD = 1024 // bytes

/** Is the file at this drive path (with its leading slash) stored compressed? */
export function isCompressed(path: string): boolean {
  return path.startsWith('/tuf/') || path.startsWith('/fleet/') || path === '/channels.json'
}

/** Always the same bytes for the same input. */
export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } })
}

/** Throws FILE_TOO_LARGE when there is more than `limit` bytes in it, FEED_DAMAGED. */
export function decompress(path: string, stored: Uint8Array, limit: number): Uint8Array {
  try {
    return zstdDecompressSync(stored, { maxOutputLength: limit })
  } catch (cause) {
    const isLarge = (cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
    const why = isLarge ? `is larger than ${limit} bytes` : 'is not compressed as it should be'
    throw new ChasquiError(isLarge ? 'FILE_TOO_LARGE' : 'FEED_DAMAGED', `${path} in the feed ${why}`, {
      cause
    })
  }
}
