// The one way in which the publisher changes its feed: signed metadata and the files that it speaks of, as one step.
import { tufPath } from '../src/feed/tuf-files.ts'
import type { PutFile } from '../src/feed/writer.ts'
import type { Publication } from '../src/trust/author.ts'
import type { PublisherApp } from './app.ts'

/** The metadata of a change as feed files; the timestamp comes last. */
export function publicationFiles(publication: Publication): { path: string; bytes: Uint8Array }[] {
  return [...publication.files].map(([name, bytes]) => ({
    path: tufPath(name),
    bytes
  }))
}

/** Publishes a change with its files. Throws FEED_BEHIND, FEED_CONFLICT, PUBLISH_INTERRUPTED. */
export async function commit(
  app: PublisherApp,
  publication: Publication,
  files: PutFile[] = [],
  /** paths that go besides old metadata */
  gone: readonly string[] = []
): Promise<number> {
  const { version } = await app.writer.publish({
    put: [...files, ...publicationFiles(publication)],
    remove: [...publication.obsolete.map(tufPath), ...gone]
  })
  // what was signed is remembered at once: a feed that is older than this is one that was put back
  await app.fleet.view()
  return version
}
