// What was written is read again, from the medium where the system lets it be asked, before it gets its name: every block
// against its Merkle leaf, which a signed head covers, and what stands around the blocks byte for byte.

import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { BlockCore } from '../feed/block-core.ts'
import type { FileReader } from '../system/file-system.ts'
import { stopIfCancelled } from './cancel.ts'
import { openStickFile, requireStick, type StickFolder } from './folder.ts'
import { stickRemoved } from './on-stick.ts'
import type { CoreName, SegmentBlock } from './segment.ts'
import type { SegmentPlan } from './segment-plan.ts'
import { leafHash } from './tree.ts'

const READ_SIZE = 4 * 1024 * 1024 // bytes

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
export interface Frame {
  header: Uint8Array
  tail: Uint8Array
}

/** What lies at one place of the file. */
interface Piece {
  size: number
  isRight(bytes: Uint8Array): boolean
  /** null: not a block */
  block: { name: CoreName; block: SegmentBlock } | null
}

/** Throws STICK_DAMAGED, STICK_REMOVED; HOME_DAMAGED when a block was wrong before it was written. A file that is wrong does not stay. */
export async function readBack(
  target: SegmentTarget,
  plan: SegmentPlan,
  frame: Frame,
  path: readonly string[]
): Promise<void> {
  const { folder } = target
  const full = join(folder.root, ...path)
  try {
    await folder.fs.dropCached(full)
    const file = await openStickFile(folder, path)
    try {
      if (file === null) throw stickRemoved()
      if (file.size !== plan.bytes) throw stickDamaged()
      await checkAll(target, piecesOf(plan, frame), file.reader)
    } finally {
      await file?.reader.close()
    }
  } catch (error) {
    // one that was pulled gives back nothing: it is not broken
    await requireStick(folder)
    await folder.fs.remove(full).catch(() => undefined)
    throw error
  }
}

function piecesOf({ cores }: SegmentPlan, { header, tail }: Frame): Piece[] {
  const plain = (expected: Uint8Array): Piece => ({
    size: expected.length,
    isRight: (bytes) => Buffer.compare(bytes, expected) === 0,
    block: null
  })
  const blocks = cores.flatMap(({ name, blocks }) =>
    blocks.map((block): Piece => {
      const isRight = (bytes: Uint8Array) => Buffer.compare(leafHash(bytes), block.hash) === 0
      return { size: block.size, isRight, block: { name, block } }
    })
  )
  return [plain(header), ...blocks, plain(tail)]
}

/** A few pieces are read while those before them are hashed. */
async function checkAll(target: SegmentTarget, pieces: readonly Piece[], reader: FileReader): Promise<void> {
  const runs = runsOf(pieces)
  const largest = Math.max(...runs.map(({ size }) => size))
  const memory = [Buffer.allocUnsafeSlow(largest), Buffer.allocUnsafeSlow(largest)]
  const read = (at: number) => {
    const run = runs[at]
    const bytes =
      run === undefined
        ? Promise.resolve(new Uint8Array(0))
        : reader.read(run.position, run.size, memory[at % 2] as Buffer)
    bytes.catch(() => undefined)
    return bytes
  }
  let next = read(0)
  for (const [at, run] of runs.entries()) {
    stopIfCancelled(target.signal)
    const bytes = await next
    next = read(at + 1)
    try {
      await checkRun(target, run, bytes)
    } catch (error) {
      await next.catch(() => undefined)
      throw error
    }
  }
}

async function checkRun(target: SegmentTarget, run: Run, bytes: Uint8Array): Promise<void> {
  let start = 0
  for (const { size, isRight, block } of run.pieces) {
    if (!isRight(bytes.subarray(start, start + size))) throw await causeOf(target, block)
    start += size
  }
}

/** A home that lost a block to its disk must not pass the damage on, and a stick is not to blame for it. */
async function causeOf({ cores }: SegmentTarget, piece: Piece['block']): Promise<ChasquiError> {
  if (piece === null) return stickDamaged()
  const { name, block } = piece
  const [value] = (await cores.get(name)?.blocks([block.index])) ?? []
  const isHere = value != null && Buffer.compare(leafHash(value), block.hash) === 0
  return isHere ? stickDamaged() : homeDamaged(name, block)
}

/** Pieces that are read at once. */
interface Run {
  position: number
  size: number
  pieces: Piece[]
}

function runsOf(pieces: readonly Piece[]): Run[] {
  const runs: Run[] = []
  let position = 0
  for (const piece of pieces) {
    const last = runs.at(-1)
    if (last !== undefined && last.size + piece.size <= READ_SIZE) {
      last.pieces.push(piece)
      last.size += piece.size
    } else runs.push({ position, size: piece.size, pieces: [piece] })
    position += piece.size
  }
  return runs
}

/** A block of the home's core is not what the writer signed. */
export function homeDamaged(name: CoreName, { index }: SegmentBlock): ChasquiError {
  return new ChasquiError('HOME_DAMAGED', `block ${index} of this home's ${name} core is damaged`, {
    hint: 'let it catch up with a peer, or restore it from a backup'
  })
}

function stickDamaged(): ChasquiError {
  return new ChasquiError('STICK_DAMAGED', 'the stick does not give back what was written to it', {
    hint: 'this stick is broken: use another one'
  })
}
