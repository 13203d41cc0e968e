// The file system of this machine, on node:fs. Nothing outside src/system and tests touches node:fs for state or for a live
// tree.
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
import { type FileSystem, isMissing } from './file-system.ts'
import { createLarge } from './large-file.ts'

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
