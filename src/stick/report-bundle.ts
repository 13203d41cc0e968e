// The bytes of reports/<xx>.rep: records of many authors in frames. Each frame can be told from damage and found again after
// it, so that one bad byte costs one record. Bytes only, no I/O.
import { RECORD_LIMITS } from '../fleet/record.ts'
import { blake2b } from './tree.ts'

/** FORMAT 12.5 */
export const BUNDLE_LIMITS = {
  /** bytes of one file: at 10,000 branches one holds the records of about 40 */
  file: 64 * 1024 * 1024,
  /** records of one file: a fleet of 10,000 branches has about 200 there, its largest 240 */
  records: 4096,
  /** bytes that are hashed in search of the next frame after damage */
  search: 4 * 1024 * 1024
} as const

const MAGIC = Buffer.from('CHQREP\0\x02', 'latin1')
const MARK = Buffer.from('\xffREC', 'latin1')
const CHECK = 8 // bytes of the record's hash
const HEADER = MARK.length + 4 + CHECK

export interface Bundle {
  records: Uint8Array[]
  /** some bytes are no frame, or too many are: cut off, changed, or filled up by somebody */
  damaged: boolean
}

/** The bundle that holds an author's records (node key, hex). */
export function bundleOf(author: string): string {
  return `${author.slice(0, 2)}.rep`
}

/** What does not fit any more is left out. */
export function encodeBundle(records: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [MAGIC]
  let size = MAGIC.length
  for (const record of records.slice(0, BUNDLE_LIMITS.records)) {
    size += HEADER + record.length
    if (size > BUNDLE_LIMITS.file) break
    const length = Buffer.alloc(4)
    length.writeUInt32LE(record.length)
    parts.push(MARK, length, checkOf(record), record)
  }
  return Buffer.concat(parts)
}

/** Every record whose frame is whole; none when the file is something else. */
export function decodeBundle(bytes: Uint8Array): Bundle {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!buffer.subarray(0, MAGIC.length).equals(MAGIC)) return { records: [], damaged: true }
  const records: Uint8Array[] = []
  let damaged = false
  let searched = 0
  for (let at = MAGIC.length; at < buffer.length && searched <= BUNDLE_LIMITS.search; ) {
    const record = frameAt(buffer, at)
    if (records.length === BUNDLE_LIMITS.records) return { records, damaged: true }
    if (record !== null && checkOf(record).equals(buffer.subarray(at + HEADER - CHECK, at + HEADER))) {
      records.push(record)
      at += HEADER + record.length
      continue
    }
    damaged = true
    searched += HEADER + (record?.length ?? 0)
    const next = buffer.indexOf(MARK, at + 1)
    at = next === -1 ? buffer.length : next
  }
  return { records, damaged }
}

/** What a frame at `at` would hold; null when there is none. */
function frameAt(buffer: Buffer, at: number): Buffer | null {
  if (at + HEADER > buffer.length || !buffer.subarray(at, at + MARK.length).equals(MARK)) return null
  const length = buffer.readUInt32LE(at + MARK.length)
  const start = at + HEADER
  return length === 0 || length > RECORD_LIMITS.total || start + length > buffer.length
    ? null
    : buffer.subarray(start, start + length)
}

function checkOf(record: Uint8Array): Buffer {
  return Buffer.from(blake2b([record])).subarray(0, CHECK)
}
