// Writing and reading of the small binary encodings that packs are made of (FORMAT 4.2): unsigned varints in their
// shortest form, signed ones in zigzag, and byte strings. Reading refuses whatever writing would not produce.
import { ChasquiError } from '../errors.ts'

export class ByteWriter {
  #bytes = Buffer.alloc(1024)
  #length = 0

  /** An unsigned integer up to 2^53-1, seven bits at a time, lowest first. */
  varint(value: number): void {
    let rest = value
    this.#reserve(8)
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  /** A signed integer: 0, -1, 1, -2, 2 … become 0, 1, 2, 3, 4 … */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Length, then the bytes. */
  string(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + length))
    larger.set(this.finish())
    this.#bytes = larger
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#position === this.#bytes.length
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#position++]
      if (byte === undefined || scale > 2 ** 49) throw damaged('a number in it is cut or too large')
      value += (byte & 0x7f) * scale
      if (byte >= 0x80) continue
      if (byte === 0 && scale > 1) throw damaged('a number in it is not in its shortest form')
      if (!Number.isSafeInteger(value)) throw damaged('a number in it is too large')
      return value
    }
  }

  signed(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  raw(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#position) throw damaged('it ends too early')
    this.#position += length
    return this.#bytes.subarray(this.#position - length, this.#position)
  }

  string(): Uint8Array {
    return this.raw(this.varint())
  }

  /** Throws PACK_DAMAGED when something is left. */
  end(): void {
    if (!this.done) throw damaged('it has bytes that belong to nothing')
  }
}

/** PACK_DAMAGED with the reason. */
export function damaged(why: string, cause?: unknown): ChasquiError {
  return new ChasquiError('PACK_DAMAGED', `the pack is damaged: ${why}`, {
    cause,
    hint: 'fetch it again, from another peer or another stick'
  })
}
