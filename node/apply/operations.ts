// The exchange of files as a list that is journaled before its first rename: done in order, undone in reverse, and after any
// cut the disk itself tells how far it came, because each rename has one end that nobody else ever touches.
import { dirname } from 'node:path'
import type { FileSystem } from '../../src/system/file-system.ts'
import type { Clock } from './parts.ts'

export type Operation =
  /** `ours`: the end that lies in the work folder; there (`to`) or no longer there (`from`), the rename was done */
  | { kind: 'rename'; from: string; to: string; ours: 'from' | 'to' }
  | { kind: 'make-directory'; path: string; mode: number }
  /** of an empty one; one that is not empty stays */
  | { kind: 'remove-directory'; path: string; mode: number }

interface Parts {
  fs: FileSystem
  clock: Clock
  platform: NodeJS.Platform
}

/** Does all of it, then makes it durable. Once only: after a cut, what was done is undone (the table sees to it). */
export async function perform(parts: Parts, operations: readonly Operation[]): Promise<void> {
  for (const operation of operations) await performOne(parts, operation)
  await syncAround(parts.fs, operations)
}

async function performOne(parts: Parts, operation: Operation): Promise<void> {
  const { fs } = parts
  switch (operation.kind) {
    case 'rename':
      return renamePatiently(parts, operation.from, operation.to)
    case 'make-directory':
      return tolerate(fs.makeDirectory(operation.path, operation.mode), 'EEXIST')
    case 'remove-directory':
      return tolerate(fs.remove(operation.path), 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')
  }
}

/** Undoes what was done, the last first, then makes it durable. */
export async function undo(parts: Parts, operations: readonly Operation[]): Promise<void> {
  const done = await donePart(parts.fs, operations)
  for (const operation of done.reverse()) await undoOne(parts, operation)
  await syncAround(parts.fs, operations)
}

/**
 * Everything up to the first rename that was not done: they are done in order and undone in reverse, so what is done is
 * always a beginning of the list. Beyond it the disk says nothing about an operation (its folder may not be there yet).
 */
export async function donePart(fs: FileSystem, operations: readonly Operation[]): Promise<Operation[]> {
  const done: Operation[] = []
  for (const operation of operations) {
    if (operation.kind === 'rename' && !(await isDone(fs, operation))) break
    done.push(operation)
  }
  return done
}

async function undoOne(parts: Parts, operation: Operation): Promise<void> {
  const { fs } = parts
  switch (operation.kind) {
    case 'rename':
      // the application may have removed what was moved to it
      if ((await fs.stat(operation.to)) === null) return
      return renamePatiently(parts, operation.to, operation.from)
    case 'make-directory':
      return tolerate(fs.remove(operation.path), 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')
    case 'remove-directory':
      return tolerate(fs.makeDirectory(operation.path, operation.mode), 'EEXIST')
  }
}

async function isDone(fs: FileSystem, operation: Operation & { kind: 'rename' }): Promise<boolean> {
  return operation.ours === 'to'
    ? (await fs.stat(operation.to)) !== null
    : (await fs.stat(operation.from)) === null
}

async function tolerate(work: Promise<void>, ...codes: string[]): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

const PATIENCE = { windows: 60_000, elsewhere: 2_000 } // milliseconds
const FIRST_PAUSE = 50 // milliseconds
const LONGEST_PAUSE = 2_000 // milliseconds

/** Rename, with patience for an antivirus that looks at the file or a program that has not let go of it yet. */
async function renamePatiently({ fs, clock, platform }: Parts, from: string, to: string): Promise<void> {
  const end = clock.now() + (platform === 'win32' ? PATIENCE.windows : PATIENCE.elsewhere)
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      return await fs.rename(from, to)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      if (!['EBUSY', 'EPERM', 'EACCES'].includes(code) || clock.now() >= end) throw error
      await clock.sleep(pause)
    }
  }
}

const AT_ONCE = 8 // folders

/** Every folder in which a name changed, once. */
async function syncAround(fs: FileSystem, operations: readonly Operation[]): Promise<void> {
  const folders = new Set<string>()
  for (const operation of operations) {
    if (operation.kind === 'rename') {
      folders.add(dirname(operation.from))
      folders.add(dirname(operation.to))
    } else {
      folders.add(dirname(operation.path))
    }
  }
  await syncFolders(fs, folders)
}

/** Makes the names in these folders durable; one that is gone has none. */
export async function syncFolders(fs: FileSystem, folders: ReadonlySet<string>): Promise<void> {
  const queue = [...folders]
  const work = async () => {
    for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
      await tolerate(fs.syncDirectory(folder), 'ENOENT', 'ENOTDIR')
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
