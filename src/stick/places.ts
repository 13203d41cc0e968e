// Takes away what somebody put in place of one of the stick's folders: never followed, it would be refused and the whole stick
// with it. The feeds are not among them: what was in their place is lost, and that a person must see.
import { join } from 'node:path'
import type { Rejected } from './feed-folder.ts'
import { removeStickFile, type StickFolder } from './folder.ts'
import { onStick } from './on-stick.ts'

/** Returns what it took away. */
export async function clearPlaces(folder: StickFolder, fleet: string): Promise<Rejected[]> {
  const cleared: Rejected[] = []
  for (const path of [['roots'], ['roots', fleet], ['reports'], ['requests'], ['grants'], ['installer']]) {
    const found = await onStick(() => folder.fs.stat(join(folder.root, ...path)))
    if (found === null || found.kind === 'directory') continue
    await removeStickFile(folder, path)
    const file = path.join('/')
    cleared.push({ file, code: 'STICK_LINK', message: 'a link or a file was in place of this folder' })
  }
  return cleared
}
