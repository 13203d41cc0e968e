// Opens the folder `chasqui` on a stick, or makes it, and tells it from somebody else's.
import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { FileSystem } from '../system/file-system.ts'
import { linkFound, type StickFolder, type WritableStick } from './folder.ts'
import { onStick } from './on-stick.ts'
import { deviceAt, onDevice } from './same-device.ts'
import { readStickFile, type StickFile } from './stick-file.ts'

/** Names that Chasqui writes in its folder; anything else there is somebody else's. */
const OUR_NAMES = new Set([
  'README.txt',
  'STATUS.html',
  'stick.json',
  'visits.json',
  'feeds',
  'roots',
  'reports',
  'requests',
  'grants',
  'installer'
])

/** Opens the stick at `place` (where it is mounted) for reading. Throws STICK_MISSING, STICK_LINK or STICK_NOT_A_STICK. */
export function openFolder(plain: FileSystem, place: string): Promise<StickFolder> {
  return onStick(() => openNow(plain, place))
}

async function openNow(plain: FileSystem, place: string): Promise<StickFolder> {
  const { fs, root, device } = await findRoot(plain, place)
  const found = await fs.stat(root)
  const notAStick = new ChasquiError('STICK_NOT_A_STICK', `${place} holds no Chasqui stick`, {
    hint: 'name the folder where the stick is mounted, or make one with "usb-sync export"'
  })
  if (found === null) throw notAStick
  if (found.kind !== 'directory') throw linkFound(root)
  const file = await readStickFile({ fs, root })
  if (file === null && !(await isAdoptable(fs, root, true))) throw notAStick
  return { fs, place, device, root, file, id: file?.id ?? null, exists: true }
}

/** Opens the stick at `place` for writing, and makes the folder when there is none. Throws as above, and STICK_NOT_OURS. */
export function prepareFolder(
  plain: FileSystem,
  place: string,
  fresh: { id: string; label: string; created: string }
): Promise<WritableStick> {
  return onStick(() => prepareNow(plain, place, fresh))
}

async function prepareNow(
  plain: FileSystem,
  place: string,
  fresh: { id: string; label: string; created: string }
): Promise<WritableStick> {
  const { fs, root, device } = await findRoot(plain, place)
  const found = await fs.stat(root)
  if (found !== null && found.kind !== 'directory') throw linkFound(root)
  const empty: StickFile = { schema: 1, sequence: 0, fleets: [], ...fresh }
  const at = { fs, place, device, root }
  if (found === null) return { ...at, file: empty, id: null, exists: false }
  const file = await readStickFile({ fs, root })
  if (file === null && !(await isAdoptable(fs, root, false))) {
    throw new ChasquiError('STICK_NOT_OURS', `${root} is a folder that Chasqui did not write`, {
      hint: 'rename it, or use another stick'
    })
  }
  return { ...at, file: file ?? empty, id: file?.id ?? null, exists: true }
}

async function findRoot(
  fs: FileSystem,
  place: string
): Promise<{ fs: FileSystem; root: string; device: number }> {
  const found = await fs.stat(place)
  const device = await deviceAt(fs, place)
  // the mount point itself may be reached through a link (/media/stick); what lies on the stick may not
  if (found === null || device === null || found.kind === 'file' || found.kind === 'other') {
    throw new ChasquiError('STICK_MISSING', `there is no folder or drive at ${place}`, {
      hint: 'plug the stick in and name the folder where it is mounted'
    })
  }
  return { fs: onDevice(fs, place, device), root: join(place, 'chasqui'), device }
}

/** Could Chasqui have written this folder, although stick.json cannot be read? */
async function isAdoptable(fs: FileSystem, root: string, mustHoldFeeds: boolean): Promise<boolean> {
  const names = await fs.list(root)
  if (mustHoldFeeds && !names.includes('feeds')) return false
  return names.every((name) => OUR_NAMES.has(name) || name.endsWith('.tmp'))
}
