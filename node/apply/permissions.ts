// What this user may not move, found before anything is stopped. To give a directory another parent it has to be writable itself,
// and so do the folders that names go away from.
import { dirname, join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { existingFolder } from './space.ts'
import { foreignEntries, type Names } from './tree.ts'

/** It, or the folder in which it will be made. Throws NO_PERMISSION. */
export async function requireWritable(fs: FileSystem, folder: string): Promise<void> {
  if (await fs.isWritable(await existingFolder(fs, folder))) return
  throw new ChasquiError('NO_PERMISSION', `cannot write in ${folder}`, {
    hint: 'run the node as a user that may, or give that folder to its user'
  })
}

/** A whole folder is exchanged: it moves, and so does what is local in it. `stays`: what is left behind. Throws NO_PERMISSION. */
export async function requireMovable(
  fs: FileSystem,
  live: string,
  names: Names,
  stays: (path: string) => boolean
): Promise<void> {
  await requireWritable(fs, live)
  const local = (await foreignEntries(fs, live, names)).filter((path) => !stays(path))
  for (const folder of new Set(local.map(dirname))) await requireWritable(fs, join(live, folder))
  for (const path of local) {
    const found = await fs.stat(join(live, path))
    if (found?.kind !== 'directory' || (await fs.isWritable(join(live, path)))) continue
    throw new ChasquiError(
      'NO_PERMISSION',
      `${join(live, path)} belongs to another user and cannot be moved`,
      {
        hint: 'let the node write to it, or move it out of the folder and put a symlink in its place'
      }
    )
  }
}
