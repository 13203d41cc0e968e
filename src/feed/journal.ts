// The exact blocks of one publish, in a synced file before the first of them is appended. Whatever happens after that,
// the same blocks are appended in the end, so that a peer that has seen some of them never sees others: no fork.
//   file = "CHQJ" u8:1 · u32le n · n bytes of JSON head · blocks, each u32le length + bytes, blobs first, then db · SHA-256
import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import type { FileReader, FileSystem } from '../system/file-system.ts'

const MAGIC = Buffer.from('CHQJ\x01', 'latin1')
const HEAD_LIMIT = 4 * 1024 * 1024 // bytes
const BLOCK_LIMIT = 15 * 1024 * 1024 // bytes, Hypercore's own
const HASH_SIZE = 32 // bytes
const READ_SIZE = 1024 * 1024 // bytes

const part = z.strictObject({ start: z.int().nonnegative(), blocks: z.int().nonnegative() })
const headFormat = z.strictObject({
  /** db core key, hex */
  feed: z.string().regex(/^[0-9a-f]{64}$/),
  blobs: part,
  db: part,
  /** blobs blocks that nobody needs after it: offset and length of each run */
  free: z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()])).optional()
})
/** Which blocks of which cores the journal holds, and which ones go. */
export type JournalHead = z.infer<typeof headFormat>

/** Writes the journal and syncs it and its name. The blocks come in order: blobs, then db. */
export async function writeJournal(
  fs: FileSystem,
  path: string,
  head: JournalHead,
  blocks: AsyncIterable<Uint8Array>
): Promise<void> {
  const hash = createHash('sha256')
  const file = await fs.createFile(path, 0o600)
  const write = (bytes: Uint8Array) => {
    hash.update(bytes)
    return file.write(bytes)
  }
  try {
    const text = Buffer.from(JSON.stringify(headFormat.parse(head)))
    await write(Buffer.concat([MAGIC, size(text), text]))
    for await (const block of blocks) await write(Buffer.concat([size(block), block]))
    await file.write(hash.digest())
    await file.sync()
  } finally {
    await file.close()
  }
  await fs.syncDirectory(dirname(path))
}

function size(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32LE(bytes.length)
  return prefix
}

export interface Journal {
  head: JournalHead
  /** The blocks in order, from the first of blobs to the last of db. */
  blocks(): AsyncGenerator<Uint8Array>
  close(): Promise<void>
}

/** Opens a journal that was written whole; null when there is none, or when it was cut before it was synced. */
export async function openJournal(fs: FileSystem, path: string): Promise<Journal | null> {
  const found = await fs.stat(path)
  if (found === null) return null
  const reader = await fs.openFile(path)
  try {
    if (await isWhole(reader, found.size)) return await readHead(reader)
  } catch (error) {
    await reader.close()
    throw error
  }
  await reader.close()
  return null
}

async function isWhole(reader: FileReader, length: number): Promise<boolean> {
  const end = length - HASH_SIZE
  if (end < MAGIC.length) return false
  const hash = createHash('sha256')
  for (let at = 0; at < end; ) {
    const bytes = await reader.read(at, Math.min(READ_SIZE, end - at))
    if (bytes.length === 0) return false
    hash.update(bytes)
    at += bytes.length
  }
  return hash.digest().equals(await reader.read(end, HASH_SIZE))
}

async function readHead(reader: FileReader): Promise<Journal> {
  const prefix = Buffer.from(await reader.read(0, MAGIC.length + 4))
  const length = prefix.readUInt32LE(MAGIC.length)
  if (!prefix.subarray(0, MAGIC.length).equals(MAGIC) || length > HEAD_LIMIT) {
    throw new ChasquiError('HOME_DAMAGED', 'the publish journal has an unknown format')
  }
  const text = Buffer.from(await reader.read(prefix.length, length)).toString('utf8')
  const head = headFormat.parse(JSON.parse(text))
  return {
    head,
    blocks: () => readBlocks(reader, prefix.length + length, head.blobs.blocks + head.db.blocks),
    close: () => reader.close()
  }
}

async function* readBlocks(reader: FileReader, start: number, count: number): AsyncGenerator<Uint8Array> {
  let at = start
  for (let i = 0; i < count; i++) {
    const length = Buffer.from(await reader.read(at, 4)).readUInt32LE()
    if (length > BLOCK_LIMIT) throw new ChasquiError('HOME_DAMAGED', 'the publish journal is damaged')
    yield await reader.read(at + 4, length)
    at += 4 + length
  }
}
