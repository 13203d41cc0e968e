// Stick → home, everything in its order: roots, sealed keys, blocks, records, letters.
import type { CommandContext } from '../control/commands.ts'
import { ChasquiError } from '../errors.ts'
import { toHex } from '../trust/bytes.ts'
import { noteDamage } from './damage.ts'
import { requireStick, type StickFolder } from './folder.ts'
import type { StickHome, StickVisit } from './home.ts'
import { importFeed } from './import.ts'
import { takeLetters } from './letters.ts'
import { clearPlaces } from './places.ts'
import { type RecordsIn, takeRecords } from './reports.ts'
import { takeRoots } from './roots.ts'
import { progressOf } from './round-progress.ts'
import type { ImportResult, StickTools } from './round-types.ts'
import { takeKeys } from './sealed-keys.ts'

export interface Taken extends Omit<ImportResult, 'reports' | 'troubles' | 'waiting'> {
  /** what lies on the stick of reports */
  records: RecordsIn
}

/** Takes all that `folder` brings. Throws STICK_*, DISK_IO, and what the home throws. */
export async function take(
  home: StickHome,
  folder: StickFolder,
  tools: StickTools,
  context: CommandContext
): Promise<Taken> {
  const startedAt = tools.now()
  await home.beforeImport?.()
  const cleared = await unlessReadOnly(() => clearPlaces(folder, home.fleet))
  const roots = await takeRoots(folder, home.fleet, home.roots)
  if (home.keys !== undefined) await takeKeys(folder, home.fleet, home.keys)
  const feed = await importFeed(home, folder, progressOf(context, 'import', null))
  const { read, damaged } = feed
  const records = await takeRecords(folder, home.records, context.signal)
  const releases = [...(await home.afterImport())]
  const visit = visitOf(folder)
  if (home.letters !== undefined) await takeLetters(folder, home.letters, visit)
  await requireStick(folder)
  await unlessReadOnly(async () => {
    const key = toHex(home.feed.db.key)
    for (const { core, places } of damaged) await noteDamage(folder, key, core, places)
  })
  const rejected = [...(cleared ?? []), ...roots, ...feed.rejected]
  return { stick: visit.id, read, rejected, releases, records, ms: tools.now() - startedAt }
}

/** The stick at hand as orders name it. */
export function visitOf({ file }: StickFolder): StickVisit {
  return { id: file?.id ?? '', sequence: file?.sequence ?? 0 }
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
