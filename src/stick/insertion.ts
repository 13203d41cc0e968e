// Which insertion of which stick is at a place: a device number alone comes again with the next stick in the same socket.
import type { FileSystem } from '../system/file-system.ts'
import { openFolder } from './open.ts'
import { deviceAt } from './same-device.ts'

/** Another text as soon as another stick, or the same one again, is at `place`; null when nothing is. */
export async function insertionAt(fs: FileSystem, place: string): Promise<string | null> {
  const device = await deviceAt(fs, place).catch(() => null)
  if (device === null) return null
  const folder = await openFolder(fs, place).catch(() => null)
  return [device, await diskSequence(fs, device), folder?.id ?? ''].join(' ')
}

/** Linux counts every disk that is plugged in; '' elsewhere, and for a file system that no disk of the kernel is below. */
async function diskSequence(fs: FileSystem, device: number): Promise<string> {
  const major = Math.floor(device / 256) & 0xfff
  const minor = (device & 0xff) | (Math.floor(device / 4096) & 0xfff00)
  const at = `/sys/dev/block/${major}:${minor}`
  // a partition's own folder lies in that of its disk
  return (await readLine(fs, `${at}/diskseq`)) ?? (await readLine(fs, `${at}/../diskseq`)) ?? ''
}

async function readLine(fs: FileSystem, path: string): Promise<string | null> {
  const file = await fs.openFile(path).catch(() => null)
  if (file === null) return null
  const bytes = await file.read(0, 64).catch(() => new Uint8Array(0))
  await file.close().catch(() => undefined)
  return Buffer.from(bytes).toString('utf8').trim()
}
