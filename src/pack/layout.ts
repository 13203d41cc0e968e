// The frame of a pack file (FORMAT 4.1): magic, groups back to back, index, trailer. And where a pack is read from.
import { createHash } from 'node:crypto'
import { ChasquiError } from '../errors.ts'
import { type Manifest, manifestRoot } from '../release/manifest.ts'
import { damaged } from './bytes.ts'
import { decodeIndex, readRoots } from './index-decode.ts'
import type { PackLimits } from './limits.ts'
import type { PackIndex } from './pack-index.ts'
import { decompressWhole, makeDictionary } from './zstd.ts'

export const MAGIC = Buffer.from('CHASQPK1')
const INDEX_MAGIC = Buffer.from('CHASQIX1')
const TRAILER_LENGTH = 16

/** A pack wherever it is: a local file or an entry of a feed. Reading never waits for the network. */
export interface PackSource {
  /** bytes */
  size: number
  read(position: number, length: number): Promise<Uint8Array>
}

/** What a signed release says about a pack. */
export interface PackIdentity {
  sha256: string
  bytes: number
}

/** The end of a pack: the bytes of its index as stored and as decoded. FORMAT 4.1. */
export function trailer(indexLength: number, rawLength: number): Uint8Array {
  const bytes = Buffer.alloc(TRAILER_LENGTH)
  bytes.writeUInt32LE(indexLength, 0)
  bytes.writeUInt32LE(rawLength, 4)
  INDEX_MAGIC.copy(bytes, 8)
  return bytes
}

/** Both sides use the base's paths as dictionary of the index: new paths resemble old ones. */
export function indexDictionary(base: Manifest | null): Uint8Array {
  return base === null ? new Uint8Array() : makeDictionary([pathList(base)])
}

function pathList(base: Manifest): Uint8Array {
  return Buffer.from(base.entries.map((entry) => `${entry.path}\n`).join(''))
}

const HASH_CHUNK = 1024 * 1024 // bytes

/** Reads the whole pack once. Throws PACK_DAMAGED when its length or hash is not the signed one. */
export async function checkPackBytes(source: PackSource, identity: PackIdentity): Promise<void> {
  if (source.size !== identity.bytes)
    throw damaged(`it has ${source.size} bytes in place of ${identity.bytes}`)
  const sha256 = createHash('sha256')
  for (let position = 0; position < source.size; position += HASH_CHUNK) {
    const length = Math.min(HASH_CHUNK, source.size - position)
    sha256.update(await readExactly(source, position, length))
  }
  if (sha256.digest('hex') !== identity.sha256) throw damaged('its hash is not the signed one')
}

/** Exactly `length` bytes; PACK_DAMAGED when the source has fewer. */
export async function readExactly(source: PackSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = await source.read(position, length)
  if (bytes.length !== length) throw damaged('it ends too early')
  return bytes
}

/** Reads and checks the index of a pack. Throws PACK_DAMAGED, PACK_LIMIT, PACK_WRONG_BASE, PATH_*. */
export async function readIndex(
  source: PackSource,
  base: Manifest | null,
  limits: PackLimits
): Promise<PackIndex> {
  if (source.size < MAGIC.length + TRAILER_LENGTH) throw damaged('it is too short')
  if (!MAGIC.equals(await readExactly(source, 0, MAGIC.length))) throw damaged('it is not a pack')
  const end = Buffer.from(await readExactly(source, source.size - TRAILER_LENGTH, TRAILER_LENGTH))
  if (!INDEX_MAGIC.equals(end.subarray(8))) throw damaged('its end is not that of a pack')
  const [length, rawLength] = [end.readUInt32LE(0), end.readUInt32LE(4)]
  if (length > source.size - MAGIC.length - TRAILER_LENGTH) throw damaged('its index is longer than the pack')
  if (rawLength > limits.indexBytes) {
    throw new ChasquiError('PACK_LIMIT', `the index of the pack claims ${rawLength} bytes`)
  }
  const frame = await readExactly(source, source.size - TRAILER_LENGTH - length, length)
  const raw = await decompressWhole(frame, indexDictionary(base), rawLength)
  checkBase(raw, base)
  const index = decodeIndex(raw, base, limits)
  const groupBytes = index.groups.reduce((sum, group) => sum + group.frameLength, 0)
  if (MAGIC.length + groupBytes + length + TRAILER_LENGTH !== source.size) {
    throw damaged('its parts do not add up to its length')
  }
  return index
}

function checkBase(raw: Uint8Array, base: Manifest | null): void {
  const { baseRoot } = readRoots(raw)
  if (baseRoot === (base === null ? null : manifestRoot(base))) return
  throw new ChasquiError('PACK_WRONG_BASE', 'the pack builds on another release than the one that is here', {
    hint: 'choose the pack for the installed release, or a full one'
  })
}

/** A pack in memory. */
export function bytesSource(bytes: Uint8Array): PackSource {
  return {
    size: bytes.length,
    read: async (position, length) => bytes.subarray(position, position + length)
  }
}
