// Brings what branches need from the feed of now into the next one: packs and releases a part at a time, trust metadata and
// channels as the last step. What is there already is not copied again, so that a cut costs nothing.
import type { PutFile } from '../../src/feed/publish-blocks.ts'
import type { FeedSnapshot } from '../../src/feed/types.ts'
import type { FeedWriter } from '../../src/feed/writer.ts'
import { LIMITS } from '../../src/trust/limits.ts'

const PART = { bytes: 64 * 1024 * 1024, files: 1000 } // of one publish: the journal needs room for it
const BULK = ['/packs/', '/releases/']
const FILE_LIMIT = Math.max(LIMITS.snapshotBytes, LIMITS.targetsBytes, LIMITS.rootBytes)

export interface Copied {
  files: number
  /** bytes as stored */
  bytes: number
  /** packs that are not on this machine: branches that hold them keep their installed releases all the same */
  missing: number
}

/** Packs and releases; they are found by their hashes, so that equal path means equal content. */
export async function copyBulk(
  from: FeedSnapshot,
  to: { snapshot: FeedSnapshot | null; writer: FeedWriter },
  signal: AbortSignal
): Promise<Copied> {
  const copied: Copied = { files: 0, bytes: 0, missing: 0 }
  let part: PutFile[] = []
  let size = 0
  const flush = async () => {
    if (part.length > 0) await to.writer.publish({ put: part, remove: [] })
    part = []
    size = 0
  }
  for (const path of await bulkOf(from)) {
    signal.throwIfAborted()
    if ((await to.snapshot?.has(path)) === true) continue
    if (!(await from.has(path))) {
      copied.missing++
      continue
    }
    const source = await from.source(path)
    part.push({ path, source })
    size += source.size
    copied.files++
    copied.bytes += source.size
    if (size >= PART.bytes || part.length >= PART.files) await flush()
  }
  await flush()
  return copied
}

/** The rest but the grants: what differs, and what is there and should not be. */
export async function differences(
  from: FeedSnapshot,
  to: FeedSnapshot | null
): Promise<{ put: PutFile[]; remove: string[] }> {
  const wanted = await smallFiles(from)
  const put: PutFile[] = []
  for (const path of wanted) {
    const bytes = await from.read(path, { limit: FILE_LIMIT })
    const there = to === null ? null : await to.read(path, { limit: FILE_LIMIT })
    if (bytes !== null && (there === null || !Buffer.from(there).equals(bytes))) put.push({ path, bytes })
  }
  const bulk = new Set(await bulkOf(from))
  const there = to === null ? [] : [...(await smallFiles(to)), ...(await bulkOf(to))]
  const remove = there.filter((path) => !wanted.includes(path) && !bulk.has(path))
  return { put, remove }
}

async function bulkOf(snapshot: FeedSnapshot): Promise<string[]> {
  return (await Promise.all(BULK.map((folder) => snapshot.list(folder)))).flat()
}

async function smallFiles(snapshot: FeedSnapshot): Promise<string[]> {
  const apart = [...BULK, '/fleet/grants/']
  return (await snapshot.list('/')).filter((path) => !apart.some((folder) => path.startsWith(folder)))
}
