// Where sticks appear: Linux mounts under /media, /run/media and /mnt, macOS volumes, Windows drive letters, and folders
// that the operator names. Only says what is mounted now; opens nothing.
import { isAbsolute, join, relative } from 'node:path'
import type { ReadableFileSystem } from '../system/file-system.ts'

export interface MountSource {
  /** Mount points that may be sticks, sorted. */
  list(): Promise<string[]>
}

const LINUX_ROOTS = ['/media', '/run/media', '/mnt']

/** File systems that no drive has: of the network, which may never answer, and of the system itself. */
const NO_DRIVE = new RegExp(
  `^(${[
    'nfs\\d*|cifs|smb\\w*|afs|ceph|9p|lustre|glusterfs|davfs|autofs',
    'fuse\\.(sshfs|rclone|s3fs|goofys|gcsfuse|blobfuse2?|curlftpfs|davfs2?|glusterfs|ceph|gvfsd-fuse|portal)',
    'overlay|tmpfs|ramfs|devtmpfs|devpts|proc|sysfs|cgroup2?|nsfs|squashfs'
  ].join('|')})$`
)

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
  return drivePlaces(text).filter((place) => LINUX_ROOTS.some((root) => isBelow(root, place)))
}

/** Where the lines of /proc/mounts have a drive; of two mounts at one place the later one counts. */
export function drivePlaces(text: string): string[] {
  const types = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, place, type] = line.split(' ')
    if (place !== undefined && type !== undefined) types.set(unescapePlace(place), type)
  }
  return [...types].flatMap(([place, type]) => (NO_DRIVE.test(type) ? [] : [place]))
}

function unescapePlace(place: string): string {
  return place.replace(/\\([0-7]{3})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
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
