// What has to be renamed so that the new version of a module stands where the old one is, with the old one in the backup and
// everything that is not ours where it was. Looks at names only: planning happens while the application is stopped.
import { dirname, join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { Manifest } from '../../src/release/manifest.ts'
import { ensureDirectory } from '../../src/system/durable.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
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

const FOLDER_MODE = 0o755

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
    if (collides && !(fresh.files.has(path) && question.isKept(path))) {
      plan.superseded.push(path)
      return
    }
    if (collides) {
      // a backup that comes back does not have it: it stayed in the live tree then too
      if ((await fs.stat(join(staged, path))) !== null) await fs.remove(join(staged, path))
      plan.touched.add(dirname(join(staged, path)))
      plan.kept.push(path)
    }
    await prepareFolder(fs, dirname(join(staged, path)), plan)
    plan.operations.push({ kind: 'rename', from: join(backup, path), to: join(live, path), ours: 'from' })
  }
  for (const path of await foreignEntries(fs, live, ours)) await place(path)
  for (const path of ours.files) {
    if (question.isKept(path) && (await fs.stat(join(live, path))) !== null) await place(path)
  }
}

/** Makes a folder in the work folder, and remembers where a name was added. */
async function prepareFolder(fs: FileSystem, folder: string, plan: SwapPlan): Promise<void> {
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

/** Only the listed files are ours: each changed one is exchanged by itself, nothing else is touched. */
export async function planOverlay(question: SwapQuestion, drifted: ReadonlySet<string>): Promise<SwapPlan> {
  const { fs, live, staged, backup } = question
  const plan: SwapPlan = { operations: [], touched: new Set(), kept: [], superseded: [] }
  const before = new Map((question.oldManifest?.entries ?? []).map((entry) => [entry.path, entry]))
  const folders = new FolderPlanner(fs, live, plan.operations)
  await prepareFolder(fs, backup, plan)
  const takeAway = async (path: string) => {
    await prepareFolder(fs, dirname(join(backup, path)), plan)
    plan.operations.push({ kind: 'rename', from: join(live, path), to: join(backup, path), ours: 'to' })
  }
  const fresh = namesOf(question.newManifest)
  for (const entry of question.newManifest?.entries ?? []) {
    const { path } = entry
    const old = before.get(path)
    const isSame =
      old?.sha256 === entry.sha256 && old.executable === entry.executable && old.kind === entry.kind
    if (isSame && !drifted.has(path)) continue
    const there = await folders.kindOf(path)
    if (question.isKept(path) && there !== null) {
      plan.kept.push(path)
      continue
    }
    if (there !== null && old === undefined) plan.superseded.push(path)
    if (there !== null) await takeAway(path)
    await folders.make(dirname(path))
    plan.operations.push({ kind: 'rename', from: join(staged, path), to: join(live, path), ours: 'from' })
  }
  const gone = [...before.keys(), ...question.deletes].filter((path) => !fresh.files.has(path))
  for (const path of new Set(gone)) {
    if (!question.isKept(path) && (await folders.kindOf(path)) !== null) await takeAway(path)
  }
  for (const folder of emptied(question.oldManifest, fresh)) {
    plan.operations.push({ kind: 'remove-directory', path: join(live, folder), mode: FOLDER_MODE })
  }
  return plan
}

/** Folders that held files of the old list and hold none of the new one, the deepest first. */
function emptied(oldManifest: Manifest | null, fresh: Names): string[] {
  const folders = [...namesOf(oldManifest).folders].filter((folder) => !fresh.folders.has(folder))
  return folders.sort((a, b) => b.length - a.length)
}

/** The folders of a live overlay: each looked at once, made once, and never a symlink on the way. */
class FolderPlanner {
  readonly #fs: FileSystem
  readonly #live: string
  readonly #operations: Operation[]
  readonly #exist = new Map<string, boolean>()

  constructor(fs: FileSystem, live: string, operations: Operation[]) {
    this.#fs = fs
    this.#live = live
    this.#operations = operations
  }

  /** What is at a path; null when nothing is, or when its folder is not there. */
  async kindOf(path: string): Promise<'file' | 'symlink' | null> {
    if (!(await this.#exists(dirname(path)))) return null
    const found = await this.#fs.stat(join(this.#live, path))
    if (found === null) return null
    if (found.kind === 'file' || found.kind === 'symlink') return found.kind
    throw new ChasquiError(
      'APPLY_PLACE',
      `${join(this.#live, path)} is a folder where the release has a file`,
      {
        hint: 'move it away, or add it to keep'
      }
    )
  }

  /** Makes sure that a folder is planned or there. */
  async make(folder: string): Promise<void> {
    if (await this.#exists(folder)) return
    if (folder !== '.') await this.make(dirname(folder))
    this.#operations.push({ kind: 'make-directory', path: join(this.#live, folder), mode: FOLDER_MODE })
    this.#exist.set(folder, true)
  }

  async #exists(folder: string): Promise<boolean> {
    const known = this.#exist.get(folder)
    if (known !== undefined) return known
    const above = folder === '.' ? true : await this.#exists(dirname(folder))
    const found = above ? await this.#fs.stat(join(this.#live, folder)) : null
    if (found !== null && found.kind !== 'directory') {
      throw new ChasquiError('APPLY_PLACE', `${join(this.#live, folder)} is not a folder`, {
        hint: 'a release never writes through a symlink: put the real folder there'
      })
    }
    this.#exist.set(folder, found !== null)
    return found !== null
  }
}
