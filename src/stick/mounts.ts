// Where sticks appear: Linux mounts under /media, /run/media and /mnt, macOS volumes, Windows drive letters, and folders
// that the operator names. Only says what is mounted now; opens nothing.
import { isAbsolute, join, relative } from 'node:path'
import type { ReadableFileSystem } from '../system/file-system.ts'

export interface MountSource {
  /** Mount points that may be sticks, sorted. */
  list(): Promise<string[]>
}

const LINUX_ROOTS = ['/media', '/run/media', '/mnt']

/** The platform's mount points, and those below or at `roots`. */
export function mountSource(
  fs: ReadableFileSystem,
  platform: NodeJS.Platform,
  roots: readonly string[]
): MountSource {
  const configured = () => Promise.all(roots.map((root) => foldersAt(fs, root, true)))
  return {
    async list() {
      const found = [await platformMounts(fs, platform), ...(await configured())].flat()
      return [...new Set(found)].sort()
    }
  }
}

function platformMounts(fs: ReadableFileSystem, platform: NodeJS.Platform): Promise<string[]> {
  if (platform === 'win32') return driveLetters(fs)
  if (platform === 'darwin') return foldersAt(fs, '/Volumes', false)
  return linuxMounts(fs)
}

/** /proc/mounts: device, place, type, options; spaces in a place are written \040. */
async function linuxMounts(fs: ReadableFileSystem): Promise<string[]> {
  const file = await fs.openFile('/proc/mounts').catch(() => null)
  if (file === null) return []
  const text = Buffer.from(await file.read(0, 1024 * 1024)).toString('utf8')
  await file.close()
  return mountPlaces(text).filter((place) => LINUX_ROOTS.some((root) => isBelow(root, place)))
}

/** The second field of each line, unescaped. */
export function mountPlaces(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place !== '')
    .map((place) =>
      place.replace(/\\([0-7]{3})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
    )
}

function isBelow(root: string, place: string): boolean {
  const path = relative(root, place)
  return !path.startsWith('..') && !isAbsolute(path)
}

async function driveLetters(fs: ReadableFileSystem): Promise<string[]> {
  const letters = 'DEFGHIJKLMNOPQRSTUVWXYZ'.split('').map((letter) => `${letter}:\\`)
  const there = await Promise.all(letters.map((drive) => fs.stat(drive).catch(() => null)))
  return letters.filter((_drive, at) => there[at]?.kind === 'directory')
}

/** The folders in `root`, and `root` itself when `withRoot`. */
async function foldersAt(fs: ReadableFileSystem, root: string, withRoot: boolean): Promise<string[]> {
  const names = await fs.list(root).catch(() => [])
  const places = names.map((name) => join(root, name))
  const stats = await Promise.all(places.map((place) => fs.stat(place).catch(() => null)))
  const folders = places.filter((_place, at) => stats[at]?.kind === 'directory')
  return withRoot ? [root, ...folders] : folders
}
