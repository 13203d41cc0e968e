// Records on a stick, both ways: reports/<xx>.rep holds signed records as they are, of all authors whose keys begin with
// these two digits. What this home cannot verify (another fleet's, a stranger's) stays for those who can.
import { ChasquiError } from '../errors.ts'
import { listStick, readStickBytes, type StickFolder, writeStickBytes } from './folder.ts'
import type { StickRecords } from './home.ts'
import { BUNDLE_LIMITS, type Bundle, bundleOf, decodeBundle, encodeBundle } from './report-bundle.ts'

const BUNDLE_NAME = /^[0-9a-f]{2}\.rep$/

export interface RecordsIn {
  /** records that are new here */
  taken: number
  /** what lies on the stick, by bundle */
  bundles: Map<string, BundleIn>
  /** bundles that the drive did not give back this time: what they hold is not known, so they stay as they are */
  unread: Set<string>
}

interface BundleIn {
  /** in hex */
  onStick: Set<string>
  /** records that do not verify here; they stay on the stick */
  refused: Uint8Array[]
  damaged: boolean
}

/** Offers every record on the stick to the home. */
export async function takeRecords(folder: StickFolder, records: StickRecords): Promise<RecordsIn> {
  const result: RecordsIn = { taken: 0, bundles: new Map(), unread: new Set() }
  for (const name of await listBundles(folder)) {
    const bundle = await readBundle(folder, name)
    if (bundle === null) {
      result.unread.add(name)
      continue
    }
    const found: BundleIn = { onStick: new Set(), refused: [], damaged: bundle.damaged }
    for (const bytes of bundle.records) {
      found.onStick.add(hex(bytes))
      const outcome = await records.offer(bytes)
      if (outcome === 'new') result.taken++
      if (outcome === 'refused') found.refused.push(bytes)
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
  const there = new Set<string>()
  for (const name of await listBundles(folder)) {
    for (const bytes of (await readBundle(folder, name))?.records ?? []) there.add(hex(bytes))
  }
  const fresh = (await records.list()).filter(({ bytes }) => !there.has(hex(bytes)))
  return { count: fresh.length, bytes: fresh.reduce((sum, { bytes }) => sum + bytes.length, 0) }
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
    ours.set(name, [...(ours.get(name) ?? []), bytes])
  }
  let given = 0
  for (const [name, list] of ours) {
    if (unread.has(name)) continue
    const there = bundles.get(name)
    const fresh = list.filter((bytes) => there?.onStick.has(hex(bytes)) !== true)
    if (fresh.length === 0 && there?.damaged !== true) continue
    const all = [...list.sort(Buffer.compare), ...(there?.refused ?? [])]
    await writeStickBytes(folder, ['reports', name], encodeBundle(all))
    given += fresh.length
  }
  return given
}

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

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
