// Zstandard as packs use it (FORMAT 4.3): one frame per group with old bytes as a raw dictionary. Compression runs in
// Node's thread pool, so that two groups use two cores. Decompression is streamed and stops at the declared length.
import { promisify } from 'node:util'
import { constants, createZstdDecompress, zstdCompress, zstdDecompress } from 'node:zlib'
import { damaged } from './bytes.ts'

const compressAsync = promisify(zstdCompress)
const decompressAsync = promisify(zstdDecompress)

/** Stands before all dictionary content: raw content must never look like a trained dictionary, whatever a file begins with. */
const DICTIONARY_PREFIX = Buffer.from('chasqui\0')

const WINDOW_LOG_MAX = 26 // 64 MiB: what a decoder must be able to hold

/** Frames below this many bytes are decoded in one call. */
const WHOLE_FRAME = 256 * 1024

export type Parameters = Record<number, number>

/** The dictionary of these old bytes; empty for none. */
export function makeDictionary(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 0 ? new Uint8Array() : Buffer.concat([DICTIONARY_PREFIX, ...parts])
}

/** One frame that says how many bytes it holds; an empty dictionary is none. */
export function compressFrame(
  content: Uint8Array,
  dictionary: Uint8Array,
  parameters: Parameters
): Promise<Uint8Array> {
  return compressAsync(content, {
    params: { ...parameters, [constants.ZSTD_c_contentSizeFlag]: 1, [constants.ZSTD_c_checksumFlag]: 0 },
    pledgedSrcSize: content.length,
    ...(dictionary.length === 0 ? {} : { dictionary })
  })
}

/** The frame's content in pieces; together they are exactly `rawLength` bytes. Throws PACK_DAMAGED. */
export async function* decompressFrame(
  frame: Uint8Array,
  dictionary: Uint8Array,
  rawLength: number
): AsyncGenerator<Uint8Array> {
  let length = 0
  try {
    for await (const chunk of pieces(frame, dictionary, rawLength)) {
      length += chunk.length
      if (length > rawLength) break
      yield chunk
    }
  } catch (cause) {
    if (!isZstdError(cause)) throw cause
    throw damaged('a compressed part of it cannot be read', cause)
  }
  if (length !== rawLength) throw damaged('a compressed part of it has another length than it says')
}

function pieces(
  frame: Uint8Array,
  dictionary: Uint8Array,
  rawLength: number
): AsyncIterable<Uint8Array> | Iterable<Promise<Uint8Array>> {
  const options = {
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    ...(dictionary.length === 0 ? {} : { dictionary })
  }
  if (rawLength <= WHOLE_FRAME) {
    return [decompressAsync(frame, { ...options, maxOutputLength: Math.max(rawLength, 1) })]
  }
  const stream = createZstdDecompress({ ...options, chunkSize: 256 * 1024 })
  stream.end(frame)
  return stream
}

/** The whole content of a small frame. Throws PACK_DAMAGED. */
export async function decompressWhole(
  frame: Uint8Array,
  dictionary: Uint8Array,
  rawLength: number
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of decompressFrame(frame, dictionary, rawLength)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function isZstdError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? ''
  return code.startsWith('ZSTD_') || code.startsWith('ERR_') || code === 'Z_BUF_ERROR'
}
