// Writes one planned segment: temp → blocks in large sequential writes → table → footer → fsync → read back → rename →
// fsync of the folder. Nothing is renamed into place that was not read back from the medium and found right to the byte.

import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { BlockCore } from '../feed/block-core.ts'
import type { FileWriter } from '../system/file-system.ts'
import { stopIfCancelled } from './cancel.ts'
import { holdingsOf } from './feed-folder.ts'
import { makeStickFolder, openStickFile, type StickFolder } from './folder.ts'
import type { MarkedSegment } from './marker.ts'
import { onStick } from './on-stick.ts'
import {
  type CoreName,
  encodeFooter,
  encodeHeader,
  encodeTable,
  FOOTER_BYTES,
  type SegmentBlock
} from './segment.ts'
import type { SegmentPlan } from './segment-plan.ts'
import { leafHash } from './tree.ts'

/** bytes of one write: cheap sticks want few large ones */
const WRITE_SIZE = 4 * 1024 * 1024
const BLOCKS_AT_ONCE = 64

export interface SegmentTarget {
  folder: StickFolder
  fleet: Uint8Array
  /** key of the db core */
  feed: Uint8Array
  cores: ReadonlyMap<CoreName, BlockCore>
  signal: AbortSignal
  onBytes(bytes: number): void
}

/** Writes `plan` into the feed's folder; returns the file's name and the footer's hash (hex). */
export function writeSegment(target: SegmentTarget, plan: SegmentPlan): Promise<MarkedSegment> {
  return onStick(async () => {
    const { folder } = target
    const path = ['feeds', Buffer.from(target.feed).toString('hex')]
    const name = `${String(plan.number).padStart(4, '0')}.seg`
    await makeStickFolder(folder, path)
    const directory = join(folder.root, ...path)
    const temporary = `${name}.${randomBytes(6).toString('hex')}.tmp`
    const { tail, sha256 } = await writeTemporary(target, plan, join(directory, temporary))
    await readBack(target, [...path, temporary], { bytes: plan.bytes, sha256 })
    await folder.fs.rename(join(directory, temporary), join(directory, name))
    await folder.fs.syncDirectory(directory)
    const hash = Buffer.from(tail.subarray(-FOOTER_BYTES)).subarray(16, 48).toString('hex')
    return { name, bytes: plan.bytes, hash, holds: holdingsOf(plan.cores) }
  })
}

/** What was written: table and footer, and the hash of the whole file. */
interface Written {
  tail: Uint8Array
  sha256: string
}

/** A file that could not be finished does not stay and fill the stick. */
async function writeTemporary(target: SegmentTarget, plan: SegmentPlan, temporary: string): Promise<Written> {
  const { fs } = target.folder
  const writer = await fs.createFile(temporary, 0o644)
  try {
    const written = await writeContent(target, plan, writer)
    await writer.sync()
    await writer.close()
    return written
  } catch (error) {
    await writer.close().catch(() => undefined)
    await fs.remove(temporary).catch(() => undefined)
    throw error
  }
}

async function writeContent(target: SegmentTarget, plan: SegmentPlan, writer: FileWriter): Promise<Written> {
  const header = encodeHeader({ fleet: target.fleet, feed: target.feed, number: plan.number })
  const pending = new Pending(writer, target.onBytes)
  await pending.add(header)
  for await (const value of blocksOf(target, plan)) await pending.add(value)
  const table = encodeTable(plan.cores)
  const tail = Buffer.concat([table, encodeFooter(header, table, pending.position)])
  await pending.add(tail)
  return { tail, sha256: await pending.flush() }
}

/** The blocks of a plan in order, checked against their hashes; the next are read while these are being written. */
async function* blocksOf(target: SegmentTarget, plan: SegmentPlan): AsyncGenerator<Uint8Array> {
  const batches = plan.cores.flatMap(({ name, blocks }) => {
    const core = target.cores.get(name) as BlockCore
    const starts = Array.from(
      { length: Math.ceil(blocks.length / BLOCKS_AT_ONCE) },
      (_, i) => i * BLOCKS_AT_ONCE
    )
    return starts.map((start) => ({ name, core, blocks: blocks.slice(start, start + BLOCKS_AT_ONCE) }))
  })
  const read = (at: number) => {
    const batch = batches[at]
    const values = Promise.all(batch?.blocks.map(({ index }) => batch.core.block(index)) ?? [])
    values.catch(() => undefined)
    return values
  }
  let next = read(0)
  for (const [at, { name, blocks }] of batches.entries()) {
    stopIfCancelled(target.signal)
    const values = await next
    next = read(at + 1)
    for (const [i, block] of blocks.entries()) yield checkBlock(name, block, values[i] ?? null)
  }
}

/** A home that lost a block to its disk must not pass the damage on. */
function checkBlock(name: CoreName, block: SegmentBlock, value: Uint8Array | null): Uint8Array {
  if (value !== null && Buffer.from(leafHash(value)).equals(block.hash)) return value
  throw new ChasquiError('HOME_DAMAGED', `block ${block.index} of this home's ${name} core is damaged`, {
    hint: 'let it catch up with a peer, or restore it from a backup'
  })
}

/** Collects small pieces into large writes; one write runs while the next is being collected. */
class Pending {
  position = 0
  #pieces: Uint8Array[] = []
  #size = 0
  #writing: Promise<void> = Promise.resolve()
  readonly #hash = createHash('sha256')
  readonly #writer: FileWriter
  readonly #onBytes: (bytes: number) => void

  constructor(writer: FileWriter, onBytes: (bytes: number) => void) {
    this.#writer = writer
    this.#onBytes = onBytes
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#pieces.push(bytes)
    this.#size += bytes.length
    this.position += bytes.length
    if (this.#size >= WRITE_SIZE) await this.#write()
  }

  /** Returns when everything was handed to the file system, with the SHA-256 of all of it. */
  async flush(): Promise<string> {
    await this.#write()
    await this.#writing
    return this.#hash.digest('hex')
  }

  async #write(): Promise<void> {
    const bytes = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#size = 0
    await this.#writing
    if (bytes.length === 0) return
    this.#hash.update(bytes)
    this.#writing = this.#writer.write(bytes).then(() => this.#onBytes(bytes.length))
    this.#writing.catch(() => undefined)
  }
}

/** Every byte, as the stick itself gives it where the system lets it be asked. A file that is wrong does not stay. */
async function readBack(
  { folder, signal }: SegmentTarget,
  path: readonly string[],
  written: { bytes: number; sha256: string }
): Promise<void> {
  const full = join(folder.root, ...path)
  await folder.fs.dropCached(full)
  const file = await openStickFile(folder, path)
  const hash = createHash('sha256')
  try {
    for (let at = 0; file !== null && at < file.size; at += WRITE_SIZE) {
      stopIfCancelled(signal)
      hash.update(await file.reader.read(at, WRITE_SIZE))
    }
  } finally {
    await file?.reader.close()
  }
  if (file?.size === written.bytes && hash.digest('hex') === written.sha256) return
  await folder.fs.remove(full)
  throw new ChasquiError('STICK_DAMAGED', 'the stick does not give back what was written to it', {
    hint: 'this stick is broken: use another one'
  })
}
