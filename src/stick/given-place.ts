// Where the stick is that a person names: the folder where it is mounted, also when they name the folder `chasqui` on it. Taken
// by its word that would make a second stick within the first, which nobody ever finds.
import { basename, dirname, join, resolve } from 'node:path'
import type { ReadableFileSystem } from '../system/file-system.ts'

export async function givenPlace(fs: ReadableFileSystem, path: string): Promise<string> {
  const place = resolve(path)
  if (basename(place).toLowerCase() !== 'chasqui') return place
  const file = await fs.stat(join(place, 'stick.json')).catch(() => null)
  return file?.kind === 'file' ? dirname(place) : place
}
