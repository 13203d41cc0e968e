// A drive with a file system of the kernel's own, in an image file. The kernel of a test machine may lack vfat and exfat; ext4
// it has, and like every other drive it cannot share files with the disk of the machine.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Drive {
  place: string
  remove(): void
}

/** An empty drive of `megabytes`, mounted; or why there can be none here. */
export function ext4Drive(megabytes: number): Drive | string {
  const folder = mkdtempSync(join(tmpdir(), 'chasqui-drive-'))
  const [image, place] = [join(folder, 'image'), mkdtempSync(join(folder, 'mounted-'))]
  const environment = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: environment })
  try {
    writeFileSync(image, '')
    truncateSync(image, megabytes * 1024 * 1024)
    run('mkfs.ext4', '-q', '-m', '0', image)
    run('mount', '-o', 'loop', image, place)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    return `cannot mount an image: ${(error as Error).message.split('\n').at(-1)}`
  }
  return {
    place,
    remove() {
      run('umount', place)
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
