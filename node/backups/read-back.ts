// A database backup counts when every byte of it can be read again.
import { join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import type { BackupInfo } from '../apply/types.ts'

type BackupFile = NonNullable<BackupInfo['database']>['files'][number]

/** Makes a backup (a file or a folder of them) durable, and reads it whole. Throws BACKUP_FAILED when it is not there, empty or unreadable. */
export async function readBack(fs: FileSystem, path: string): Promise<BackupFile[]> {
  const files: BackupFile[] = []
  const walk = async (at: string, name: string): Promise<void> => {
    const found = await fs.stat(at)
    if (found?.kind === 'directory') {
      for (const inside of await fs.list(at)) {
        await walk(join(at, inside), name === '' ? inside : `${name}/${inside}`)
      }
      await fs.syncDirectory(at)
    } else if (found?.kind === 'file') {
      await fs.syncFile(at)
      const { sha256, bytes } = await fs.digest(at)
      if (bytes !== found.size) throw new ChasquiError('BACKUP_FAILED', `${at} cannot be read whole`)
      files.push({ path: name, bytes, sha256 })
    }
  }
  try {
    await walk(path, '')
  } catch (cause) {
    throw new ChasquiError('BACKUP_FAILED', `the backup cannot be read back: ${(cause as Error).message}`, {
      cause
    })
  }
  if (files.some((file) => file.bytes > 0)) return files
  throw new ChasquiError('BACKUP_FAILED', 'the backup command ended well but wrote nothing', {
    hint: 'it must write to {backup}'
  })
}
