// Numbers, zstd frames and patches of a pack, for the second reader: docs/FORMAT.md 4.2, 4.3 and 4.6 alone.
import { constants, zstdDecompressSync } from 'node:zlib'

export class Column {
  bytes: Buffer
  at = 0
  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new Error('too short')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
  // FORMAT 4.2
  varint(): number {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.take(1)[0] as number
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(value)
    }
  }
  signed(): number {
    const value = this.varint()
    return value & 1 ? -(value + 1) / 2 : value / 2
  }
  column(): Column {
    return new Column(this.take(this.varint()))
  }
  get more(): boolean {
    return this.at < this.bytes.length
  }
}

// FORMAT 4.3
export function unzstd(frame: Buffer, dictionary: Buffer[] | null, length: number): Buffer {
  const options = { params: { [constants.ZSTD_d_windowLogMax]: 26 }, maxOutputLength: Math.max(1, length) }
  const bytes =
    dictionary === null
      ? zstdDecompressSync(frame, options)
      : zstdDecompressSync(frame, {
          ...options,
          dictionary: Buffer.concat([Buffer.from('chasqui\0'), ...dictionary])
        })
  if (bytes.length !== length) throw new Error('another length')
  return bytes
}

// FORMAT 4.6
export function patch(frame: Buffer, old: Buffer, length: number): Buffer {
  const head = new Column(frame)
  const lengths = [0, 1, 2, 3, 4, 5].map(() => [head.varint(), head.varint()] as const)
  const streams = lengths.map(([raw, packed]) => new Column(unzstd(head.take(packed), null, raw)))
  const [literalLengths, copyLengths, seeks, gaps, fields, literals] = streams as [
    Column,
    Column,
    Column,
    Column,
    Column,
    Column
  ]
  const out = Buffer.alloc(length)
  let [position, alignment] = [0, 0]
  let gap = gaps.more ? gaps.varint() : -1
  while (literalLengths.more) {
    const literal = literals.take(literalLengths.varint())
    out.set(literal, position)
    position += literal.length
    let left = copyLengths.varint()
    alignment += seeks.signed()
    while (left > 0) {
      if (gap !== 0) {
        const equal = gap < 0 ? left : Math.min(gap, left)
        out.set(old.subarray(position + alignment, position + alignment + equal), position)
        position += equal
        left -= equal
        if (gap > 0) gap -= equal
      } else {
        const size = left >= 4 ? 4 : 1
        const field = old.subarray(position + alignment, position + alignment + size)
        const value = BigInt(fields.signed())
        if (size === 4)
          out.writeInt32LE(Number(BigInt.asIntN(32, BigInt(field.readInt32LE(0)) + value)), position)
        else out[position] = Number(BigInt.asUintN(8, BigInt(field[0] as number) + value))
        position += size
        left -= size
        gap = gaps.more ? gaps.varint() : -1
      }
    }
  }
  out.set(literals.take(length - position), position)
  return out
}
