// A second reader of records (docs/FORMAT.md 10.1, 10.3) and of their files on a stick (12.5), written from that text with
// libsodium. It shares no code with src; memberships are not judged.
import sodium from 'sodium-native'
import { demand, refuse } from './refused.ts'
import { Bytes } from './uint.ts'

const TYPES = ['report', 'address', 'head', 'root', 'evidence']
const DAMAGED = 'RECORD_INVALID'

function blake2b(length: number, ...parts: Uint8Array[]): Buffer {
  const hash = Buffer.alloc(length)
  sodium.crypto_generichash(hash, Buffer.concat(parts))
  return hash
}

export interface ReadRecord {
  key: string
  mark: string
  type: string
  epoch: number
  sequence: number
  at: number
}

/** FORMAT 10.1 */
export function readRecord(given: Uint8Array): ReadRecord {
  demand(given.length <= 98_304, DAMAGED)
  const bytes = new Bytes(given, DAMAGED)
  demand(bytes.uint() === 1, DAMAGED)
  const type = TYPES[bytes.uint() - 1] ?? refuse(DAMAGED)
  const author = bytes.fixed(32)
  demand(bytes.buffer().length <= 16_384, DAMAGED)
  const [epoch, sequence, seconds] = [bytes.uint(), bytes.uint(), bytes.uint()]
  demand(bytes.buffer().length <= 8192, DAMAGED)
  demand(bytes.buffer().length <= 65_536, DAMAGED)
  const message = Buffer.concat([Buffer.from('chasqui/record/1\0'), given.subarray(0, bytes.at)])
  const signature = bytes.fixed(64)
  bytes.end()
  demand(sodium.crypto_sign_verify_detached(signature, message, author), DAMAGED)
  // FORMAT 10.3
  const key = blake2b(16, Buffer.from(`${type}\0`), author).toString('hex', 0, 8)
  const mark = blake2b(16, given).toString('hex', 0, 8)
  return { key, mark, type, epoch, sequence, at: seconds * 1000 }
}

/** FORMAT 12.5 */
export function readRecordFile(file: Buffer): { records: string[]; damaged: boolean } {
  const records: string[] = []
  if (!file.subarray(0, 8).equals(Buffer.from('CHQREP\0\x02', 'latin1'))) return { records, damaged: true }
  let damaged = false
  for (let at = 8; at < file.length; ) {
    if (records.length === 4096) return { records, damaged: true }
    const length =
      file.toString('latin1', at, at + 4) === '\xffREC' && at + 16 <= file.length
        ? file.readUInt32LE(at + 4)
        : -1
    const record = file.subarray(at + 16, at + 16 + length)
    const isWhole = length > 0 && length <= 98_304 && record.length === length
    if (
      isWhole &&
      blake2b(32, record)
        .subarray(0, 8)
        .equals(file.subarray(at + 8, at + 16))
    ) {
      records.push(record.toString('hex'))
      at += 16 + length
      continue
    }
    damaged = true
    const next = file.indexOf('\xffREC', at + 1, 'latin1')
    at = next < 0 ? file.length : next
  }
  return { records, damaged }
}
