// Brings a backup's files into staging, as copies: the backup stays whole whatever happens next.
import { dirname, join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { FileEntry, Manifest } from '../../src/release/manifest.ts'
import { ensureDirectory } from '../../src/system/durable.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { livePlace } from '../apply/layout.ts'
import type { Records } from '../apply/records.ts'
import { copyTree } from '../apply/tree.ts'
import type { BackupInfo, ModuleChange } from '../apply/types.ts'
import { globMatcher } from '../apply/work.ts'
import type { AppConfig } from '../config/apps.ts'

/** The file list of the module as it was; null when it was not there. Throws BACKUP_FAILED when a file is gone. */
export async function copyBackup(
  fs: FileSystem,
  records: Records,
  app: AppConfig,
  id: string,
  change: ModuleChange,
  into: string
): Promise<Manifest | null> {
  if (change.to === null) return null
  const backup = await records.backup(app.name, id)
  const manifest = await records.backupManifest(app.name, id, change.module)
  if (change.kind === 'directory') {
    await copyInto(fs, join(backup.path, 'files', change.module), into)
    return manifest ?? { entries: [] }
  }
  if (manifest === null) {
    throw new ChasquiError('BACKUP_FAILED', `the file list of ${change.module} in backup ${id} is gone`)
  }
  const sources = await overlaySources(records, app, backup, change.module)
  const isKept = globMatcher(app.keep, change.module)
  const entries: FileEntry[] = []
  for (const entry of manifest.entries) {
    if (await copyFirst(fs, sources, entry.path, into)) entries.push(entry)
    // under keep a file of a release may never have come here
    else if (!isKept(entry.path)) {
      throw new ChasquiError('BACKUP_FAILED', `${entry.path} is in no backup any more`)
    }
  }
  return { entries }
}

/** A backup of an overlay has only what its update changed: the rest is in the next backup, and so on, or still live. */
async function overlaySources(
  records: Records,
  app: AppConfig,
  backup: BackupInfo,
  module: string
): Promise<string[]> {
  const newer = (await records.backups(app.name)).filter((one) => one.id >= backup.id).reverse()
  return [...newer.map((one) => join(one.path, 'files', module)), livePlace(app, module)]
}

async function copyFirst(
  fs: FileSystem,
  sources: readonly string[],
  path: string,
  into: string
): Promise<boolean> {
  for (const source of sources) {
    if ((await fs.stat(join(source, path))) === null) continue
    await ensureDirectory(fs, dirname(join(into, path)))
    await copyTree(fs, join(source, path), join(into, path))
    return true
  }
  return false
}

async function copyInto(fs: FileSystem, from: string, into: string): Promise<void> {
  if ((await fs.stat(from)) === null) {
    throw new ChasquiError('BACKUP_FAILED', `${from} is gone`, { hint: 'choose another backup' })
  }
  for (const name of await fs.list(from)) await copyTree(fs, join(from, name), join(into, name))
}
