// Large files for drives whose file system is a program (FUSE): see createDirect.
import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'

const FUSE = 0x65735546 // statfs(2): the file system is a program

/** Creates a new file that will be written in few large pieces; fails with EEXIST when the path exists. */
export async function createLarge(path: string, mode: number): Promise<fs.FileHandle> {
  return (await isServedByProgram(dirname(path))) ? createDirect(path, mode) : fs.open(path, 'wx', mode)
}

async function isServedByProgram(path: string): Promise<boolean> {
  return process.platform === 'linux' && (await fs.statfs(path)).type === FUSE
}

/**
 * Past the system's memory: else drivers of sticks that are programs (NTFS, often exFAT and FAT) are given 4 KiB at a time,
 * which takes three to six times as long. Such drivers do not ask for aligned memory, as file systems of the kernel do.
 */
async function createDirect(path: string, mode: number): Promise<fs.FileHandle> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_DIRECT } = constants
  try {
    return await fs.open(path, O_WRONLY | O_CREAT | O_EXCL | O_DIRECT, mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
    // the file is there by then
    await fs.rm(path, { force: true })
    return fs.open(path, 'wx', mode)
  }
}
