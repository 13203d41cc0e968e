// Feeds that the fleet has left: once the new one is whole on a stick, nobody reads the former ones from it any more.
import { join } from 'node:path'
import { removeTree } from '../system/durable.ts'
import { listFeeds, readFeedFolder } from './feed-folder.ts'
import type { StickFolder } from './folder.ts'
import { onStick } from './on-stick.ts'

/** Removes feeds of `fleet` other than `feed`; those of other fleets, and what cannot be told, stay. */
export async function removeFormerFeeds(folder: StickFolder, fleet: string, feed: string): Promise<void> {
  for (const other of (await listFeeds(folder)).filter((name) => name !== feed)) {
    const { segments, rejected } = await readFeedFolder(folder, other, fleet)
    if (segments.length === 0 || rejected.some(({ code }) => code === 'STICK_OTHER_FLEET')) continue
    await onStick(async () => {
      await removeTree(folder.fs, join(folder.root, 'feeds', other))
      await folder.fs.syncDirectory(join(folder.root, 'feeds'))
    })
  }
}
