// Where things are: the live places of an app, and the work folder beside them with staging and backups. The work folder is
// on the volume of the live places, because everything that changes hands does so by rename.
import { basename, dirname, join, relative } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { type AppConfig, isSingleModule } from '../config/apps.ts'
import { existingFolder } from './space.ts'

/** Where a module of the app lives. */
export function livePlace(app: Pick<AppConfig, 'modules' | 'path'>, module: string): string {
  return isSingleModule(app) ? app.path : join(app.path, module)
}

export function stagingPlace(work: string, transaction: string): string {
  return join(work, `t-${transaction}`)
}

export function stagedModule(work: string, transaction: string, module: string): string {
  return join(stagingPlace(work, transaction), 'new', module)
}

/** Local files that came in the way and have nowhere else to be. */
export function asidePlace(work: string, backup: string, module: string): string {
  return join(backupPlace(work, backup), 'aside', module)
}

export function backupPlace(work: string, backup: string): string {
  return join(work, 'backups', backup)
}

export function backedUpModule(work: string, backup: string, module: string): string {
  return join(backupPlace(work, backup), 'files', module)
}

/** The file that keeps an app down while it is neither old nor new. */
export function holdPlace(work: string, app: string): string {
  return join(work, `${app}.down`)
}

/** The folder or command output that a profile's database backup goes to. */
export function databasePlace(work: string, backup: string): string {
  return join(backupPlace(work, backup), 'database')
}

/**
 * The work folder of an app: as configured, else beside the app's path, else (the path is a mount point) inside it.
 * Throws APPLY_PLACE when no folder on the same volume can be used.
 */
export async function workPlace(fs: FileSystem, app: AppConfig): Promise<string> {
  if (app.work !== undefined)
    return (await fs.stat(app.work))?.kind === 'symlink' ? realPlace(fs, app.work) : app.work
  const beside = join(dirname(app.path), `.chasqui-${basename(app.path)}`)
  if ((await volumeOf(fs, app.path)) === (await volumeOf(fs, dirname(app.path)))) return beside
  if (!isSingleModule(app)) return join(app.path, '.chasqui')
  throw new ChasquiError('APPLY_PLACE', `${app.path} is a mount point and cannot be renamed`, {
    hint: 'install into a folder below the mount point'
  })
}

/** The volume that a path is on, or will be on. Throws APPLY_PLACE. */
export async function volumeOf(fs: FileSystem, path: string): Promise<number> {
  const found = await fs.stat(await realPlace(fs, await existingFolder(fs, path)))
  if (found !== null) return found.device
  throw new ChasquiError('APPLY_PLACE', `${path} cannot be reached`)
}

/** The path with symlinks followed, of something that need not be there yet. Throws APPLY_PLACE. */
export async function futurePlace(fs: FileSystem, path: string): Promise<string> {
  const there = await existingFolder(fs, path)
  return join(await realPlace(fs, there), relative(there, path))
}

/** With symlinks followed. Throws APPLY_PLACE. */
async function realPlace(fs: FileSystem, path: string): Promise<string> {
  try {
    return await fs.realPath(path)
  } catch (cause) {
    throw new ChasquiError('APPLY_PLACE', `${path} is a symlink that leads nowhere`, { cause })
  }
}
