// Where an app is or will be: the one thing about chasqui.toml that only the disk can say.
import { dirname } from 'node:path'
import { realFileSystem } from '../../src/system/real-file-system.ts'

/** Is `path` a folder, or a name in one? */
export async function lookAtPlace(path: string): Promise<{ ok: boolean; message: string }> {
  const found = await realFileSystem.stat(path)
  if (found?.kind === 'directory') return { ok: true, message: path }
  if (found !== null) return { ok: false, message: `${path} is not a folder` }
  const above = await realFileSystem.stat(dirname(path))
  if (above?.kind === 'directory') return { ok: true, message: `${path} will be made` }
  return { ok: false, message: `the folder above ${path} is missing` }
}
