// Stick → home, everything in its order: roots, sealed keys, blocks, records, letters; then what this home has to say.
import type { CommandContext } from '../control/commands.ts'
import { ChasquiError } from '../errors.ts'
import { noteDamage } from './damage.ts'
import { requireStick, type StickFolder } from './folder.ts'
import type { StickHome } from './home.ts'
import { importFeed } from './import.ts'
import { takeLetters } from './letters.ts'
import { giveRecords, takeRecords } from './reports.ts'
import { takeRoots } from './roots.ts'
import type { ImportResult, StickTools } from './round.ts'
import { progressOf } from './round-progress.ts'
import { takeKeys } from './sealed-keys.ts'

/** Takes all that `folder` brings. Throws STICK_*, DISK_IO, and what the home throws. */
export async function take(
  home: StickHome,
  folder: StickFolder,
  tools: StickTools,
  context: CommandContext
): Promise<ImportResult> {
  const startedAt = tools.now()
  await home.beforeImport?.()
  await takeRoots(folder, home.fleet, home.roots)
  if (home.keys !== undefined) await takeKeys(folder, home.fleet, home.keys)
  const { read, rejected, damaged } = await importFeed(home, folder, progressOf(context, 'import', null))
  const records = await takeRecords(folder, home.records)
  const releases = [...(await home.afterImport())]
  const { id, sequence } = folder.file ?? { id: '', sequence: 0 }
  if (home.letters !== undefined) await takeLetters(folder, home.letters, { id, sequence })
  await requireStick(folder)
  const out = await unlessReadOnly(async () => {
    const feed = Buffer.from(home.feed.db.key).toString('hex')
    for (const { core, places } of damaged) await noteDamage(folder, feed, core, places)
    return giveRecords(folder, home.records, records)
  })
  const reports = { in: records.taken, out: out ?? 0 }
  return { stick: id, read, rejected, reports, releases, ms: tools.now() - startedAt }
}

/** An import also leaves this home's news on the stick, unless it cannot be written to. */
export async function unlessReadOnly<T>(write: () => Promise<T>): Promise<T | null> {
  try {
    return await write()
  } catch (error) {
    const code = error instanceof ChasquiError ? error.code : null
    if (code === 'STICK_READ_ONLY' || code === 'STICK_FULL') return null
    throw error
  }
}
