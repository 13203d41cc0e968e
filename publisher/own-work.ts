// What this publisher has signed last, role by role, and the two files that the online role speaks of. The feed says the
// same as long as nobody else has the online key; when somebody has, this is what a change of keys starts from.
import type { PutFile } from '../src/feed/publish-blocks.ts'
import { tufPath } from '../src/feed/tuf-files.ts'
import { CHANNELS_LIMIT, CHANNELS_PATH } from '../src/fleet/channels.ts'
import { REVOKED_PATH } from '../src/fleet/revoked.ts'
import type { StateStore } from '../src/system/state.ts'
import { toHex } from '../src/trust/bytes.ts'
import type { Publication } from '../src/trust/online-roles.ts'
import type { PublisherApp } from './app.ts'

const PREFIX = 'own/'
const BEGUN = 'own-begun'
const PUBLISHED = 'own-published'

/** Texts in base64, by `role/m.shop` and `file/channels.json`. */
type Work = Record<string, string>

/**
 * To be called before something is published; the result is called when it is in the feed. Cut between the two, what is in
 * the feed decides.
 */
export async function beginWork(
  app: PublisherApp,
  publication: Publication,
  files: readonly PutFile[]
): Promise<(version: number, feed?: Uint8Array) => Promise<void>> {
  await settleWork(app)
  const work = workOf(publication, files)
  await app.state.put({ [BEGUN]: work })
  return async (version, feed = app.feed.key) => {
    const published = { feed: toHex(feed), version }
    await app.state.put({ ...keyed(work), [BEGUN]: null, [PUBLISHED]: published })
  }
}

/** The metadata that this publisher has signed last, by role. */
export async function ownRoles(app: PublisherApp): Promise<Map<string, Uint8Array>> {
  await settleWork(app)
  const prefix = `${PREFIX}role/`
  const entries = await app.state.list(prefix)
  return new Map(entries.map(([key, text]) => [key.slice(prefix.length), decode(text)]))
}

/** `channels.json` or `fleet/revoked.json` as this publisher wrote it last, or null. */
export async function ownFile(app: PublisherApp, path: string): Promise<Uint8Array | null> {
  const text = await app.state.get(`${PREFIX}file/${path}`)
  return text === undefined ? null : decode(text)
}

/** The version of a feed (key in hex) that this home has published last, or null. */
export async function publishedVersion(state: StateStore, feed: string): Promise<number | null> {
  const last = (await state.get(PUBLISHED)) as { feed: string; version: number } | undefined
  return last?.feed === feed ? last.version : null
}

async function settleWork(app: PublisherApp): Promise<void> {
  const work = (await app.state.get(BEGUN)) as Work | undefined
  if (work === undefined) return
  const there = await (await app.feed.snapshot())
    ?.read(tufPath('timestamp.json'), { limit: CHANNELS_LIMIT })
    .catch(() => null)
  const isThere = there !== null && there !== undefined && encode(there) === work['role/timestamp']
  await app.state.put({ ...(isThere ? keyed(work) : {}), [BEGUN]: null })
}

function workOf(publication: Publication, files: readonly PutFile[]): Work {
  const work: Work = {}
  for (const [name, bytes] of publication.files) work[`role/${roleOf(name)}`] = encode(bytes)
  for (const file of files) {
    const path = file.path.replace(/^\//, '')
    if ('bytes' in file && [CHANNELS_PATH, REVOKED_PATH].includes(path))
      work[`file/${path}`] = encode(file.bytes)
  }
  return work
}

function keyed(work: Work): Work {
  return Object.fromEntries(Object.entries(work).map(([key, text]) => [PREFIX + key, text]))
}

function roleOf(name: string): string {
  return name.replace(/^\d+\./, '').replace(/\.json$/, '')
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function decode(text: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(String(text), 'base64'))
}
