// Finds how new bytes come from old ones although many of them differ a little, as in programs whose addresses moved
// (after Percival's bsdiff: approximate matches, differences and literals; seeds by hashes of 16 bytes in place of a
// suffix array; differences as 32-bit fields). Pure computation on buffers; it runs in a worker thread.

/** A patch taken apart into streams that compress well on their own (FORMAT 4.6). All numbers are varints. */
export interface PatchStreams {
  literalLengths: Uint8Array
  copyLengths: Uint8Array
  /** signed: how far the old position lies from where the last copy would go on */
  seeks: Uint8Array
  /** equal bytes between two fields, counted through all copies */
  gaps: Uint8Array
  /** signed: new minus old of a 32-bit little-endian field, or of one byte where a copy has fewer than 4 left */
  fields: Uint8Array
  literals: Uint8Array
}

const SEED = 16 // bytes that are hashed
const SEED_STEP = 8 // bytes between two seeds of the old content
const MATCH = 24 // bytes that must be equal for a copy to start
const GIVE_UP_BACK = 32 // how far a copy may get worse before its end is sought no further
const GIVE_UP_AHEAD = 64
const LOOK_BACK = 4096 // bytes

/** The patch from `old` to `fresh`. */
export function matchPatch(old: Uint8Array, fresh: Uint8Array): PatchStreams {
  const seeds = indexSeeds(old)
  const writer = new PatchWriter(old, fresh)
  const view = viewOf(fresh)
  const last = fresh.length - MATCH
  for (let position = 0; position <= last; ) {
    const candidate = seeds.table[seedHash(view, position, seeds.shift)] as number
    if (candidate < 0 || !isMatch(old, candidate, fresh, position)) {
      position++
      continue
    }
    const before = extendBack(old, candidate, fresh, position, writer.written)
    const length = MATCH + extendAhead(old, candidate + MATCH, fresh, position + MATCH)
    writer.copy(position - before, before + length, candidate - before)
    position += length
  }
  return writer.finish()
}

function indexSeeds(old: Uint8Array): { table: Int32Array; shift: number } {
  const log = Math.max(10, Math.min(24, Math.ceil(Math.log2(old.length / SEED_STEP + 1)) + 1))
  const table = new Int32Array(2 ** log).fill(-1)
  const shift = 32 - log
  const view = viewOf(old)
  for (let i = 0; i + SEED <= old.length; i += SEED_STEP) table[seedHash(view, i, shift)] = i
  return { table, shift }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function seedHash(view: DataView, position: number, shift: number): number {
  let mixed =
    Math.imul(view.getInt32(position, true), 0x9e3779b1) ^
    Math.imul(view.getInt32(position + 4, true), 0x85ebca77) ^
    Math.imul(view.getInt32(position + 8, true), 0xc2b2ae3d) ^
    Math.imul(view.getInt32(position + 12, true), 0x27d4eb2f)
  mixed ^= mixed >>> 15
  mixed = Math.imul(mixed, 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 13)) >>> shift
}

function isMatch(old: Uint8Array, at: number, fresh: Uint8Array, position: number): boolean {
  if (at + MATCH > old.length) return false
  for (let i = 0; i < MATCH; i++) if (old[at + i] !== fresh[position + i]) return false
  return true
}

/** Bytes before the match that are more alike than not, back to `floor` at most. */
function extendBack(old: Uint8Array, at: number, fresh: Uint8Array, position: number, floor: number): number {
  const limit = Math.min(position - floor, at, LOOK_BACK)
  let score = 0
  let best = 0
  let length = 0
  for (let i = 1; i <= limit; i++) {
    score += fresh[position - i] === old[at - i] ? 1 : -1
    if (score > best) {
      best = score
      length = i
    } else if (score < best - GIVE_UP_BACK) break
  }
  return length
}

function extendAhead(old: Uint8Array, at: number, fresh: Uint8Array, position: number): number {
  const limit = Math.min(fresh.length - position, old.length - at)
  let score = 0
  let best = 0
  let length = 0
  for (let i = 0; i < limit; i++) {
    score += fresh[position + i] === old[at + i] ? 1 : -1
    if (score >= best) {
      best = score
      length = i + 1
    } else if (score < best - GIVE_UP_AHEAD) break
  }
  return length
}

class PatchWriter {
  readonly #old: Uint8Array
  readonly #fresh: Uint8Array
  readonly #oldView: DataView
  readonly #freshView: DataView
  readonly #literalLengths = new VarintColumn()
  readonly #copyLengths = new VarintColumn()
  readonly #seeks = new VarintColumn()
  readonly #gaps = new VarintColumn()
  readonly #fields = new VarintColumn()
  readonly #literals: Uint8Array[] = []
  #alignment = 0
  #gap = 0
  /** bytes of the new content that are accounted for */
  written = 0

  constructor(old: Uint8Array, fresh: Uint8Array) {
    this.#old = old
    this.#fresh = fresh
    this.#oldView = viewOf(old)
    this.#freshView = viewOf(fresh)
  }

  copy(position: number, length: number, at: number): void {
    this.#literalLengths.unsigned(position - this.written)
    this.#literals.push(this.#fresh.subarray(this.written, position))
    this.#copyLengths.unsigned(length)
    this.#seeks.signed(at - position - this.#alignment)
    this.#alignment = at - position
    this.#writeFields(position, length, at)
    this.written = position + length
  }

  #writeFields(position: number, length: number, at: number): void {
    let equalFrom = 0
    for (let i = 0; i < length; ) {
      if (this.#fresh[position + i] === this.#old[at + i]) {
        i++
        continue
      }
      this.#gaps.unsigned(this.#gap + i - equalFrom)
      this.#gap = 0
      i += this.#writeField(position + i, at + i, length - i)
      equalFrom = i
    }
    this.#gap += length - equalFrom
  }

  #writeField(position: number, at: number, left: number): number {
    if (left < 4) {
      this.#fields.signed((((this.#fresh[position] as number) - (this.#old[at] as number)) << 24) >> 24)
      return 1
    }
    this.#fields.signed((this.#freshView.getInt32(position, true) - this.#oldView.getInt32(at, true)) | 0)
    return 4
  }

  finish(): PatchStreams {
    this.#literals.push(this.#fresh.subarray(this.written))
    return {
      literalLengths: this.#literalLengths.finish(),
      copyLengths: this.#copyLengths.finish(),
      seeks: this.#seeks.finish(),
      gaps: this.#gaps.finish(),
      fields: this.#fields.finish(),
      literals: join(this.#literals)
    }
  }
}

/** One array with memory of its own, so that it can be handed to another thread. */
function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let position = 0
  for (const part of parts) {
    joined.set(part, position)
    position += part.length
  }
  return joined
}

/** A growing column of varints, as ByteWriter writes them, for millions of small numbers. */
class VarintColumn {
  #bytes = new Uint8Array(4096)
  #length = 0

  unsigned(value: number): void {
    if (this.#length + 8 > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value)
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}
