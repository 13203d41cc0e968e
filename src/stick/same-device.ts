// A stick that was pulled leaves an empty folder at its mount point, on the machine's own disk. Everything that Chasqui
// makes must be on the device that the stick was when the round began: what landed elsewhere is removed again.
import type { FileSystem } from '../system/file-system.ts'
import { stickRemoved } from './on-stick.ts'

/** The device at `place`; null when nothing is there. Follows a link at `place` itself. */
export async function deviceAt(fs: FileSystem, place: string): Promise<number | null> {
  return (await fs.stat(`${place}/.`))?.device ?? null
}

/** Throws STICK_REMOVED when another device is at `place` by now. */
export async function requireDevice(fs: FileSystem, place: string, device: number): Promise<void> {
  if ((await deviceAt(fs, place)) !== device) throw stickRemoved()
}

/** `fs` for writing below `place` as long as it is `device`. */
export function onDevice(fs: FileSystem, place: string, device: number): FileSystem {
  const requireThere = async (path: string) => {
    if ((await fs.stat(path))?.device === device) return
    await fs.remove(path).catch(() => undefined)
    throw stickRemoved()
  }
  return {
    ...fs,
    async createFile(path, mode, hint) {
      await requireDevice(fs, place, device)
      const writer = await fs.createFile(path, mode, hint)
      try {
        await requireThere(path)
        return writer
      } catch (error) {
        await writer.close().catch(() => undefined)
        throw error
      }
    },
    async makeDirectory(path, mode) {
      await requireDevice(fs, place, device)
      await fs.makeDirectory(path, mode)
      await requireThere(path)
    },
    async rename(from, to) {
      await requireDevice(fs, place, device)
      await fs.rename(from, to)
    },
    async remove(path) {
      await requireDevice(fs, place, device)
      await fs.remove(path)
    }
  }
}
