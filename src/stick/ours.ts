// Which drives the watcher touches at all.
import { asChasquiError } from '../errors.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { Log } from '../system/log.ts'
import { toHex } from '../trust/bytes.ts'
import { listFeeds } from './feed-folder.ts'
import { listStick, type StickFolder } from './folder.ts'
import type { StickHome } from './home.ts'
import { openFolder } from './open.ts'

/** Ours: a Chasqui folder that names this fleet, or carries its feed. Any other drive is left alone, with a line in the log. */
export async function isOurs(home: StickHome, fs: FileSystem, place: string, log: Log): Promise<boolean> {
  try {
    const folder = await openFolder(fs, place)
    return (
      (folder.file?.fleets ?? []).some(({ id }) => id === home.fleet) || (await carriesFeed(home, folder))
    )
  } catch (error) {
    const { code } = asChasquiError(error)
    if (code !== 'STICK_NOT_A_STICK') log.info({ place, code }, 'a drive was left alone')
    return false
  }
}

async function carriesFeed(home: StickHome, folder: StickFolder): Promise<boolean> {
  const feeds = await listFeeds(folder)
  const roots = await listStick(folder, ['roots'])
  return feeds.includes(toHex(home.feed.db.key)) || roots.includes(home.fleet)
}
