// The demo's Odoo addons in four versions. The first stands in the repository as files; each later one is an overlay:
// files that are new or changed, and a list of deletions and renames. Assembling is deterministic.
import { cp, mkdir, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'

export type AddonSetVersion = 1 | 2 | 3 | 4

const ADDONS = join(import.meta.dirname, 'addons')
const FOLDERS: Record<AddonSetVersion, string> = {
  1: '1-first-install',
  2: '2-delta',
  3: '3-bad',
  4: '4-fix'
}

const relativePath = z.string().regex(/^[a-z][\w/.-]*$/)
const overlayFile = z.strictObject({
  deletes: z.array(relativePath),
  renames: z.array(z.strictObject({ from: relativePath, to: relativePath }))
})

/** Puts the whole set of `version` into the folder `into`, in place of whatever was there. */
export async function assembleAddons(version: AddonSetVersion, into: string): Promise<void> {
  await rm(into, { recursive: true, force: true })
  await mkdir(into, { recursive: true })
  await cp(join(ADDONS, FOLDERS[1]), into, { recursive: true })
  for (const step of [2, 3, 4] as const) {
    if (step <= version) await layOver(join(ADDONS, FOLDERS[step]), into)
  }
}

async function layOver(overlay: string, into: string): Promise<void> {
  const text = await readFile(join(overlay, 'overlay.json'), 'utf8')
  const { deletes, renames } = overlayFile.parse(JSON.parse(text))
  for (const path of deletes) {
    await rm(join(into, path))
    await removeIfEmpty(join(into, dirname(path)))
  }
  for (const { from, to } of renames) {
    await mkdir(dirname(join(into, to)), { recursive: true })
    await rename(join(into, from), join(into, to))
    await removeIfEmpty(join(into, dirname(from)))
  }
  await cp(join(overlay, 'files'), into, { recursive: true })
}

async function removeIfEmpty(folder: string): Promise<void> {
  if ((await readdir(folder)).length === 0) await rmdir(folder)
}
