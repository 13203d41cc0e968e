// `keys rotate feed` and `revoke --rekey`: another feed with another encryption key. Its two keys are written first, then it
// gets everything that branches need, then root names it, then this home goes there. Each step finds out by itself whether
// it was done: the same command goes on after a cut.
import { z } from 'zod'
import type { CommandContext } from '../../src/control/commands.ts'
import { dropFeed } from '../../src/feed/drop.ts'
import { type DriveFeed, openFeed } from '../../src/feed/feed.ts'
import { grantsIn } from '../../src/feed/grant-files.ts'
import { feedKey } from '../../src/feed/open.ts'
import { tufPath } from '../../src/feed/tuf-files.ts'
import { type FeedWriter, openWriter, type PutFile, startFeed } from '../../src/feed/writer.ts'
import { fromHex, toHex } from '../../src/trust/bytes.ts'
import { replaceFeed } from '../../src/trust/ceremony.ts'
import type { OpenKey } from '../../src/trust/key-file.ts'
import { keyPairOf } from '../../src/trust/keys.ts'
import type { PublisherApp } from '../app.ts'
import { type KeyChange, publicationFiles } from '../commit.ts'
import { grantNewMembers, renewGrants } from '../grants.ts'
import { parse } from './arguments.ts'
import { finishChange, nextKey, openDraft, type Waiting } from './change.ts'
import { type Copied, copyBulk, differences } from './feed-copy.ts'
import { goToFeed } from './feed-move.ts'

const rotateArgs = z.strictObject({ passphrase: z.string().optional() })
const BEGUN = 'feed/begun'
const JOURNAL = 'next.journal' // the feed of now has its own

export interface RotatedFeed {
  /** feed keys, hex */
  former: string
  feed: string
  generation: number
  /** nodes that got the new encryption key */
  granted: number
  copied: Copied
  /** more people have to sign this file first; then run the command again */
  request?: string
  missing?: Waiting['missing']
}

/** What is left to say when only the end is missing. */
type Begun = Pick<RotatedFeed, 'former' | 'feed' | 'granted' | 'copied'>

/** Throws KEY_MISSING, PASSPHRASE_*, FEED_BEHIND, CANCELLED. */
export async function rotateFeed(
  app: PublisherApp,
  raw: unknown,
  { signal }: Pick<CommandContext, 'signal'>
): Promise<RotatedFeed> {
  const { passphrase } = parse(rotateArgs, raw)
  const begun = (await app.state.get(BEGUN)) as Begun | undefined
  if (begun !== undefined && begun.feed === toHex(app.feed.key)) return finish(app, begun)
  const keys = {
    feed: await nextKey(app, 'feed', undefined),
    encryption: await nextKey(app, 'encryption', undefined)
  }
  const next = await openNext(app, keys)
  const done = { former: toHex(app.feed.key), feed: toHex(next.feed.key) }
  try {
    const { snapshot } = await app.fleet.view()
    const copied = await copyBulk(snapshot, { snapshot: await next.feed.snapshot(), ...next }, signal)
    const named = await nameFeed(app, next.feed, passphrase)
    if ('request' in named) return { ...done, ...(await generationOf(app)), granted: 0, copied, ...named }
    const granted = await completeFeed(app, next, named.files)
    const end = { ...done, granted, copied }
    await app.state.put({ [BEGUN]: end })
    // from here on this home belongs to the new feed, also after a cut
    await goToFeed(app, { feed: keys.feed.public, encryption: keys.encryption.public }, next)
    return await finish(app, end)
  } finally {
    if (app.feed !== next.feed) await next.feed.close()
  }
}

/** The home is at the new feed: whoever has joined meanwhile gets the key, the old blocks go. */
async function finish(app: PublisherApp, begun: Begun): Promise<RotatedFeed> {
  const late = await grantNewMembers(app)
  const former = fromHex(begun.former, 32)
  if (former !== null) await dropFeed(app.store, former)
  const done = { ...begun, ...(await generationOf(app)), granted: begun.granted + late.length }
  await app.state.put({ [BEGUN]: null })
  return done
}

interface NextFeed {
  feed: DriveFeed
  writer: FeedWriter
}

async function openNext(app: PublisherApp, keys: Record<'feed' | 'encryption', OpenKey>): Promise<NextFeed> {
  const keyPair = keyPairOf(keys.feed.seed)
  const identity = { key: feedKey(keyPair.publicKey), encryptionKey: keys.encryption.seed, keyPair }
  const feed = await openFeed(app.store, identity)
  try {
    await startFeed(feed)
    return { feed, writer: await openWriter(feed, app.fs, JOURNAL) }
  } catch (error) {
    await feed.close()
    throw error
  }
}

/**
 * Root names the next feed: appended to the feed of now when that can be, so that whoever still reads it hears of it;
 * otherwise these files go into the next feed only.
 */
async function nameFeed(
  app: PublisherApp,
  next: DriveFeed,
  passphrase: string | undefined
): Promise<Waiting | { files: PutFile[] }> {
  const { trust } = await app.fleet.view()
  const isNamed = trust.fleet.feed.key === toHex(next.key)
  const isThere = !app.feed.writable && (await hasTrust(next))
  if (isNamed || isThere) return { files: [] }
  const draft = await openDraft(app)
  replaceFeed(draft, next.key)
  const files: PutFile[] = []
  const put = app.feed.writable
    ? {}
    : {
        put: async (made: KeyChange) => void files.push(...made.files, ...publicationFiles(made.publication))
      }
  const waiting = await finishChange(app, draft, 'another feed', {
    roles: ['root', 'online'],
    passphrase,
    ...put
  })
  return waiting ?? { files }
}

async function hasTrust(next: DriveFeed): Promise<boolean> {
  return (await (await next.snapshot())?.has(tufPath('timestamp.json'))) === true
}

/** Trust metadata, channels and grants as one step; returns how many nodes have the key. */
async function completeFeed(app: PublisherApp, next: NextFeed, files: readonly PutFile[]): Promise<number> {
  const { snapshot, trust } = await app.fleet.view()
  const there = await next.feed.snapshot()
  const generation = trust.fleet.feed.generation + (trust.fleet.feed.key === toHex(next.feed.key) ? 0 : 1)
  const grants = await renewGrants(app, { feed: next.feed, generation, there: await grantsIn(there) })
  const isThere = !app.feed.writable && files.length === 0 && (await hasTrust(next.feed))
  const rest = isThere ? { put: [], remove: [] } : await differences(snapshot, there)
  const named = new Set(files.map(({ path }) => path))
  const put = [...grants.put, ...rest.put.filter(({ path }) => !named.has(path)), ...files]
  if (put.length > 0) await next.writer.publish({ put, remove: [...rest.remove, ...grants.remove] })
  return grants.live
}

async function generationOf(app: PublisherApp): Promise<{ generation: number }> {
  return { generation: (await app.fleet.view()).trust.fleet.feed.generation }
}
