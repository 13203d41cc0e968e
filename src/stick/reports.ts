// Records on a stick, both ways: reports/<xx>.rep holds signed records as they are, of all authors whose keys begin with
// these two digits. What this home cannot verify (another fleet's, a stranger's) stays for those who can. Of what a stick holds
// only marks are remembered, one file is in memory at a time: a stick can be filled with strangers' records.
import { setImmediate as otherWork } from 'node:timers/promises'
import { ChasquiError } from '../errors.ts'
import { stopIfCancelled } from './cancel.ts'
import { listStick, readStickBytes, type StickFolder, writeStickBytes } from './folder.ts'
import type { StickRecords } from './home.ts'
import { BUNDLE_LIMITS, type Bundle, bundleOf, decodeBundle, encodeBundle } from './report-bundle.ts'
import { blake2b } from './tree.ts'

const BUNDLE_NAME = /^[0-9a-f]{2}\.rep$/
/** records that are judged before a daemon's other work gets its turn */
const AT_ONCE = 200

/** Stands for the bytes of a record. */
type Mark = string

export interface RecordsIn {
  /** records that are new here */
  taken: number
  /** what lies on the stick, by bundle */
  bundles: Map<string, BundleIn>
  /** bundles that the drive did not give back this time: what they hold is not known, so they stay as they are */
  unread: Set<string>
}

interface BundleIn {
  onStick: Set<Mark>
  /** records that do not verify here; they stay on the stick */
  refused: Set<Mark>
  damaged: boolean
}

/** Offers every record on the stick to the home. */
export async function takeRecords(
  folder: StickFolder,
  records: StickRecords,
  signal: AbortSignal
): Promise<RecordsIn> {
  const result: RecordsIn = { taken: 0, bundles: new Map(), unread: new Set() }
  let offered = 0
  for (const name of await listBundles(folder)) {
    const bundle = await readBundle(folder, name)
    if (bundle === null) {
      result.unread.add(name)
      continue
    }
    const found: BundleIn = { onStick: new Set(), refused: new Set(), damaged: bundle.damaged }
    for (const bytes of bundle.records) {
      if (++offered % AT_ONCE === 0) await otherWork()
      stopIfCancelled(signal)
      const mark = markOf(bytes)
      found.onStick.add(mark)
      const outcome = await records.offer(bytes)
      if (outcome === 'new') result.taken++
      if (outcome === 'refused') found.refused.add(mark)
    }
    result.bundles.set(name, found)
  }
  return result
}

/** The home's records that the stick lacks. Offers nothing to the home: a plan changes nothing. */
export async function measureRecords(
  folder: StickFolder,
  records: StickRecords
): Promise<{ count: number; bytes: number }> {
  const lacking = new Map((await records.list()).map(({ bytes }) => [markOf(bytes), bytes.length]))
  for (const name of await listBundles(folder)) {
    for (const bytes of (await readBundle(folder, name))?.records ?? []) lacking.delete(markOf(bytes))
  }
  return { count: lacking.size, bytes: [...lacking.values()].reduce((sum, size) => sum + size, 0) }
}

/** Puts the home's records on the stick; returns how many the stick did not have. Nothing is written when none. */
export async function giveRecords(
  folder: StickFolder,
  records: StickRecords,
  { bundles, unread }: RecordsIn
): Promise<number> {
  const ours = new Map<string, Uint8Array[]>([...bundles.keys()].map((name) => [name, []]))
  for (const { author, bytes } of await records.list()) {
    const name = bundleOf(author)
    const list = ours.get(name) ?? []
    list.push(bytes)
    ours.set(name, list)
  }
  let given = 0
  for (const [name, list] of ours) {
    if (unread.has(name)) continue
    const there = bundles.get(name)
    const fresh = list.filter((bytes) => there?.onStick.has(markOf(bytes)) !== true)
    if (fresh.length === 0 && there?.damaged !== true) continue
    const foreign = there === undefined ? [] : await refusedIn(folder, name, there)
    if (foreign === null) continue
    await writeStickBytes(folder, ['reports', name], encodeBundle([...list.sort(Buffer.compare), ...foreign]))
    given += fresh.length
  }
  return given
}

/** The records of a bundle that stay for others, read once more; null when the drive does not give them back now. */
async function refusedIn(
  folder: StickFolder,
  name: string,
  { refused }: BundleIn
): Promise<Uint8Array[] | null> {
  if (refused.size === 0) return []
  const bundle = await readBundle(folder, name)
  return bundle?.records.filter((bytes) => refused.has(markOf(bytes))) ?? null
}

/** Names of the files that hold records. Throws STICK_LINK, STICK_REMOVED. */
export async function listBundles(folder: StickFolder): Promise<string[]> {
  return (await listStick(folder, ['reports'])).filter((name) => BUNDLE_NAME.test(name))
}

/** Null when the drive does not give it back. One that is too large or no file is not ours: it counts as damaged. */
export async function readBundle(folder: StickFolder, name: string): Promise<Bundle | null> {
  try {
    const bytes = await readStickBytes(folder, ['reports', name], BUNDLE_LIMITS.file)
    return bytes === null ? { records: [], damaged: true } : decodeBundle(bytes)
  } catch (error) {
    const code = error instanceof ChasquiError ? error.code : null
    if (code === 'DISK_IO') return null
    if (code === 'FILE_TOO_LARGE' || code === 'STICK_LINK') return { records: [], damaged: true }
    throw error
  }
}

function markOf(bytes: Uint8Array): Mark {
  return Buffer.from(blake2b([bytes])).toString('latin1', 0, 16)
}
