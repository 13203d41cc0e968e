// The trees of the kill tests: what a module looks like in a version, and what lies in its folder that is not ours.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export type Tree = Readonly<Record<string, string>>

/** 40 files of which half change with each version, one comes and one goes. */
export function versionFiles(module: string, version: string): Tree {
  const files: Record<string, string> = { 'version.txt': version, [`only/${version}.txt`]: version }
  for (let index = 0; index < 40; index++) {
    files[`src/part-${index}.txt`] =
      index % 2 === 0 ? `${module} part ${index}` : `${module} part ${index} of ${version}`
  }
  return files
}

export const LOCAL: Tree = { 'media/photo.txt': 'photo', '.env': 'SECRET=1' }

export async function writeTree(root: string, files: Tree): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

export async function readTree(root: string): Promise<Tree> {
  const files: Record<string, string> = {}
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files[path.slice(root.length + 1)] = await readFile(path, 'utf8')
  }
  return files
}
