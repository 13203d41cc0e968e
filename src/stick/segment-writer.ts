// Writes one planned segment: temp → blocks in large sequential writes → table → footer → fsync → read back → rename →
// fsync of the folder. Nothing is renamed into place that was not read back from the medium and found right to the byte.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { BlockCore } from '../feed/block-core.ts'
import type { FileWriter } from '../system/file-system.ts'
import { type ByteTag, tagPair } from './byte-tag.ts'
import { stopIfCancelled } from './cancel.ts'
import { holdingsOf } from './feed-folder.ts'
import { makeStickFolder, type StickFolder } from './folder.ts'
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
import { readBack } from './segment-read-back.ts'

/** bytes of one write: cheap sticks want few large ones */
const WRITE_SIZE = 4 * 1024 * 1024
/** bytes of blocks that are asked of the store in one request */
const BATCH_SIZE = 2 * 1024 * 1024
/** bytes after which the medium is set to work: the system else begins when all is written, or half a minute later */
const SYNC_EVERY = 16 * 1024 * 1024
/** requests at work while what came is written: one at a time keeps the store waiting */
const READ_AHEAD = 4

export interface SegmentTarget {
  folder: StickFolder
  fleet: Uint8Array
  /** key of the db core */
  feed: Uint8Array
  cores: ReadonlyMap<CoreName, BlockCore>
  signal: AbortSignal
  onBytes(bytes: number): void
}

/** What stands around the blocks: the header, and the table with its footer. */
interface Frame {
  header: Uint8Array
  tail: Uint8Array
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
    const frame = frameOf(target, plan)
    const tags = tagPair()
    await writeTemporary(target, plan, frame, join(directory, temporary), tags[0])
    await readBack(folder, { path: [...path, temporary], bytes: plan.bytes, tags }, target.signal)
    await folder.fs.rename(join(directory, temporary), join(directory, name))
    await folder.fs.syncDirectory(directory)
    const hash = Buffer.from(frame.tail.subarray(-FOOTER_BYTES)).subarray(16, 48).toString('hex')
    return { name, bytes: plan.bytes, hash, holds: holdingsOf(plan.cores) }
  })
}

function frameOf(target: SegmentTarget, plan: SegmentPlan): Frame {
  const header = encodeHeader({ fleet: target.fleet, feed: target.feed, number: plan.number })
  const table = encodeTable(plan.cores)
  const offset = plan.bytes - table.length - FOOTER_BYTES
  return { header, tail: Buffer.concat([table, encodeFooter(header, table, offset)]) }
}

/** A file that could not be finished does not stay and fill the stick. */
async function writeTemporary(
  target: SegmentTarget,
  plan: SegmentPlan,
  { header, tail }: Frame,
  temporary: string,
  tag: ByteTag
): Promise<void> {
  const { fs } = target.folder
  const writer = await fs.createFile(temporary, 0o644, 'large')
  const pending = new Pending(writer, tag, target.onBytes)
  try {
    await pending.add(header)
    for await (const value of blocksOf(target, plan)) await pending.add(value)
    await pending.add(tail)
    await pending.flush()
    await writer.close()
  } catch (error) {
    await pending.settle()
    await writer.close().catch(() => undefined)
    await fs.remove(temporary).catch(() => undefined)
    throw error
  }
}

/**
 * The blocks of a plan in order; the next are read while these are being written. The store checks what it reads (CRC-32C);
 * whether the blocks are what the publisher signed is asked where they arrive, of each.
 */
async function* blocksOf(target: SegmentTarget, plan: SegmentPlan): AsyncGenerator<Uint8Array> {
  const batches = plan.cores.flatMap(({ name, blocks }) => {
    const core = target.cores.get(name) as BlockCore
    return inBatches(blocks).map((batch) => ({ name, core, blocks: batch }))
  })
  const read = (at: number) => {
    const batch = batches[at]
    const values = batch?.core.blocks(batch.blocks.map(({ index }) => index)) ?? Promise.resolve([])
    values.catch(() => undefined)
    return values
  }
  const reading = batches.slice(0, READ_AHEAD).map((_, at) => read(at))
  for (const [at, { name, blocks }] of batches.entries()) {
    stopIfCancelled(target.signal)
    reading.push(read(at + READ_AHEAD))
    const values = (await reading.shift()) ?? []
    for (const [i, block] of blocks.entries()) {
      const value = values[i] ?? null
      if (value?.length !== block.size) throw homeDamaged(name, block)
      yield value
      release(value)
    }
  }
}

/** Gives a block's memory back at once: the collector would let it grow, and run often, to find it. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0)
}

/** A block of the home's core is not there, or not whole. */
function homeDamaged(name: CoreName, { index }: SegmentBlock): ChasquiError {
  return new ChasquiError('HOME_DAMAGED', `block ${index} of this home's ${name} core is damaged`, {
    hint: 'let it catch up with a peer, or restore it from a backup'
  })
}

function inBatches(blocks: readonly SegmentBlock[]): SegmentBlock[][] {
  const batches: SegmentBlock[][] = []
  let bytes = BATCH_SIZE
  for (const block of blocks) {
    if (bytes + block.size > BATCH_SIZE) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)?.push(block)
    bytes += block.size
  }
  return batches
}

/** Collects small pieces into large writes; one write runs while the next is being collected, and one sync beside them. */
class Pending {
  #filling = Buffer.allocUnsafeSlow(WRITE_SIZE)
  #spare = Buffer.allocUnsafeSlow(WRITE_SIZE)
  #used = 0
  #unsynced = 0
  #writing: Promise<void> = Promise.resolve()
  #syncing: Promise<void> = Promise.resolve()
  readonly #writer: FileWriter
  /** over everything that is written */
  readonly #tag: ByteTag
  readonly #onBytes: (bytes: number) => void

  constructor(writer: FileWriter, tag: ByteTag, onBytes: (bytes: number) => void) {
    this.#writer = writer
    this.#tag = tag
    this.#onBytes = onBytes
  }

  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + WRITE_SIZE - this.#used)
      this.#filling.set(part, this.#used)
      this.#used += part.length
      at += part.length
      if (this.#used === WRITE_SIZE) await this.#write()
    }
  }

  /** Returns when everything is on the medium. */
  async flush(): Promise<void> {
    await this.#write()
    await this.#writing
    await this.#syncing
    await this.#writer.sync()
  }

  /** Nothing of this works on the file any more. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing])
  }

  async #write(): Promise<void> {
    const bytes = this.#filling.subarray(0, this.#used)
    await this.#writing
    ;[this.#filling, this.#spare] = [this.#spare, this.#filling]
    this.#used = 0
    if (bytes.length === 0) return
    this.#tag.add(bytes)
    if (this.#unsynced >= SYNC_EVERY) await this.#sync()
    this.#unsynced += bytes.length
    this.#writing = this.#writer.write(bytes).then(() => this.#onBytes(bytes.length))
    this.#writing.catch(() => undefined)
  }

  async #sync(): Promise<void> {
    this.#unsynced = 0
    await this.#syncing
    this.#syncing = this.#writer.sync()
    this.#syncing.catch(() => undefined)
  }
}
