// Records on a stick, both ways: reports/<author>.rep holds an author's signed records as they are. What this home cannot
// verify (another fleet's, a stranger's) is left where it is and counted.
import * as c from 'compact-encoding'
import { listStick, readStickBytes, type StickFolder, writeStickBytes } from './folder.ts'
import type { StickRecords } from './home.ts'

/** FORMAT 12.5 */
const REPORT_LIMITS = {
  /** bytes of one .rep file */
  file: 4 * 1024 * 1024,
  /** bytes of one record */
  record: 1024 * 1024,
  /** .rep files that are read from one stick */
  files: 50_000
} as const

const MAGIC = Buffer.from('CHQREP\0\x01', 'latin1')
const REPORT_NAME = /^([0-9a-f]{64})\.rep$/

export interface RecordsIn {
  /** records that are new here */
  taken: number
  /** records that do not verify here, by author; they stay on the stick */
  refused: Map<string, Uint8Array[]>
  /** what lies on the stick, by author */
  onStick: Map<string, Uint8Array[]>
}

/** Offers every record on the stick to the home. */
export async function takeRecords(folder: StickFolder, records: StickRecords): Promise<RecordsIn> {
  const result: RecordsIn = { taken: 0, refused: new Map(), onStick: new Map() }
  const names = (await listStick(folder, ['reports'])).filter((name) => REPORT_NAME.test(name))
  for (const name of names.slice(0, REPORT_LIMITS.files)) {
    const author = name.slice(0, 64)
    const found = decodeRecords(await readReport(folder, name))
    result.onStick.set(author, found)
    const refused: Uint8Array[] = []
    for (const bytes of found) {
      const outcome = await records.offer(bytes)
      if (outcome === 'new') result.taken++
      if (outcome === 'refused') refused.push(bytes)
    }
    if (refused.length > 0) result.refused.set(author, refused)
  }
  return result
}

/** What the home's records will take at most: those of authors of whom nothing lies on the stick. */
export async function measureRecords(
  folder: StickFolder,
  records: StickRecords
): Promise<{ count: number; bytes: number }> {
  const there = new Set(await listStick(folder, ['reports']))
  const fresh = (await records.list()).filter(({ author }) => !there.has(`${author}.rep`))
  return { count: fresh.length, bytes: fresh.reduce((sum, { bytes }) => sum + bytes.length, 0) }
}

/** Puts the home's records on the stick; returns how many the stick did not have. Nothing is written when none. */
export async function giveRecords(
  folder: StickFolder,
  records: StickRecords,
  { onStick, refused }: RecordsIn
): Promise<number> {
  const ours = new Map<string, Uint8Array[]>()
  for (const { author, bytes } of await records.list()) {
    ours.set(author, [...(ours.get(author) ?? []), bytes])
  }
  let given = 0
  for (const [author, list] of ours) {
    const there = new Set((onStick.get(author) ?? []).map(hex))
    const fresh = list.filter((bytes) => !there.has(hex(bytes)))
    if (fresh.length === 0) continue
    await writeStickBytes(
      folder,
      ['reports', `${author}.rep`],
      encodeRecords([...list, ...(refused.get(author) ?? [])])
    )
    given += fresh.length
  }
  return given
}

async function readReport(folder: StickFolder, name: string): Promise<Uint8Array> {
  // a file that is too large or not a file is not one of ours: nothing in it is worth a failed import
  const bytes = await readStickBytes(folder, ['reports', name], REPORT_LIMITS.file).catch(ignoreForeign)
  return bytes ?? new Uint8Array(0)
}

function ignoreForeign(error: unknown): null {
  const code = (error as { code?: string }).code
  if (code === 'FILE_TOO_LARGE' || code === 'STICK_LINK' || code === 'DISK_IO') return null
  throw error
}

function encodeRecords(records: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([MAGIC, ...records.map((record) => c.encode(c.buffer, record as Buffer))])
}

/** The records of a .rep file, up to the first that is cut off; none when the file is something else. */
export function decodeRecords(bytes: Uint8Array): Uint8Array[] {
  const buffer = Buffer.from(bytes)
  if (!buffer.subarray(0, MAGIC.length).equals(MAGIC)) return []
  const state = { start: MAGIC.length, end: buffer.length, buffer }
  const records: Uint8Array[] = []
  try {
    while (state.start < state.end) {
      const record = c.buffer.decode(state)
      if (record === null || record.length > REPORT_LIMITS.record) break
      records.push(record)
    }
  } catch {
    // cut off: the author's next stick brings it again
  }
  return records
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
