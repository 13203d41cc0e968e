// The work folder: dumps, and files that the application keeps from everybody, lie in it. It is for the node's user alone, and it
// is made private only where nobody else has anything in it.
import { dirname, join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import { ensureDirectory } from '../../src/system/durable.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import type { AppConfig } from '../config/apps.ts'
import { workPlace } from './layout.ts'
import type { EngineParts } from './parts.ts'
import { existingFolder } from './space.ts'
import type { AppWork } from './work.ts'

export const PRIVATE = 0o700

/** Names that transactions give: staging, backups, what keeps an app down. */
const OURS = /^(t-\d{8}T\d{9}Z-[0-9a-f]+|backups|[A-Za-z0-9][A-Za-z0-9_-]*\.down(\.[0-9a-f]{12}\.tmp)?)$/
const BACKUP = /^\d{8}T\d{9}Z-[0-9a-f]+$/

/** Throws APPLY_PLACE for a configured folder that would have to be closed to others, and holds something of theirs. */
export async function refuseShared({ parts, app }: AppWork, folder: string): Promise<void> {
  const { fs, platform } = parts
  if (app.work === undefined || platform === 'win32') return
  const found = await fs.stat(folder)
  if (found?.kind !== 'directory' || found.mode === PRIVATE) return
  const foreign = await firstForeign(fs, folder)
  if (foreign === undefined) return
  throw new ChasquiError('APPLY_PLACE', `the work folder ${folder} also holds ${foreign}`, {
    hint: `it is closed to all other users: give it a folder of its own, such as work = "${join(folder, `.chasqui-${app.name}`)}"`
  })
}

async function firstForeign(fs: FileSystem, folder: string): Promise<string | undefined> {
  const names = await fs.list(folder)
  const foreign = names.find((name) => !OURS.test(name))
  if (foreign !== undefined || !names.includes('backups')) return foreign
  const backup = (await fs.list(join(folder, 'backups'))).find((name) => !BACKUP.test(name))
  return backup === undefined ? undefined : join('backups', backup)
}

/** Makes it where it is not there. */
export async function closeWorkFolder(fs: FileSystem, folder: string): Promise<void> {
  await makePrivate(fs, folder)
  await makePrivate(fs, join(folder, 'backups'))
}

async function makePrivate(fs: FileSystem, folder: string): Promise<void> {
  await ensureDirectory(fs, dirname(folder))
  await ensureDirectory(fs, folder, PRIVATE)
  const found = await fs.stat(folder)
  if (found?.kind === 'directory' && found.mode !== PRIVATE) await fs.setMode(folder, PRIVATE)
}

/**
 * Does `act` with the work folder of an app. When it throws, the folders that it has made go again, and a work folder of ours in
 * which nothing is.
 */
export async function inWorkFolder<T>(
  { fs, log }: Pick<EngineParts, 'fs' | 'log'>,
  app: AppConfig,
  act: (workFolder: string) => Promise<T>
): Promise<T> {
  const work = await workPlace(fs, app)
  const deepest = join(work, 'backups')
  const before = await existingFolder(fs, deepest)
  const isOurs = app.work === undefined && [work, deepest].includes(before)
  try {
    return await act(work)
  } catch (thrown) {
    await removeEmpty(fs, deepest, isOurs ? dirname(work) : before).catch((error: Error) => {
      log.warn({ app: app.name, error: error.message }, 'an empty work folder could not be removed')
    })
    throw thrown
  }
}

/** From `path` upwards to `end`, which stays; what holds something stays. */
async function removeEmpty(fs: FileSystem, path: string, end: string): Promise<void> {
  if (path === end) return
  const found = await fs.stat(path)
  if (found !== null && (found.kind !== 'directory' || (await fs.list(path)).length > 0)) return
  if (found !== null) await fs.remove(path)
  await removeEmpty(fs, dirname(path), end)
}
