// The one way in which the publisher changes its feed: signed metadata and the files that it speaks of, as one step.
import type { PutFile } from '../src/feed/publish-blocks.ts'
import { tufPath } from '../src/feed/tuf-files.ts'
import type { FeedSnapshot } from '../src/feed/types.ts'
import { CHANNELS_ROLE } from '../src/trust/author.ts'
import { sha256Hex } from '../src/trust/bytes.ts'
import type { FleetDraft } from '../src/trust/draft.ts'
import type { Signer } from '../src/trust/keys.ts'
import { LIMITS } from '../src/trust/limits.ts'
import type { Publication } from '../src/trust/online-roles.ts'
import type { PublisherApp } from './app.ts'
import { beginWork, ownFile } from './own-work.ts'

const FILE_LIMIT = Math.max(LIMITS.snapshotBytes, LIMITS.targetsBytes, LIMITS.onlineTargetBytes)

/** The metadata of a change as feed files; the timestamp comes last. */
export function publicationFiles(publication: Publication): { path: string; bytes: Uint8Array }[] {
  return [...publication.files].map(([name, bytes]) => ({
    path: tufPath(name),
    bytes
  }))
}

/** Publishes a change with its files. Throws FEED_BEHIND, FEED_CONFLICT, FEED_RESTORED, PUBLISH_INTERRUPTED. */
export async function commit(
  app: PublisherApp,
  publication: Publication,
  files: PutFile[] = [],
  /** paths that go besides old metadata */
  gone: readonly string[] = []
): Promise<number> {
  const version = await append(app, publication, files, gone)
  // what was signed is remembered at once: a feed that is older than this is one that was put back
  await app.fleet.view()
  return version
}

/** A change of keys as it is published: with every file that it vouches for, whatever the feed has in its place. */
export interface KeyChange {
  publication: Publication
  files: { path: string; bytes: Uint8Array }[]
}

/** Signs a change of keys. What the online role lists and nobody has any more, it no longer lists. */
export async function finishKeyChange(
  app: PublisherApp,
  draft: FleetDraft,
  signers: readonly Signer[]
): Promise<KeyChange> {
  const snapshot = await app.feed.snapshot()
  const files: KeyChange['files'] = []
  for (const [path, { hashes }] of Object.entries(draft.targetsOf(CHANNELS_ROLE) ?? {})) {
    const candidates = [await ownFile(app, path), await readIfThere(snapshot, path)]
    const bytes = candidates.find((each) => each !== null && sha256Hex(each) === hashes.sha256) ?? null
    if (bytes === null) draft.setTarget(CHANNELS_ROLE, path, null)
    else files.push({ path: `/${path}`, bytes })
  }
  return { publication: draft.finish(signers), files }
}

/** Publishes it. What the feed says may still be a thief's: it is read again when the online key was replaced. */
export async function commitKeyChange(app: PublisherApp, { publication, files }: KeyChange): Promise<void> {
  await append(app, publication, files, [])
  await app.fleet.view().catch((error: unknown) => {
    app.log.warn({ err: error }, 'the feed cannot be read after a change of keys')
  })
}

async function append(
  app: PublisherApp,
  publication: Publication,
  files: readonly PutFile[],
  gone: readonly string[]
): Promise<number> {
  const all = [...files, ...publicationFiles(publication)]
  const snapshot = await app.feed.snapshot()
  const put: PutFile[] = []
  for (const file of all) if (!(await isThere(snapshot, file))) put.push(file)
  const end = await beginWork(app, publication, files)
  const remove = [...publication.obsolete.map(tufPath), ...gone]
  const { version } = await app.writer.publish({ put, remove })
  await end(version)
  return version
}

async function isThere(snapshot: FeedSnapshot | null, file: PutFile): Promise<boolean> {
  if (!('bytes' in file)) return false
  const there = await readIfThere(snapshot, file.path)
  return there !== null && Buffer.compare(there, file.bytes) === 0
}

/** Null also for what cannot be read: it is written again. */
async function readIfThere(snapshot: FeedSnapshot | null, path: string): Promise<Uint8Array | null> {
  return (await snapshot?.read(path, { limit: FILE_LIMIT }).catch(() => null)) ?? null
}
