// Everything on a stick beside the feeds, as far as it can be told without a home: the root chain, records and their own
// signatures, letters that are JSON, and the installer against its list of hashes.
import { createHash } from 'node:crypto'
import { asChasquiError, ChasquiError } from '../errors.ts'
import { decodeRecord, verifyRecord } from '../fleet/record.ts'
import { CHASQUI_PROFILE } from '../trust/profile.ts'
import { TrustedSet } from '../trust/trusted-set.ts'
import { stopIfCancelled } from './cancel.ts'
import type { Rejected } from './feed-folder.ts'
import { listStick, openStickFile, readStickHint, type StickFolder } from './folder.ts'
import { letterLimit } from './letters.ts'
import { listBundles, readBundle } from './reports.ts'
import { listFleets, readRoots, rejectedRoot } from './roots.ts'

export interface ByteCheck {
  signal: AbortSignal
  onBytes?(bytes: number): void
}

const SUMS_LIMIT = 64 * 1024 // bytes
const CHUNK = 4 * 1024 * 1024 // bytes of one read
/** what a stick's installer holds beside the files that SHA256SUMS names */
const UNLISTED = new Set(['SHA256SUMS', 'invite.txt', 'start.sh', 'start.cmd'])

/** What is not as it was written. */
export async function verifyFiles(folder: StickFolder, check: ByteCheck): Promise<Rejected[]> {
  return [
    ...(await verifyRoots(folder)),
    ...(await verifyRecords(folder, check)),
    ...(await verifyLetters(folder)),
    ...(await verifyInstaller(folder, check))
  ]
}

/** Each root must be signed by the one before it and by itself. */
async function verifyRoots(folder: StickFolder): Promise<Rejected[]> {
  const found: Rejected[] = []
  for (const fleet of await listFleets(folder)) {
    let set: TrustedSet | null = null
    const { roots, unread } = await readRoots(folder, fleet)
    for (const [version, error] of unread) found.push(rejectedRoot(fleet, version, error))
    for (const [version, bytes] of roots) {
      try {
        if (set === null) set = new TrustedSet(bytes, { now: 0, profile: CHASQUI_PROFILE })
        else set.updateRoot(bytes)
      } catch (error) {
        found.push(rejectedRoot(fleet, version, error))
        break // what follows has nothing to stand on
      }
    }
  }
  return found
}

async function verifyRecords(folder: StickFolder, { signal, onBytes }: ByteCheck): Promise<Rejected[]> {
  const found: Rejected[] = []
  for (const name of await listBundles(folder)) {
    stopIfCancelled(signal)
    const file = `reports/${name}`
    const bundle = await readBundle(folder, name)
    if (bundle === null) found.push({ file, code: 'DISK_IO', message: 'it cannot be read' })
    if (bundle?.damaged === true) found.push(damaged(file, 'a record is cut off or changed'))
    for (const bytes of bundle?.records ?? []) {
      onBytes?.(bytes.length)
      const message = whyUnsigned(bytes)
      if (message !== null) found.push({ file, code: 'RECORD_INVALID', message })
    }
  }
  return found
}

/** Whether its author is a member only a home can tell; that the author wrote it, anybody. */
function whyUnsigned(bytes: Uint8Array): string | null {
  try {
    const node = Buffer.from(decodeRecord(bytes).author).toString('hex')
    verifyRecord(bytes, () => ({ node, invite: '', name: '', groups: [], modules: [], role: 'branch' }))
    return null
  } catch (error) {
    return asChasquiError(error).message
  }
}

async function verifyLetters(folder: StickFolder): Promise<Rejected[]> {
  const found: Rejected[] = []
  for (const place of ['requests', 'grants'] as const) {
    for (const name of (await listStick(folder, [place])).filter((one) => one.endsWith('.json'))) {
      const bytes = await readStickHint(folder, [place, name], letterLimit(place, name))
      if (!isJson(bytes)) found.push(damaged(`${place}/${name}`, 'a letter cannot be read'))
    }
  }
  return found
}

function isJson(bytes: Uint8Array | null): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes ?? new Uint8Array(0)))
    return true
  } catch {
    return false
  }
}

async function verifyInstaller(folder: StickFolder, check: ByteCheck): Promise<Rejected[]> {
  const names = (await listStick(folder, ['installer'])).filter((name) => !name.endsWith('.tmp'))
  if (names.length === 0) return []
  const sums = await readStickHint(folder, ['installer', 'SHA256SUMS'], SUMS_LIMIT)
  const listed = parseSums(Buffer.from(sums ?? []).toString('utf8'))
  const found: Rejected[] = []
  for (const name of new Set([...names, ...listed.keys()])) {
    const file = `installer/${name}`
    const sum = listed.get(name)
    if (sum === undefined && UNLISTED.has(name)) continue
    if (sum === undefined) found.push(damaged(file, 'SHA256SUMS does not name it'))
    else if ((await digest(folder, name, check)) !== sum)
      found.push(damaged(file, 'it does not have the hash that SHA256SUMS says'))
  }
  return found
}

/** name → SHA-256, hex */
function parseSums(text: string): Map<string, string> {
  const lines = text.split('\n').map((line) => /^([0-9a-f]{64}) [ *]([^/\\]+)$/.exec(line))
  return new Map(lines.flatMap((match) => (match === null ? [] : [[match[2] as string, match[1] as string]])))
}

async function digest(
  folder: StickFolder,
  name: string,
  { signal, onBytes }: ByteCheck
): Promise<string | null> {
  const file = await openStickFile(folder, ['installer', name]).catch(ignoreLink)
  if (file === null) return null
  const hash = createHash('sha256')
  try {
    for (let at = 0; at < file.size; at += CHUNK) {
      stopIfCancelled(signal)
      const bytes = await file.reader.read(at, CHUNK)
      hash.update(bytes)
      onBytes?.(bytes.length)
    }
  } finally {
    await file.reader.close()
  }
  return hash.digest('hex')
}

function ignoreLink(error: unknown): null {
  if (error instanceof ChasquiError && error.code === 'STICK_LINK') return null
  throw error
}

function damaged(file: string, message: string): Rejected {
  return { file, code: 'STICK_DAMAGED', message }
}
