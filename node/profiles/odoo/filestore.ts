// The filestore belongs to the database: attachments by the hash of their content, written once and never changed. A backup
// is therefore a second name for each file; bringing it back adds what is gone and removes nothing.
import { dirname, join } from 'node:path'
import { ChasquiError } from '../../../src/errors.ts'
import { ensureDirectory } from '../../../src/system/durable.ts'
import type { FileSystem } from '../../../src/system/file-system.ts'

/** Where Odoo keeps what is attached in a database, as odoo.conf has it. */
export function filestorePlace(dataDirectory: string, database: string): string {
  return join(dataDirectory, 'filestore', database)
}

/** Where it is, links followed: it may be on a disk of its own. Throws ODOO_CONFIG_INVALID. */
export async function filestoreOf(fs: FileSystem, dataDirectory: string, database: string): Promise<string> {
  const place = filestorePlace(dataDirectory, database)
  return followed(fs, join(await followed(fs, dirname(place)), database))
}

/**
 * A place that odoo.conf names as Odoo sees it: whose it is and what is in it is not the link's to say. What is not there stays
 * as it is. Throws ODOO_CONFIG_INVALID for a link to nothing: a disk that is not mounted is no empty filestore.
 */
export async function followed(fs: FileSystem, path: string): Promise<string> {
  try {
    return await fs.realPath(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    if ((await fs.stat(path)) === null) return path
    throw new ChasquiError('ODOO_CONFIG_INVALID', `${path} is a link to nothing`, {
      cause,
      hint: 'is the disk mounted that it leads to?'
    })
  }
}

/** Second names (copies across volumes) of everything at `from` that is not at `to`; folders get the owner of `like`. */
export async function linkMissing(fs: FileSystem, from: string, to: string, like: string): Promise<number> {
  const found = await fs.stat(from)
  if (found?.kind === 'directory') {
    if ((await fs.stat(to)) === null) {
      await ensureDirectory(fs, dirname(to))
      await fs.makeDirectory(to, found.mode)
      if ((await fs.stat(like)) !== null) await fs.copyOwner(like, to)
    }
    let count = 0
    for (const name of await fs.list(from)) {
      count += await linkMissing(fs, join(from, name), join(to, name), like)
    }
    if (count > 0) await fs.syncDirectory(to)
    return count
  }
  if (found?.kind !== 'file' || (await fs.stat(to)) !== null) return 0
  try {
    await fs.linkFile(from, to)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) throw error
    await fs.copyFile(from, to)
    await fs.copyOwner(from, to)
  }
  return 1
}
