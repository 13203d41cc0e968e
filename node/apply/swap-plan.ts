// What has to be renamed so that the new version of a module stands where the old one is, with the old one in the backup and
// everything that is not ours where it was. Looks at names only: planning happens while the application is stopped.
import { dirname, join } from 'node:path'
import type { Manifest } from '../../src/release/manifest.ts'
import { ensureDirectory, removeTree } from '../../src/system/durable.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { LiveFolders } from './live-folders.ts'
import { isKeptAway } from './obstacles.ts'
import type { Operation } from './operations.ts'
import { foreignEntries, type Names, namesOf } from './tree.ts'

export interface SwapQuestion {
  fs: FileSystem
  live: string
  /** the new tree, complete; changed here where local files win */
  staged: string
  /** where the old files go; does not exist yet */
  backup: string
  /** null: not known, then every file that is there counts as local */
  oldManifest: Manifest | null
  /** null: the module goes away */
  newManifest: Manifest | null
  /** paths that a release never replaces */
  isKept(path: string): boolean
  /** paths that can be made again and are left behind */
  isDerived(path: string): boolean
  /** overlay: more paths to take away */
  deletes: readonly string[]
}

export interface SwapPlan {
  operations: Operation[]
  /** folders in the work folder in which planning made or removed names */
  touched: Set<string>
  /** local files that won over a file of the release */
  kept: string[]
  /** local files that lost against one: they are in the backup */
  superseded: string[]
}

export const FOLDER_MODE = 0o755

/** The whole folder is ours: two renames, and one for each thing in it that is not. */
export async function planDirectory(question: SwapQuestion): Promise<SwapPlan> {
  const { fs, live, staged, backup } = question
  const plan: SwapPlan = { operations: [], touched: new Set(), kept: [], superseded: [] }
  const found = await fs.stat(live)
  if (question.newManifest === null) await prepareFolder(fs, staged, plan)
  if (found !== null) {
    await prepareFolder(fs, dirname(backup), plan)
    plan.operations.push({ kind: 'rename', from: live, to: backup, ours: 'to' })
  }
  plan.operations.push({ kind: 'rename', from: staged, to: live, ours: 'from' })
  if (found !== null) await carryOver(question, plan)
  if (question.newManifest === null) {
    plan.operations.push({ kind: 'remove-directory', path: live, mode: FOLDER_MODE })
  }
  return plan
}

/** Renames that bring local files from the old tree (then in the backup) into the new one. */
async function carryOver(question: SwapQuestion, plan: SwapPlan): Promise<void> {
  const { fs, live, staged, backup } = question
  const ours = namesOf(question.oldManifest)
  const fresh = namesOf(question.newManifest)
  const place = async (path: string): Promise<void> => {
    if (question.isDerived(path)) return
    if (fresh.folders.has(path) && (await fs.stat(join(live, path)))?.kind === 'directory') {
      for (const name of await fs.list(join(live, path))) await place(`${path}/${name}`)
      return
    }
    const collides = fresh.files.has(path) || fresh.folders.has(path) || isBeneathFile(path, fresh)
    const wins = fresh.files.has(path) ? question.isKept(path) : isKeptAway(question.isKept, path, fresh)
    if (collides && !wins) {
      plan.superseded.push(path)
      return
    }
    if (collides) {
      // a backup that comes back does not have it: it stayed in the live tree then too
      await removeTree(fs, join(staged, path))
      plan.touched.add(dirname(join(staged, path)))
      plan.kept.push(path)
    }
    await prepareFolder(fs, dirname(join(staged, path)), plan)
    plan.operations.push({ kind: 'rename', from: join(backup, path), to: join(live, path), ours: 'from' })
  }
  for (const path of await foreignEntries(fs, live, ours)) await place(path)
  // what a symlink leads to is where it was
  const folders = new LiveFolders(fs, live)
  for (const path of ours.files) {
    if (question.isKept(path) && (await folders.kindOf(path)) !== null) await place(path)
  }
}

/** Makes a folder in the work folder, and remembers where a name was added. */
export async function prepareFolder(fs: FileSystem, folder: string, plan: SwapPlan): Promise<void> {
  if (plan.touched.has(folder) || (await fs.stat(folder)) !== null) return
  await prepareFolder(fs, dirname(folder), plan)
  await ensureDirectory(fs, folder)
  plan.touched.add(dirname(folder)).add(folder)
}

function isBeneathFile(path: string, names: Names): boolean {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (names.files.has(path.slice(0, end))) return true
  }
  return false
}
