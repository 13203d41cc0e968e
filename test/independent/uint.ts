// compact-encoding as docs/FORMAT.md 9 and 12 describe it: numbers in their shortest form, and what is built of them.
import { demand, refuse } from './refused.ts'

export class Bytes {
  readonly #bytes: Buffer
  readonly #code: string
  at = 0
  constructor(bytes: Uint8Array, code: string) {
    this.#bytes = Buffer.from(bytes)
    this.#code = code
  }
  fixed(length: number): Buffer {
    demand(this.at + length <= this.#bytes.length, this.#code)
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }
  uint(): number {
    const first = this.fixed(1).readUInt8()
    if (first < 253) return first
    const width = first === 253 ? 2 : first === 254 ? 4 : 8
    const wide = this.fixed(width)
    const value = width === 8 ? Number(wide.readBigUInt64LE()) : wide.readUIntLE(0, width)
    const least = width === 2 ? 253 : width === 4 ? 2 ** 16 : 2 ** 32
    if (value < least || !Number.isSafeInteger(value)) return refuse(this.#code)
    return value
  }
  buffer = () => this.fixed(this.uint())
  end(): void {
    demand(this.at === this.#bytes.length, this.#code)
  }
}
