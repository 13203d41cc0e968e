// The file system as Chasqui uses it: a small interface, so that apply, the journal and the stick can be run on one that
// fails on purpose. Nothing outside src/system and tests touches node:fs for state or for a live tree.
import { execFile } from 'node:child_process'
import { createHash, hash } from 'node:crypto'
import {
  constants,
  createReadStream,
  lstatSync,
  readdirSync,
  readFileSync,
  type Stats,
  statSync
} from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createLarge } from './large-file.ts'

export interface FileStat {
  kind: 'file' | 'directory' | 'symlink' | 'other'
  /** bytes */
  size: number
  /** permission bits with setuid, setgid and sticky: 0o7777 mask */
  mode: number
  /** numbers of the owner and its group; 0 on Windows */
  owner: { user: number; group: number }
  /** milliseconds since the epoch */
  modifiedAt: number
  /** device number: two places with the same one can be renamed into each other */
  device: number
  /** inode number; 0 where the file system has none */
  inode: number
  /** names that the file has on its volume */
  links: number
}

export interface FileWriter {
  write(bytes: Uint8Array): Promise<void>
  /** Returns when the bytes written so far survive a power cut. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** `large`: it will be written in few large pieces and synced. */
export type WriteHint = 'large'

export interface FileReader {
  /** At most `length` bytes from `position`; fewer only at the end of the file. `into`: memory of that size to use again. */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/** What may be read. Paths are absolute and native. */
export interface ReadableFileSystem {
  /** lstat: a symlink is reported as itself; null when nothing is there. */
  stat(path: string): Promise<FileStat | null>
  /** Names in a directory, sorted by code unit. */
  list(path: string): Promise<string[]>
  openFile(path: string): Promise<FileReader>
  readLink(path: string): Promise<string>
  /** The path that is meant when links are followed: for places that an operator names. Fails with ENOENT as `open` does. */
  realPath(path: string): Promise<string>
  /**
   * Everything beneath a directory, by '/'-separated path: text that becomes another one when the content, the mode or the
   * owner of it is changed by whatever means the system has for it, or when something else takes its place.
   */
  identities(path: string): Promise<Map<string, string>>
}

/** What may be changed: every method is one operation that can fail or be cut. */
export interface FileSystem extends ReadableFileSystem {
  /** Creates a new file; fails with EEXIST when the path exists. */
  createFile(path: string, mode: number, hint?: WriteHint): Promise<FileWriter>
  makeDirectory(path: string, mode: number): Promise<void>
  makeLink(target: string, path: string): Promise<void>
  /** Copies a file's content and mode to a new path; shares blocks (reflink) where the file system can. */
  copyFile(from: string, to: string): Promise<void>
  /** A second name for a file that is never written to again, on the same volume. */
  linkFile(from: string, to: string): Promise<void>
  /** Gives a path the owner and group of another one, as far as this user may; true when they were different. */
  copyOwner(from: string, to: string): Promise<boolean>
  rename(from: string, to: string): Promise<void>
  /** Removes a file, a symlink or an empty directory. */
  remove(path: string): Promise<void>
  /** SHA-256 (hex) and size of a file's content. */
  digest(path: string): Promise<{ sha256: string; bytes: number }>
  setMode(path: string, mode: number): Promise<void>
  /** Makes the names in a directory survive a power cut (a no-op on Windows). */
  syncDirectory(path: string): Promise<void>
  /** Makes a file's content survive a power cut, whoever wrote it. */
  syncFile(path: string): Promise<void>
  /** Drops what the system keeps of a synced file in memory: the next read asks the medium. False where that cannot be. */
  dropCached(path: string): Promise<boolean>
  /** Makes everything beneath a directory survive a power cut, in one call where the system has one. */
  syncTree(path: string): Promise<void>
  /** May this user create and rename things in a folder, or write to a file? Asks the system; leaves no trace. */
  isWritable(path: string): Promise<boolean>
  /** Bytes that this user can still write on the volume that holds `path`. */
  freeSpace(path: string): Promise<number>
}

const SMALL = 256 * 1024 // bytes of a file that is read at once

/** The real file system. */
export const realFileSystem: FileSystem = {
  async stat(path) {
    try {
      const found = await fs.lstat(path)
      const kind = found.isFile()
        ? 'file'
        : found.isDirectory()
          ? 'directory'
          : found.isSymbolicLink()
            ? 'symlink'
            : 'other'
      return {
        kind,
        size: found.size,
        mode: found.mode & 0o7777,
        owner: { user: found.uid, group: found.gid },
        modifiedAt: found.mtimeMs,
        device: found.dev,
        inode: found.ino,
        links: found.nlink
      }
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  },
  async list(path) {
    return (await fs.readdir(path)).sort()
  },
  async openFile(path) {
    const handle = await fs.open(path, constants.O_RDONLY)
    return {
      async read(position, length, into) {
        const buffer = into ?? Buffer.allocUnsafe(length)
        let filled = 0
        while (filled < length) {
          const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled)
          if (bytesRead === 0) break
          filled += bytesRead
        }
        return buffer.subarray(0, filled)
      },
      close: () => handle.close()
    }
  },
  readLink: (path) => fs.readlink(path),
  realPath: (path) => fs.realpath(path),
  async identities(path) {
    const found = new Map<string, string>()
    // as in digest: a round through the thread pool for each of thousands of files costs ten times the look
    const walk = (folder: string, prefix: string) => {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const inside = join(folder, entry.name)
        found.set(prefix + entry.name, identityOf(lstatSync(inside)))
        if (entry.isDirectory()) walk(inside, `${prefix}${entry.name}/`)
      }
    }
    walk(path, '')
    return found
  },
  async createFile(path, mode, hint) {
    const handle = hint === 'large' ? await createLarge(path, mode) : await fs.open(path, 'wx', mode)
    return {
      async write(bytes) {
        let written = 0
        while (written < bytes.length) {
          written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten
        }
      },
      sync: () => handle.sync(),
      close: () => handle.close()
    }
  },
  async makeDirectory(path, mode) {
    await fs.mkdir(path, { mode })
  },
  makeLink: (target, path) => fs.symlink(target, path),
  copyFile: (from, to) => fs.copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE),
  linkFile: (from, to) => fs.link(from, to),
  async copyOwner(from, to) {
    if (process.platform === 'win32') return false
    const [wanted, found] = await Promise.all([fs.lstat(from), fs.lstat(to)])
    if (wanted.uid === found.uid && wanted.gid === found.gid) return false
    try {
      await fs.lchown(to, wanted.uid, wanted.gid)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPERM') return false
      throw error
    }
  },
  rename: (from, to) => fs.rename(from, to),
  async remove(path) {
    const found = await fs.lstat(path)
    await (found.isDirectory() ? fs.rmdir(path) : fs.unlink(path))
  },
  async digest(path) {
    // thousands of small files: a round through the thread pool for each step of each costs ten times the reading
    const { size } = statSync(path)
    if (size > SMALL) return digestLarge(path)
    const bytes = readFileSync(path)
    return { sha256: hash('sha256', bytes, 'hex'), bytes: bytes.length }
  },
  setMode: (path, mode) => fs.chmod(path, mode),
  async syncDirectory(path) {
    if (process.platform === 'win32') return
    const handle = await fs.open(path, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  async syncFile(path) {
    // Windows flushes only what may be written to; elsewhere a file that is read-only for this user can be synced too
    const handle = await fs.open(path, process.platform === 'win32' ? constants.O_RDWR : constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  dropCached: (path) =>
    // posix_fadvise(2) through coreutils; O_DIRECT would need aligned memory, and not every driver of sticks has it
    promisify(execFile)('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']).then(
      () => process.platform === 'linux',
      () => false
    ),
  async syncTree(path) {
    if (process.platform === 'linux' && (await syncVolume(path))) return
    for (const entry of await fs.readdir(path, { withFileTypes: true })) {
      const inside = join(path, entry.name)
      if (entry.isDirectory()) await realFileSystem.syncTree(inside)
      else if (entry.isFile()) await realFileSystem.syncFile(inside)
    }
    await realFileSystem.syncDirectory(path)
  },
  async isWritable(path) {
    try {
      const isFolder = (await fs.stat(path)).isDirectory()
      await fs.access(path, isFolder ? constants.W_OK | constants.X_OK : constants.W_OK)
      return true
    } catch {
      return false
    }
  },
  async freeSpace(path) {
    const found = await fs.statfs(path)
    return found.bavail * found.bsize
  }
}

/** The time of change is the system's own: no program can set it back. */
function identityOf({ dev, ino, size, mode, uid, gid, mtimeMs, ctimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mode} ${uid} ${gid} ${mtimeMs} ${ctimeMs}`
}

async function digestLarge(path: string): Promise<{ sha256: string; bytes: number }> {
  const digest = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    digest.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
  }
  return { sha256: digest.digest('hex'), bytes }
}

/** syncfs(2) through coreutils: one flush of the volume in place of one per file. False where there is no such program. */
async function syncVolume(path: string): Promise<boolean> {
  try {
    await promisify(execFile)('sync', ['-f', path])
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** True for "there is nothing at that path". */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return code === 'ENOENT' || code === 'ENOTDIR'
}
