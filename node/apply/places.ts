// The live places and the work folder, before anything is stopped: they can be renamed into each other, nobody else can look
// into the backups, and nothing lies where a new module would come that no transaction has put there.
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { Manifest } from '../../src/release/manifest.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { isSingleModule } from '../config/apps.ts'
import type { Profile } from '../profiles/profile.ts'
import { futurePlace, livePlace, volumeOf } from './layout.ts'
import { refuseMounts } from './mounts.ts'
import { refuseDirectory } from './obstacles.ts'
import { requireMovable, requireWritable } from './permissions.ts'
import type { Records } from './records.ts'
import { firstFile, namesOf } from './tree.ts'
import type { ModuleChange } from './types.ts'
import { type AppWork, globMatcher } from './work.ts'
import { closeWorkFolder, refuseShared } from './work-folder.ts'

export interface PlacesQuestion {
  work: AppWork
  profile: Profile
  records: Records
  changes: readonly ModuleChange[]
  workFolder: string
  /** the work folder is not made */
  isDryRun?: boolean
}

/** Same volume, no mount points, no symlinks, permitted, known. Throws APPLY_PLACE, APPLY_NOT_ADOPTED, NO_PERMISSION. */
export async function refusePlaces(question: PlacesQuestion): Promise<void> {
  const { work, changes, workFolder, isDryRun = false } = question
  const { fs } = work.parts
  if (isSingleModule(work.app) && changes.length > 1) {
    throw new ChasquiError(
      'APPLY_PLACE',
      `${work.app.path} is the folder of one module, not of ${changes.length}`
    )
  }
  await refuseShared(work, workFolder)
  for (const change of changes) await refuseInside(work, change, workFolder)
  if (!isDryRun) await closeWorkFolder(fs, workFolder)
  for (const change of changes) await refusePlace(question, change)
  await requireWritable(fs, workFolder)
}

/** A folder cannot be moved into itself. */
async function refuseInside({ parts, app }: AppWork, { module, kind }: ModuleChange, workFolder: string) {
  const live = await futurePlace(parts.fs, livePlace(app, module))
  const way = relative(live, await futurePlace(parts.fs, workFolder))
  if (kind !== 'directory' || way.split(sep)[0] === '..' || isAbsolute(way)) return
  throw new ChasquiError('APPLY_PLACE', `the work folder ${workFolder} is in the folder of ${module}`, {
    hint: `leave "work" out of [apps.${app.name}], or give it a folder outside of ${live}`
  })
}

async function refusePlace(question: PlacesQuestion, change: ModuleChange) {
  const { work, profile, records, workFolder } = question
  const { fs } = work.parts
  const live = livePlace(work.app, change.module)
  const found = await fs.stat(live)
  if (found !== null && found.kind !== 'directory') {
    throw new ChasquiError('APPLY_PLACE', `${live} is a ${found.kind}, not a folder`, {
      hint: 'a release is never written through a symlink: configure the real folder as path'
    })
  }
  if ((await volumeOf(fs, live)) !== (await volumeOf(fs, workFolder))) {
    throw new ChasquiError('APPLY_PLACE', `${live} is on another volume than ${workFolder}`, {
      hint: 'it is a mount point, or "work" names another disk: give a work folder on the same volume'
    })
  }
  const manifest = await records.manifest(work.app.name, change.module)
  if (change.from !== null && manifest !== null) await refuseElsewhere(question, change, live, manifest)
  const names = namesOf(manifest)
  if (found !== null) await refuseMounts(work.parts, live, change.kind, names)
  if (found !== null && change.kind === 'directory') {
    await refuseUnknown(work, profile, records, change)
    const isKept = globMatcher(work.app.keep, change.module)
    const isDerived = globMatcher(profile.derived, change.module)
    const newManifest = change.to === null ? null : manifest
    await refuseDirectory({ fs, live, oldManifest: manifest, newManifest, isKept, isDerived })
    await requireMovable(fs, live, names, isDerived)
  }
  const writable = change.kind === 'overlay' && found !== null ? live : dirname(live)
  await requireWritable(fs, writable)
}

/**
 * Another path, or a second module beside the only one, means another place: an update would go there while the service runs
 * what is in the old one. What somebody has moved to the new place is fine.
 */
async function refuseElsewhere(
  { work, records }: PlacesQuestion,
  { module, to }: ModuleChange,
  live: string,
  manifest: Manifest
): Promise<void> {
  const { name } = work.app
  const known = (await records.installed(name)).find((one) => one.module === module)?.live
  if (known === live || (await isMostlyThere(work.parts.fs, live, manifest))) return
  // a person takes away what is gone already
  if (known === undefined && to === null) return
  const was = known === undefined ? `${module} is not in ${live}` : `${module} was installed in ${known}`
  throw new ChasquiError('APPLY_PLACE', `${was}, and the configuration says ${live}`, {
    hint: `set path and modules in [apps.${name}] as they were; or stop it, move its folder there, and let its service run it from there`
  })
}

const MOST = 0.5 // of the files, as when a module is adopted

async function isMostlyThere(fs: FileSystem, live: string, { entries }: Manifest): Promise<boolean> {
  let found = 0
  for (const { path } of entries) if ((await fs.stat(join(live, path))) !== null) found++
  return found >= entries.length * MOST
}

/**
 * A first install into a folder with files would leave the files of an older version among the new ones, and skip their
 * migration. What is kept or can be made again may lie there, and what a module that was removed has left behind.
 */
async function refuseUnknown(work: AppWork, profile: Profile, records: Records, change: ModuleChange) {
  const { module, track, from, release } = change
  if (release === null || from !== null || (await records.floor(work.app.name, module, track)) !== null)
    return
  const [isKept, isDerived] = [globMatcher(work.app.keep, module), globMatcher(profile.derived, module)]
  const live = livePlace(work.app, module)
  const file = await firstFile(work.parts.fs, live, (path) => isKept(path) || isDerived(path))
  if (file === null) return
  throw new ChasquiError('APPLY_NOT_ADOPTED', `${live} holds files of an unknown version, such as ${file}`, {
    hint: 'run "chasqui node adopt"; name what is only local under keep; or move that folder away'
  })
}
