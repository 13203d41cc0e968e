// Where the stick is that a person names.
import { basename, dirname, join, resolve } from 'node:path'
import type { FileSystem, ReadableFileSystem } from '../system/file-system.ts'
import { deviceAt } from './same-device.ts'

/**
 * The folder where it is mounted, also when they name the folder `chasqui` on it: taken by its word that would make a second stick
 * within the first, which nobody ever finds.
 */
export async function givenPlace(fs: ReadableFileSystem, path: string): Promise<string> {
  const place = resolve(path)
  if (basename(place).toLowerCase() !== 'chasqui') return place
  const file = await fs.stat(join(place, 'stick.json')).catch(() => null)
  return file?.kind === 'file' ? dirname(place) : place
}

/**
 * Is `place` no stick yet, and on the same disk as the home? Where a stick is mounted at other times that is the folder below it, and
 * what is written there no stick ever gets.
 */
export async function isOwnDisk(fs: FileSystem, place: string, home: string): Promise<boolean> {
  if ((await fs.stat(join(place, 'chasqui', 'stick.json')).catch(() => null)) !== null) return false
  const device = await deviceAt(fs, place).catch(() => null)
  return device !== null && device === (await deviceAt(fs, home).catch(() => null))
}
