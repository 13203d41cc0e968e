// Mounts inside a live tree cannot be renamed, nor files across them: found before anything is stopped.
import { dirname, join, relative } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import { isMissing, type ReadableFileSystem } from '../../src/system/file-system.ts'
import { LiveFolders } from './live-folders.ts'
import type { EngineParts } from './parts.ts'
import { foreignEntries, type Names } from './tree.ts'
import type { ModuleChange } from './types.ts'

const TABLE = '/proc/self/mountinfo'
const TABLE_LIMIT = 4 * 1024 * 1024 // bytes

/** Throws APPLY_PLACE when an exchange of these names would have to move a mount point, or something across one. */
export async function refuseMounts(
  { fs, platform }: Pick<EngineParts, 'fs' | 'platform'>,
  live: string,
  kind: ModuleChange['kind'],
  names: Names
): Promise<void> {
  const listed = platform === 'linux' ? await mountsBeneath(fs, live) : []
  const first =
    listed.find((path) => isMoved(path, kind, names)) ?? (await otherVolume(fs, live, kind, names))
  if (first === undefined) return
  throw new ChasquiError('APPLY_PLACE', `${join(live, first)} is a mount point`, {
    hint: 'mount it outside of the folder, put a symlink in its place and name it under keep, as "media/**"'
  })
}

/** A folder is exchanged with everything directly in a folder of ours; an overlay file by file. */
function isMoved(path: string, kind: ModuleChange['kind'], { files, folders }: Names): boolean {
  if (path === '' || folders.has(path) || files.has(path)) return true
  return kind === 'directory' && (dirname(path) === '.' || folders.has(dirname(path)))
}

/** Mount points at (''), and beneath a folder, as the system lists them; bind mounts of the same volume too. */
async function mountsBeneath(fs: ReadableFileSystem, folder: string): Promise<string[]> {
  const lines = (await readTable(fs)).split('\n')
  const points = lines.map((line) => unescaped(line.split(' ')[4] ?? '/'))
  return points
    .map((point) => relative(folder, point))
    .filter((path) => !path.startsWith('..') && !path.startsWith('/'))
}

/** A mount point with a space in it is written with octal escapes. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
}

async function readTable(fs: ReadableFileSystem): Promise<string> {
  try {
    const reader = await fs.openFile(TABLE)
    try {
      return Buffer.from(await reader.read(0, TABLE_LIMIT)).toString('utf8')
    } finally {
      await reader.close()
    }
  } catch (error) {
    if (isMissing(error)) return ''
    throw error
  }
}

/** What the system does not list can still be seen to be on another volume. */
async function otherVolume(
  fs: ReadableFileSystem,
  live: string,
  kind: ModuleChange['kind'],
  names: Names
): Promise<string | undefined> {
  const own = await fs.stat(live)
  if (own === null) return undefined
  const foreign = kind === 'directory' ? await foreignEntries(fs, live, names) : []
  const folders = new LiveFolders(fs, live)
  for (const path of [...names.folders, ...foreign]) {
    // where a symlink leads to nothing is moved
    if ((await folders.obstacle(path)) !== null) continue
    const found = await fs.stat(join(live, path))
    if (found?.kind === 'directory' && found.device !== own.device) return path
  }
  return undefined
}
