// Files that a person names on a command line. What is wrong with the place of one that is to be written is found before
// anything is made for it: an invite that nobody can read is an invite all the same.
import { access, constants } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ChasquiError } from '../errors.ts'
import { realPath } from './disk.ts'
import { readFileLimited } from './durable.ts'
import type { FileStat } from './file-system.ts'
import { realFileSystem } from './real-file-system.ts'

/** Throws NOT_A_DIRECTORY, USAGE or NO_PERMISSION when no file can be written at `path`. */
export async function requirePlace(path: string): Promise<void> {
  const folder = dirname(resolve(path))
  if ((await behindLinks(folder))?.kind !== 'directory') {
    throw new ChasquiError('NOT_A_DIRECTORY', `there is no folder ${folder} to write a file in`, {
      hint: 'make the folder first, or name a file in another one'
    })
  }
  if ((await behindLinks(resolve(path)))?.kind === 'directory') {
    throw new ChasquiError('USAGE', `${path} is a folder`, { hint: 'name a file in it' })
  }
  await access(folder, constants.W_OK).catch((cause) => {
    throw new ChasquiError('NO_PERMISSION', `nothing can be written in ${folder}`, {
      cause,
      hint: 'name a file in another folder, or change its permissions'
    })
  })
}

/**
 * The whole file, also behind links (secrets of containers are such); null where there is none, or something that is no
 * file. Throws FILE_TOO_LARGE.
 */
export async function readNamedFile(path: string, limit: number): Promise<Uint8Array | null> {
  const real = await realPath(path)
  const isFile = real !== null && (await realFileSystem.stat(real))?.kind === 'file'
  return isFile ? readFileLimited(realFileSystem, real, limit) : null
}

async function behindLinks(path: string): Promise<FileStat | null> {
  const real = await realPath(path)
  return real === null ? null : realFileSystem.stat(real)
}
