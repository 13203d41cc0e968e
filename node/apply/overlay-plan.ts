// What has to be renamed for an overlay: only the listed files are ours, each changed one is exchanged by itself, nothing else is
// touched, and nothing is reached through a symlink.
import { dirname, join } from 'node:path'
import { LiveFolders } from './live-folders.ts'
import { standing } from './obstacles.ts'
import { requireWritable } from './permissions.ts'
import { FOLDER_MODE, prepareFolder, type SwapPlan, type SwapQuestion } from './swap-plan.ts'
import { type Names, namesOf } from './tree.ts'

/** `drifted`: files that are not as they were installed. */
export async function planOverlay(question: SwapQuestion, drifted: ReadonlySet<string>): Promise<SwapPlan> {
  const { fs, live, staged, backup } = question
  const plan: SwapPlan = { operations: [], touched: new Set(), kept: [], superseded: [] }
  const folders = new LiveFolders(fs, live)
  const fresh = namesOf(question.newManifest)
  const ours = namesOf(question.oldManifest)
  const { placed, gone } = overlayChanges(question, drifted)
  await prepareFolder(fs, backup, plan)
  const takeAway = async (path: string) => {
    await prepareFolder(fs, dirname(join(backup, path)), plan)
    plan.operations.push({ kind: 'rename', from: join(live, path), to: join(backup, path), ours: 'to' })
  }
  for (const path of placed) {
    const there = await standing(question, folders, path)
    if (there === 'kept') {
      plan.kept.push(path)
      continue
    }
    if (there !== null && !ours.files.has(path)) plan.superseded.push(path)
    if (there !== null) await takeAway(path)
    for (const folder of await folders.missing(dirname(path))) {
      plan.operations.push({ kind: 'make-directory', path: join(live, folder), mode: FOLDER_MODE })
    }
    plan.operations.push({ kind: 'rename', from: join(staged, path), to: join(live, path), ours: 'from' })
  }
  for (const path of gone) {
    const there = await standing(question, folders, path)
    if (there !== null && there !== 'kept') await takeAway(path)
  }
  for (const folder of emptied(ours, fresh)) {
    if ((await folders.kindOf(folder)) !== 'directory') continue
    plan.operations.push({ kind: 'remove-directory', path: join(live, folder), mode: FOLDER_MODE })
  }
  return plan
}

/** Folders that held files of the old list and hold none of the new one, the deepest first. */
function emptied(ours: Names, fresh: Names): string[] {
  const folders = [...ours.folders].filter((folder) => !fresh.folders.has(folder))
  return folders.sort((a, b) => b.length - a.length)
}

/** Paths of which the file is another one than here or than before, and paths that go. */
function overlayChanges(question: SwapQuestion, drifted: ReadonlySet<string>) {
  const before = new Map((question.oldManifest?.entries ?? []).map((entry) => [entry.path, entry]))
  const fresh = namesOf(question.newManifest)
  const placed = (question.newManifest?.entries ?? []).filter((entry) => {
    const old = before.get(entry.path)
    const isSame =
      old?.sha256 === entry.sha256 && old.executable === entry.executable && old.kind === entry.kind
    return !isSame || drifted.has(entry.path)
  })
  const gone = [...before.keys(), ...question.deletes].filter((path) => !fresh.files.has(path))
  return { placed: placed.map(({ path }) => path), gone: new Set(gone) }
}

/** Throws for what would stop `planOverlay` or its renames: APPLY_PLACE, NO_PERMISSION. */
export async function refuseOverlay(question: SwapQuestion, drifted: ReadonlySet<string>): Promise<void> {
  const { fs, live } = question
  const folders = new LiveFolders(fs, live)
  const { placed, gone } = overlayChanges(question, drifted)
  const changed = new Set<string>()
  for (const path of placed) {
    if ((await standing(question, folders, path)) !== 'kept') changed.add(dirname(path))
  }
  for (const path of gone) {
    const there = await standing(question, folders, path)
    if (there !== null && there !== 'kept') changed.add(dirname(path))
  }
  for (const folder of changed) await requireWritable(fs, join(live, folder))
}
