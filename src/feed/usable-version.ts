// Finds the newest version of a feed that can be used here: its db core is here up to it, it ends a publish, and the
// files that everybody needs are here. The version is remembered, so that a start in mid-download goes on with it.
import type Hypercore from 'hypercore'
import type Hyperdrive from 'hyperdrive'
import { hasRange, type OpenFeed, rangeOf } from './snapshot.ts'

const REMEMBERED = 'chasqui/usable-version'
const TRIES = 64 // publishes before the newest one that are looked at

/** Hyperdrive metadata of the last entry of a publish: only there may a reader check out. FORMAT 8. */
export interface EndOfPublish {
  publish: 1
  /** length of the blobs core after the publish */
  blobs: number
}

/** Files that a version needs before it is usable; packs are fetched when somebody wants them. */
export function isRequired(path: string): boolean {
  return !path.startsWith('/packs/')
}

/** For `recallVersion`, at the next start. */
export async function rememberVersion(db: Hypercore, version: number): Promise<void> {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(version))
  await db.setUserData(REMEMBERED, bytes)
}

/** 0 when there is none, or when it is not (any more) in the core. */
export async function recallVersion(db: Hypercore): Promise<number> {
  const bytes = await db.getUserData(REMEMBERED)
  const version = bytes?.length === 8 ? Number(bytes.readBigUInt64LE()) : 0
  return version <= db.contiguousLength ? version : 0
}

/** The newest end of a publish in the first `whole` db blocks, which are all here; not after `after`: 0. */
export async function newestWholeVersion(drive: Hyperdrive, whole: number, after: number): Promise<number> {
  for (let version = whole; version > after && version > 1; version--) {
    if ((await endOfPublish(drive, version)) !== null) return version
  }
  return 0
}

/** What the entry at the end of `version` says, or null when no publish ends there. The db is here up to it. */
export async function endOfPublish(drive: Hyperdrive, version: number): Promise<EndOfPublish | null> {
  const { value } = await drive.db.getBySeq(version - 1, { wait: false })
  const metadata = value?.metadata as Partial<EndOfPublish> | null | undefined
  const isEnd = metadata?.publish === 1 && Number.isSafeInteger(metadata.blobs)
  return isEnd ? (metadata as EndOfPublish) : null
}

/** Blocks of the blobs core that `version` requires, that `since` did not require, and that are not here. */
export async function missingRequired(feed: OpenFeed, since: number, version: number): Promise<number[]> {
  const missing: number[] = []
  for await (const range of requiredRanges(feed, since, version)) {
    await collectMissing(feed.blobs, range, missing)
  }
  return missing.sort((a, b) => a - b)
}

/**
 * The newest version between `since` and `version` that is whole here; 0: none of the last publishes is. What the newest
 * one lacks may never come to a machine that has nothing but sticks: the one before it is better than none.
 */
export async function olderUsable(feed: OpenFeed, since: number, version: number): Promise<number> {
  let at = version
  for (let tries = 0; tries < TRIES; tries++) {
    at = await newestWholeVersion(feed.drive, at - 1, since)
    if (at === 0 || (await isUsable(feed, since, at))) return at
  }
  return 0
}

async function isUsable(feed: OpenFeed, since: number, version: number): Promise<boolean> {
  if (!(await hasLastFile(feed, version))) return false
  for await (const range of requiredRanges(feed, since, version)) {
    if (!(await hasRange(feed.blobs, range))) return false
  }
  return true
}

/** What a publish put last is of no other one: without it the thousands of files before need no look. */
async function hasLastFile({ drive, blobs }: OpenFeed, version: number): Promise<boolean> {
  const { key, value } = await drive.db.getBySeq(version - 1, { wait: false })
  const blob = value?.blob ?? null
  return blob === null || key.includes('/packs/') || hasRange(blobs, rangeOf(blob))
}

async function* requiredRanges(feed: OpenFeed, since: number, version: number) {
  const checkout = feed.drive.checkout(version)
  try {
    for await (const { left } of checkout.diff(since, '/', { wait: false })) {
      if (left === null || left.value.blob === null || !isRequired(left.key)) continue
      yield rangeOf(left.value.blob)
    }
  } finally {
    await checkout.close()
  }
}

/** Adds the indexes of a range that are not here. */
export async function collectMissing(
  blobs: Hypercore,
  range: { offset: number; length: number },
  into: number[]
): Promise<void> {
  if (await hasRange(blobs, range)) return
  for (let index = range.offset; index < range.offset + range.length; index++) {
    if (!(await blobs.has(index))) into.push(index)
  }
}
