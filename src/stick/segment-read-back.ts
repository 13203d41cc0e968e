// What was written is read again, from the medium where the system lets it be asked, before it gets its name: as a whole it must
// be what was written, which a tag over all bytes in their order says.
import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { FileReader } from '../system/file-system.ts'
import type { ByteTag } from './byte-tag.ts'
import { stopIfCancelled } from './cancel.ts'
import { openStickFile, requireStick, type StickFolder } from './folder.ts'
import { stickRemoved } from './on-stick.ts'

const READ_SIZE = 4 * 1024 * 1024 // bytes

/** A file as it was written. */
export interface WrittenFile {
  /** below the stick's chasqui folder */
  path: readonly string[]
  bytes: number
  /** a pair: the first is over everything that was written, nothing was added to the second */
  tags: [ByteTag, ByteTag]
}

/** Throws STICK_DAMAGED, STICK_REMOVED. A file that is wrong does not stay. */
export async function readBack(
  folder: StickFolder,
  written: WrittenFile,
  signal: AbortSignal
): Promise<void> {
  const full = join(folder.root, ...written.path)
  try {
    await folder.fs.dropCached(full)
    const file = await openStickFile(folder, written.path)
    try {
      if (file === null) throw stickRemoved()
      if (file.size !== written.bytes) throw stickDamaged()
      await addAll(written, file.reader, signal)
    } finally {
      await file?.reader.close()
    }
    const [given, back] = written.tags
    if (!given.equals(back)) throw stickDamaged()
  } catch (error) {
    // one that was pulled gives back nothing: it is not broken
    await requireStick(folder)
    await folder.fs.remove(full).catch(() => undefined)
    throw error
  }
}

/** One piece is read while the one before is added. */
async function addAll({ bytes, tags }: WrittenFile, reader: FileReader, signal: AbortSignal): Promise<void> {
  const memory = [Buffer.allocUnsafeSlow(READ_SIZE), Buffer.allocUnsafeSlow(READ_SIZE)]
  const read = (at: number) => {
    const piece = reader.read(at * READ_SIZE, READ_SIZE, memory[at % 2])
    piece.catch(() => undefined)
    return piece
  }
  let next = read(0)
  for (let at = 0; at * READ_SIZE < bytes; at++) {
    const piece = await next
    next = read(at + 1)
    tags[1].add(piece)
    if (!signal.aborted) continue
    await next.catch(() => undefined)
    stopIfCancelled(signal)
  }
  await next
}

function stickDamaged(): ChasquiError {
  return new ChasquiError('STICK_DAMAGED', 'the stick does not give back what was written to it', {
    hint: 'this stick is broken: use another one'
  })
}
