// What the user wants to publish, read from disk: one candidate per folder, each compared with what was released before.
// Nothing is written here; everything that can be refused is refused here.
import { basename, join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import { looksLikeModule, type ModuleIdentity, readModuleIdentity } from '../../src/pack/identity.ts'
import { readTree, type Tree } from '../../src/pack/tree.ts'
import { type Manifest, manifestRoot } from '../../src/release/manifest.ts'
import { checkNext, type NextRelease } from '../../src/release/next.ts'
import type { Release } from '../../src/release/release.ts'
import { realPath } from '../../src/system/disk.ts'
import type { PublisherApp } from '../app.ts'
import { openIfHere, releasesOf, sortReleases } from '../catalog.ts'
import type { FleetView } from '../fleet-keeper.ts'
import type { PublishArgs } from './arguments.ts'
import { withSelectedFiles } from './selected-files.ts'

export interface Candidate {
  folder: string
  identity: ModuleIdentity
  tree: Pick<Tree, 'manifest' | 'contents'>
  /** manifest root, hex */
  root: string
  /** earlier releases of the module and track */
  releases: Release[]
  next: NextRelease
  /** what was opened for it, to be closed after the packs are made */
  close(): Promise<void>
}

/** A module's folder as it was named, and where it lies: addons are often links into a repository. */
export interface ModuleFolder {
  name: string
  path: string
}

async function locate(path: string): Promise<ModuleFolder> {
  return { name: basename(path), path: (await realPath(path)) ?? path }
}

/** The folders of a publish: those that were given, or every module in a folder of modules. Throws MODULE_NONE. */
export async function findFolders(app: PublisherApp, args: PublishArgs): Promise<ModuleFolder[]> {
  if (args.each === undefined) return Promise.all(args.dirs.map(locate))
  const each = (await realPath(args.each)) ?? args.each
  if ((await app.fs.stat(each))?.kind !== 'directory') {
    throw new ChasquiError('NOT_A_DIRECTORY', `${each} is not a directory`, {
      hint: 'give the folder of the modules'
    })
  }
  const folders: ModuleFolder[] = []
  for (const name of await app.fs.list(each)) {
    const folder = await locate(join(each, name))
    if ((await app.fs.stat(folder.path))?.kind !== 'directory' || name.startsWith('.')) continue
    if (await looksLikeModule(app.fs, folder.path)) folders.push(folder)
  }
  if (folders.length > 0) return folders
  throw new ChasquiError('MODULE_NONE', `there is no module in ${each}`, {
    hint: 'a module has a __manifest__.py, a package.json or a version.txt'
  })
}

/** Reads every folder; what is refused is refused for all of them together, with the list. */
export async function readCandidates(
  app: PublisherApp,
  view: FleetView,
  folders: readonly ModuleFolder[],
  args: PublishArgs,
  signal: AbortSignal
): Promise<Candidate[]> {
  const candidates: Candidate[] = []
  const refused: ChasquiError[] = []
  for (const folder of folders) {
    try {
      candidates.push(await readCandidate(app, view, folder, args, signal))
    } catch (error) {
      if (!(error instanceof ChasquiError) || folders.length === 1) throw error
      refused.push(error)
    }
  }
  if (refused.length > 0) throw together(refused)
  refuseTwins(candidates)
  return candidates
}

async function readCandidate(
  app: PublisherApp,
  view: FleetView,
  { name, path: folder }: ModuleFolder,
  args: PublishArgs,
  signal: AbortSignal
): Promise<Candidate> {
  const identity = await readModuleIdentity(app.fs, folder, args, name)
  const releases = await releasesOf(view, identity.module, identity.track)
  const kind = args.kind ?? releases.at(-1)?.kind ?? 'directory'
  const executableFrom = hasExecutableBits(app.platform) ? null : await newestManifest(app, view, releases)
  const whole = await readTree(app.fs, folder, {
    kind,
    signal,
    ...(executableFrom !== null && { executableFrom })
  })
  refuseHome(folder, whole.manifest)
  const selected =
    args.files === undefined
      ? null
      : await withSelectedFiles(app, view, releases, whole, args.files, identity.source)
  const tree = selected ?? whole
  const root = manifestRoot(tree.manifest)
  const { module, version, order } = identity
  const next = checkNext(releases, { module, version, root, order }, args)
  return { folder, identity, tree, root, releases, next, close: async () => selected?.close() }
}

/** Whoever has the release has all that is in it: keys must never be. Throws MODULE_HAS_HOME. */
function refuseHome(folder: string, { entries }: Manifest): void {
  const paths = new Set(entries.map(({ path }) => path))
  for (const path of paths) {
    const home = /^(|.*\/)keys\/[^/]+$/.exec(path)?.[1]
    if (home === undefined || !paths.has(`${home}home.json`)) continue
    throw new ChasquiError('MODULE_HAS_HOME', `${join(folder, home)} is a home with keys in it`, {
      hint: 'keep the home elsewhere; where it has to stay, name it in .chasquiignore'
    })
  }
}

function hasExecutableBits(platform: NodeJS.Platform): boolean {
  return platform !== 'win32'
}

/** Of the newest release that is on this machine. */
async function newestManifest(
  app: PublisherApp,
  view: FleetView,
  releases: readonly Release[]
): Promise<Manifest | null> {
  for (const { version } of sortReleases(releases)) {
    const opened = await openIfHere(app, view, releases, version)
    if (opened === null) continue
    await opened.close()
    return opened.base.manifest
  }
  return null
}

function together(refused: readonly ChasquiError[]): ChasquiError {
  const [first] = refused as [ChasquiError]
  if (refused.length === 1) return first
  const list = refused.map((error) => `${error.message} (${error.code})`).join('; ')
  return new ChasquiError(first.code, `${refused.length} modules are refused: ${list}`, {
    ...(first.hint !== undefined && { hint: first.hint }),
    cause: first
  })
}

function refuseTwins(candidates: readonly Candidate[]): void {
  const seen = new Map<string, string>()
  for (const { identity, folder } of candidates) {
    const name = `${identity.module} on track ${identity.track}`
    const other = seen.get(name)
    if (other !== undefined) {
      throw new ChasquiError('USAGE', `${other} and ${folder} are both ${name}`, {
        hint: 'publish one of them, or give the other another track'
      })
    }
    seen.set(name, folder)
  }
}
