// The second way to code a group (FORMAT 4.6): copies from old bytes with small differences, for programs. Here: its frame
// of six compressed streams, and the decoder, which reads the old bytes where they lie and keeps little in memory.
import { ChasquiError } from '../errors.ts'
import { ByteReader, ByteWriter, damaged } from './bytes.ts'
import type { PackLimits } from './limits.ts'
import type { PatchStreams } from './patch-match.ts'
import { compressFrame, decompressWhole, type Parameters } from './zstd.ts'

const STREAMS = ['literalLengths', 'copyLengths', 'seeks', 'gaps', 'fields', 'literals'] as const
const NO_DICTIONARY = new Uint8Array()

/** Each stream compressed by itself, with parameters for its length in bytes. */
export async function encodePatchFrame(
  streams: PatchStreams,
  parameters: (length: number) => Parameters
): Promise<Uint8Array> {
  const all = STREAMS.map((name) => streams[name])
  const packed = await Promise.all(
    all.map((stream) => compressFrame(stream, NO_DICTIONARY, parameters(stream.length)))
  )
  const head = new ByteWriter()
  for (const [i, stream] of all.entries()) {
    head.varint(stream.length)
    head.varint((packed[i] as Uint8Array).length)
  }
  return Buffer.concat([head.finish(), ...packed])
}

/** Throws PACK_DAMAGED, PACK_LIMIT. */
export async function decodePatchFrame(frame: Uint8Array, limits: PackLimits): Promise<PatchStreams> {
  const reader = new ByteReader(frame)
  const lengths = STREAMS.map(() => ({ raw: reader.varint(), packed: reader.varint() }))
  if (lengths.reduce((sum, { raw }) => sum + raw, 0) > limits.patchBytes) {
    throw new ChasquiError('PACK_LIMIT', 'the pack claims more bytes in one patch than is allowed')
  }
  const streams: Uint8Array[] = []
  for (const { raw, packed } of lengths) {
    streams.push(await decompressWhole(reader.raw(packed), NO_DICTIONARY, raw))
  }
  reader.end()
  return Object.fromEntries(STREAMS.map((name, i) => [name, streams[i]])) as unknown as PatchStreams
}

/** Old bytes by position; exactly `length` of them, or it throws. */
export interface OldBytes {
  length: number
  /** A buffer that the caller may change; the next call may use it again. */
  read(position: number, length: number): Promise<Buffer>
}

const COPY_CHUNK = 64 * 1024 // bytes

/** The new content in pieces, `rawLength` bytes together; each is good until the next is asked for. Throws PACK_DAMAGED. */
export async function* applyPatch(
  streams: PatchStreams,
  old: OldBytes,
  rawLength: number
): AsyncGenerator<Uint8Array> {
  const [literalLengths, copyLengths] = [
    new ByteReader(streams.literalLengths),
    new ByteReader(streams.copyLengths)
  ]
  const [seeks, literals] = [new ByteReader(streams.seeks), new ByteReader(streams.literals)]
  const fields = new FieldReader(streams)
  let position = 0
  let alignment = 0
  while (!literalLengths.done) {
    const [literal, length] = [literalLengths.varint(), copyLengths.varint()]
    alignment += seeks.signed()
    if (length === 0 || literal + length > rawLength - position) throw damaged('a patch in it is too long')
    if (literal > 0) yield literals.raw(literal)
    position += literal
    const end = position + length
    if (position + alignment < 0 || end + alignment > old.length) {
      throw damaged('a patch in it builds on bytes that are not there')
    }
    while (position < end) {
      const chunk = await copyChunk(old, position + alignment, end - position, fields)
      position += chunk.length
      yield chunk
    }
  }
  const rest = literals.raw(rawLength - position)
  if (rest.length > 0) yield rest
  for (const reader of [copyLengths, seeks, literals]) reader.end()
  fields.end()
}

async function copyChunk(old: OldBytes, at: number, left: number, fields: FieldReader): Promise<Uint8Array> {
  // a field of 4 bytes must not be cut by the end of a chunk: so the chunk ends where a field does not cross
  const chunk = await old.read(at, Math.min(left, COPY_CHUNK))
  return chunk.subarray(0, fields.apply(chunk, left))
}

class FieldReader {
  readonly #gaps: ByteReader
  readonly #fields: ByteReader
  /** equal bytes before the next field */
  #gap: number

  constructor(streams: PatchStreams) {
    this.#gaps = new ByteReader(streams.gaps)
    this.#fields = new ByteReader(streams.fields)
    this.#gap = this.#nextGap()
  }

  #nextGap(): number {
    return this.#gaps.done ? Number.POSITIVE_INFINITY : this.#gaps.varint()
  }

  /** Adds the fields that lie in a piece of a copy with `left` bytes to go; returns how much of the piece is done. */
  apply(chunk: Buffer, left: number): number {
    let position = 0
    while (position + this.#gap < chunk.length) {
      const at = position + this.#gap
      if (left - at >= 4 && chunk.length - at < 4) {
        this.#gap = 0
        return at
      }
      position = at + this.#add(chunk, at, left - at)
      this.#gap = this.#nextGap()
    }
    this.#gap -= chunk.length - position
    return chunk.length
  }

  #add(chunk: Buffer, at: number, left: number): number {
    const difference = this.#fields.signed()
    if (difference < -(2 ** 31) || difference >= 2 ** 31)
      throw damaged('a patch in it has a field out of range')
    if (left < 4) {
      chunk[at] = ((chunk[at] as number) + difference) & 0xff
      return 1
    }
    chunk.writeInt32LE((chunk.readInt32LE(at) + difference) | 0, at)
    return 4
  }

  end(): void {
    if (this.#gap !== Number.POSITIVE_INFINITY) throw damaged('a patch in it has fields after its end')
    this.#gaps.end()
    this.#fields.end()
  }
}
