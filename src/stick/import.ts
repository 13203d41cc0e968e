// Stick → home: the feed's cores, block by block through Hypercore's verification. What does not verify is named and left
// out; the rest comes in. Can be cut at any byte and run again.
import { ChasquiError } from '../errors.ts'
import type { FileReader } from '../system/file-system.ts'
import { importCore } from './core-import.ts'
import {
  type BlockPlace,
  type CoreOnStick,
  type FeedOnStick,
  listFeeds,
  type Rejected,
  readFeedFolder
} from './feed-folder.ts'
import { listStick, openStickFile, type StickFolder } from './folder.ts'
import type { StickHome } from './home.ts'
import type { CoreName } from './segment.ts'

export interface ImportRead {
  blocks: number
  bytes: number
}

export interface FeedImport {
  read: ImportRead
  rejected: Rejected[]
  damaged: { core: CoreName; places: BlockPlace[] }[]
}

export interface ImportProgress {
  signal: AbortSignal
  onBytes(bytes: number): void
}

/** Blocks of the home's feed on the stick into the home. Throws STICK_FORK, STICK_INCOMPLETE, STICK_REMOVED. */
export async function importFeed(
  home: StickHome,
  folder: StickFolder,
  progress: ImportProgress
): Promise<FeedImport> {
  const feed = Buffer.from(home.feed.db.key).toString('hex')
  const found = await readFeedFolder(folder, feed, home.fleet)
  const result: FeedImport = { read: { blocks: 0, bytes: 0 }, rejected: [...found.rejected], damaged: [] }
  try {
    for (const name of ['db', 'blobs'] as const) await importOne(home, folder, found, name, result, progress)
  } finally {
    // both cores lie in one store
    await home.feed.db.flush()
  }
  return result
}

/**
 * Throws STICK_OTHER_FLEET when the stick has feeds and none is of this fleet. A stick that was made before the fleet moved to
 * another feed is one of ours: it has nothing to read, and reports and letters all the same.
 */
export async function refuseOtherFleets(home: StickHome, folder: StickFolder): Promise<void> {
  const feeds = await listFeeds(folder)
  const isOurs =
    feeds.length === 0 ||
    feeds.includes(Buffer.from(home.feed.db.key).toString('hex')) ||
    (folder.file?.fleets ?? []).some(({ id }) => id === home.fleet) ||
    (await listStick(folder, ['roots'])).includes(home.fleet)
  if (!isOurs) throw otherFleet()
}

async function importOne(
  home: StickHome,
  folder: StickFolder,
  found: FeedOnStick,
  name: CoreName,
  result: FeedImport,
  progress: ImportProgress
): Promise<void> {
  const core = name === 'db' ? home.feed.db : await home.feed.blobs()
  const stick = found.cores.get(name)
  if (core === null || stick === undefined) return
  const reader = new BlockReader(folder, found.feed)
  const take = async (declined: ReadonlySet<number>) => {
    const { blocks, bytes, damaged } = await importCore({
      core,
      stick: without(stick, declined),
      read: (places, slot) => reader.read(places, slot),
      signal: progress.signal,
      onBlocks: (_blocks, size) => progress.onBytes(size),
      onBlock: (index, size) => {
        if (name === 'blobs') home.onBlock?.(index, { stick: folder.file?.id ?? '', bytes: size })
      }
    })
    result.read.blocks += blocks
    result.read.bytes += bytes
    return damaged
  }
  try {
    const declined = name === 'blobs' ? await declinedBy(home) : new Set<number>()
    let damaged = await take(declined)
    if (declined.size > 0) {
      // what came in may want a pack of before: head office went back to it
      const still = await declinedBy(home)
      const both = new Set([...declined].filter((index) => still.has(index)))
      if (both.size < declined.size) damaged = await take(both)
    }
    if (damaged.length > 0) result.damaged.push({ core: name, places: damaged })
    for (const place of damaged) result.rejected.push(damagedBlock(place, name))
  } finally {
    await reader.close()
  }
}

/** What a home would let go again is not read: of a stick that carries years, that is most of it, at every visit. */
async function declinedBy(home: StickHome): Promise<Set<number>> {
  const declined = new Set<number>()
  for (const { offset, length } of (await home.declines?.()) ?? []) {
    for (let index = offset; index < offset + length; index++) declined.add(index)
  }
  return declined
}

function without(stick: CoreOnStick, declined: ReadonlySet<number>): CoreOnStick {
  if (declined.size === 0) return stick
  return { ...stick, blocks: new Map([...stick.blocks].filter(([index]) => !declined.has(index))) }
}

/** Reads blocks out of segment files; keeps the last file open, and memory to read into. */
class BlockReader {
  readonly #folder: StickFolder
  readonly #feed: string
  #open: { segment: string; reader: Promise<FileReader | null> } | null = null
  readonly #memory: Buffer[] = []

  constructor(folder: StickFolder, feed: string) {
    this.#folder = folder
    this.#feed = feed
  }

  /**
   * The bytes of blocks of one segment, as they are on the stick; null for one that the file does not hold. What was read
   * into the same slot before is gone.
   */
  async read(places: readonly BlockPlace[], slot: number): Promise<(Uint8Array | null)[]> {
    const [first, last] = [places[0], places.at(-1)]
    if (first === undefined || last === undefined) return []
    const reader = await this.#reader(first.segment)
    if (reader === null) return places.map(() => null)
    const length = last.position + last.size - first.position
    if (length > READ_AT_ONCE) return Promise.all(places.map((place) => readOne(reader, place)))
    const bytes = await reader.read(first.position, length, this.#memoryOf(slot, length))
    return places.map(({ position, size }) => {
      const start = position - first.position
      return start + size <= bytes.length ? bytes.subarray(start, start + size) : null
    })
  }

  #memoryOf(slot: number, length: number): Buffer {
    const known = this.#memory[slot]
    if (known !== undefined && known.length >= length) return known
    const memory = Buffer.allocUnsafeSlow(length)
    this.#memory[slot] = memory
    return memory
  }

  #reader(segment: string): Promise<FileReader | null> {
    if (this.#open?.segment !== segment) {
      const before = this.#open?.reader
      const path = ['feeds', this.#feed, segment]
      const reader = openStickFile(this.#folder, path).then(async (file) => {
        await (await before)?.close()
        return file?.reader ?? null
      })
      this.#open = { segment, reader }
    }
    return this.#open.reader
  }

  async close(): Promise<void> {
    await (await this.#open?.reader)?.close()
    this.#open = null
  }
}

/** bytes of one read that gets several blocks; a batch with larger gaps is read block by block */
const READ_AT_ONCE = 16 * 1024 * 1024

async function readOne(reader: FileReader, place: BlockPlace): Promise<Uint8Array | null> {
  const bytes = await reader.read(place.position, place.size)
  return bytes.length === place.size ? bytes : null
}

function damagedBlock(place: BlockPlace, name: CoreName): Rejected {
  const message = `block ${place.index} of the ${name} core is damaged at byte ${place.position}`
  return { file: place.segment, code: 'STICK_DAMAGED', message }
}

function otherFleet(): ChasquiError {
  return new ChasquiError('STICK_OTHER_FLEET', 'the stick carries only the feeds of other fleets', {
    hint: 'take the stick that was exported for this fleet'
  })
}
