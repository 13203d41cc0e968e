// What stands where a release has a folder, and is none: a symlink to another disk, say. Under `keep` it stays and nothing of
// the release comes beneath it; else it is refused before anything is stopped.
import { join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { Manifest } from '../../src/release/manifest.ts'
import type { ReadableFileSystem } from '../../src/system/file-system.ts'
import { LiveFolders, type Obstacle } from './live-folders.ts'
import { type Names, namesOf } from './tree.ts'

/** Part of a question for a plan. */
export interface ObstacleQuestion {
  fs: ReadableFileSystem
  live: string
  oldManifest: Manifest | null
  newManifest: Manifest | null
  isKept(path: string): boolean
  isDerived(path: string): boolean
}

/** True where a release has a folder, and keep names all that it brings into it. */
export function isKeptAway(
  isKept: (path: string) => boolean,
  path: string,
  { files, folders }: Names
): boolean {
  return folders.has(path) && [...files].every((file) => !file.startsWith(`${path}/`) || isKept(file))
}

/** For a module of kind directory. Throws APPLY_PLACE. */
export async function refuseDirectory(question: ObstacleQuestion): Promise<void> {
  const { fs, live, isKept, isDerived } = question
  const folders = new LiveFolders(fs, live)
  const [ours, fresh] = [namesOf(question.oldManifest), namesOf(question.newManifest)]
  for (const path of fresh.files) {
    const obstacle = await folders.obstacle(path)
    if (obstacle === null || ours.files.has(obstacle.path) || isDerived(obstacle.path)) continue
    // a local file that a release brings too loses, and is in the backup
    if (isKept(path) || obstacle.kind === 'file') continue
    throw notAFolder(live, obstacle)
  }
}

/** What is at a path of an overlay that the release replaces or takes away. Throws APPLY_PLACE. */
export async function standing(
  { live, isKept }: Pick<ObstacleQuestion, 'live' | 'isKept'>,
  folders: LiveFolders,
  path: string
): Promise<'file' | 'symlink' | 'kept' | null> {
  const obstacle = await folders.obstacle(path)
  if (obstacle !== null) {
    if (isKept(path)) return 'kept'
    throw notAFolder(live, obstacle)
  }
  const there = await folders.kindOf(path)
  if (there === null) return null
  if (isKept(path)) return 'kept'
  if (there === 'file' || there === 'symlink') return there
  throw new ChasquiError('APPLY_PLACE', `${join(live, path)} is a folder where the release has a file`, {
    hint: 'move it away, or add it to keep'
  })
}

function notAFolder(live: string, { path, kind }: Obstacle): ChasquiError {
  return new ChasquiError('APPLY_PLACE', `${join(live, path)} is a ${kind} where the release has a folder`, {
    hint: `nothing is written through it: put the real folder there, or add "${path}/**" to keep (what the release brings into it is left out then)`
  })
}
