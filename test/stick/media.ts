// Real removable media for tests: an image file with a FAT32, exFAT or NTFS file system, mounted by its FUSE driver, which
// can be ejected properly or pulled (the driver is killed in the middle of whatever it does).
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const MEDIA_KINDS = ['fat', 'exfat', 'ntfs'] as const
export type MediaKind = (typeof MEDIA_KINDS)[number]

const PROGRAMS: Record<MediaKind, string[]> = {
  fat: ['mkfs.vfat', 'fusefat'],
  exfat: ['mkfs.exfat', 'mount.exfat-fuse', 'losetup'],
  ntfs: ['mkfs.ntfs', 'ntfs-3g']
}

/** Why there can be no such medium on this machine, or false. */
export function unavailable(kind: MediaKind): string | false {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root to mount'
  const missing = [...PROGRAMS[kind], '/dev/fuse'].filter((name) => !exists(name))
  return missing.length === 0 ? false : `needs ${missing.join(', ')}`
}

function exists(name: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/sbin', '/usr/sbin']
  return (name.startsWith('/') ? [name] : folders.map((folder) => join(folder, name))).some((path) => {
    try {
      accessSync(path, name.startsWith('/') ? constants.R_OK : constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export interface Medium {
  readonly kind: MediaKind
  /** where it is mounted while it is plugged in */
  readonly place: string
  plug(): Promise<void>
  eject(): Promise<void>
  /** The file system dies at once; what its driver had not written is gone. */
  pull(): Promise<void>
  remove(): Promise<void>
}

/** Something that runs a step at its end: a test. */
interface Cleanup {
  after(step: () => Promise<void>): void
}

/** An empty medium of `megabytes`, plugged in at `…/My stick - KIND`; pulled and removed after the test. */
export async function newMedium(t: Cleanup, kind: MediaKind, megabytes: number): Promise<Medium> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-media-'))
  const image = join(folder, `${kind}.img`)
  const place = join(folder, `My stick - ${kind}`)
  await mkdir(place, { recursive: true })
  const file = await open(image, 'w')
  await file.truncate(megabytes * 1024 * 1024)
  await file.close()
  const make = { fat: ['mkfs.vfat', '-F', '32'], exfat: ['mkfs.exfat'], ntfs: ['mkfs.ntfs', '-F', '-Q'] }[
    kind
  ]
  await run(make[0] as string, [...make.slice(1), image], withSystemPath())
  const medium = mountable(kind, image, await realpath(place))
  t.after(() => medium.remove())
  await medium.plug()
  return medium
}

function mountable(kind: MediaKind, image: string, place: string): Medium {
  let loop: string | null = null
  const freeLoop = async () => {
    if (loop !== null) await run('losetup', ['-d', loop], withSystemPath()).catch(() => undefined)
    loop = null
  }
  const isPlugged = async () =>
    (await readFile('/proc/mounts', 'utf8')).includes(` ${place.replaceAll(' ', '\\040')} `)
  const medium: Medium = {
    kind,
    place,
    async plug() {
      if (kind === 'fat') await run('fusefat', ['-o', 'rw+', image, place], withSystemPath())
      if (kind === 'ntfs') await run('ntfs-3g', [image, place], withSystemPath())
      if (kind === 'exfat') {
        loop = (await run('losetup', ['-f', '--show', image], withSystemPath())).stdout.trim()
        await run('mount.exfat-fuse', [loop, place], withSystemPath())
      }
      if (!(await isPlugged())) throw new Error(`could not mount ${image}`)
    },
    async eject() {
      await run('umount', [place], withSystemPath())
      await waitUntilGone(place)
      await freeLoop()
    },
    async pull() {
      for (const pid of await driversOf(place)) process.kill(pid, 'SIGKILL')
      await run('umount', ['-l', place], withSystemPath()).catch(() => undefined)
      await waitUntilGone(place)
      await freeLoop()
    },
    async remove() {
      if (await isPlugged()) await medium.pull()
      await rm(join(place, '..'), { recursive: true, force: true })
    }
  }
  return medium
}

/** Processes that serve the file system at `place`. */
async function driversOf(place: string): Promise<number[]> {
  const found: number[] = []
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const command = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0')
    if (/(fusefat|mount\.exfat-fuse|ntfs-3g)$/.test(command[0] ?? '') && command.includes(place))
      found.push(Number(name))
  }
  return found
}

/** umount returns before the driver has written and ended. */
async function waitUntilGone(place: string): Promise<void> {
  while ((await driversOf(place)).length > 0) await new Promise((resolve) => setTimeout(resolve, 5))
}

function withSystemPath() {
  return { env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` } }
}
