// `keys rotate feed` and `revoke --rekey`: another feed with another encryption key. Its two keys are written first, then it
// gets everything that branches need, then root names it, then this home goes there. Each step finds out by itself whether
// it was done: the same command goes on after a cut.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import type { CommandContext } from '../../src/control/commands.ts'
import { dropFeed } from '../../src/feed/drop.ts'
import { type DriveFeed, openFeed } from '../../src/feed/feed.ts'
import { grantsIn } from '../../src/feed/grant-files.ts'
import { feedKey } from '../../src/feed/open.ts'
import { type FeedWriter, openWriter, startFeed } from '../../src/feed/writer.ts'
import { fromHex, toHex } from '../../src/trust/bytes.ts'
import { replaceFeed } from '../../src/trust/ceremony.ts'
import type { OpenKey } from '../../src/trust/key-file.ts'
import { keyPairOf } from '../../src/trust/keys.ts'
import type { PublisherApp } from '../app.ts'
import { grantNewMembers, renewGrants } from '../grants.ts'
import { finishChange, nextKey, openDraft } from './change.ts'
import { type Copied, copyBulk, differences } from './feed-copy.ts'
import { type FeedKeys, goToFeed } from './feed-move.ts'
import { fillAfresh, mustStartAfresh, nameAfresh } from './fresh-feed.ts'
import { groundOf } from './ground.ts'
import type { Waiting } from './leave-request.ts'

const rotateArgs = z.strictObject({
  passphrase: z.string().optional(),
  /** leave behind what was signed later than what is here */
  forgetNewer: z.boolean().default(false)
})
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
  const { passphrase, forgetNewer } = parseArguments(rotateArgs, raw)
  const begun = (await app.state.get(BEGUN)) as Begun | undefined
  if (begun !== undefined && begun.feed === toHex(app.feed.key)) return finish(app, begun)
  const isFresh = await mustStartAfresh(app, forgetNewer)
  const keys = await nextKeys(app, isFresh)
  const next = await openNext(app, keys)
  const done = { former: toHex(app.feed.key), feed: toHex(next.feed.key) }
  try {
    const copied = await copyInto(app, next, signal)
    const filled = isFresh ? await fresh(app, next, keys, passphrase) : await usual(app, next, passphrase)
    if ('request' in filled) return { ...done, ...(await generationOf(app)), granted: 0, copied, ...filled }
    const end = { ...done, granted: filled.granted, copied }
    await app.state.put({ [BEGUN]: end })
    // from here on this home belongs to the new feed, also after a cut
    await goToFeed(app, publicKeysOf(keys), next)
    return await finish(app, end)
  } finally {
    if (app.feed !== next.feed) await next.feed.close()
  }
}

type Keys = Record<'feed' | 'encryption', OpenKey> & { online?: OpenKey }

async function nextKeys(app: PublisherApp, isFresh: boolean): Promise<Keys> {
  const feed = await nextKey(app, 'feed', undefined)
  const encryption = await nextKey(app, 'encryption', undefined)
  return isFresh
    ? { feed, encryption, online: await nextKey(app, 'online', undefined) }
    : { feed, encryption }
}

function publicKeysOf({ feed, encryption, online }: Keys): FeedKeys {
  const pair = { feed: feed.public, encryption: encryption.public }
  return online === undefined ? pair : { ...pair, online: online.public }
}

async function copyInto(app: PublisherApp, next: NextFeed, signal: AbortSignal): Promise<Copied> {
  const snapshot = await app.feed.snapshot()
  if (snapshot === null) return { files: 0, bytes: 0, missing: 0 }
  return copyBulk(snapshot, { snapshot: await next.feed.snapshot(), ...next }, signal)
}

async function fresh(
  app: PublisherApp,
  next: NextFeed,
  { online }: Keys,
  passphrase: string | undefined
): Promise<Waiting | { granted: number }> {
  const named = await nameAfresh(app, next, online as OpenKey, passphrase)
  return named !== null && 'request' in named ? named : { granted: await fillAfresh(app, next, named) }
}

async function usual(
  app: PublisherApp,
  next: NextFeed,
  passphrase: string | undefined
): Promise<Waiting | { granted: number }> {
  const waiting = await nameFeed(app, next.feed, passphrase)
  return waiting ?? { granted: await completeFeed(app, next) }
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

export interface NextFeed {
  feed: DriveFeed
  writer: FeedWriter
}

async function openNext(app: PublisherApp, keys: Keys): Promise<NextFeed> {
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

/** Root names the next feed, in the feed of now: whoever still reads it hears of it. */
async function nameFeed(
  app: PublisherApp,
  next: DriveFeed,
  passphrase: string | undefined
): Promise<Waiting | null> {
  const { trust } = await app.fleet.view()
  if (trust.fleet.feed.key === toHex(next.key)) return null
  const draft = await openDraft(app)
  replaceFeed(draft, next.key)
  return finishChange(app, draft, { roles: ['root', 'online'], passphrase })
}

/** Trust metadata, channels and grants as one step; returns how many nodes have the key. */
async function completeFeed(app: PublisherApp, next: NextFeed): Promise<number> {
  const { snapshot, trust, revoked } = await app.fleet.view()
  const there = await next.feed.snapshot()
  const to = { feed: next.feed, generation: trust.fleet.feed.generation, there: await grantsIn(there) }
  const grants = await renewGrants(app, to, { snapshot, fleet: trust.fleet, revoked })
  const rest = await differences(snapshot, there)
  const put = [...grants.put, ...rest.put]
  if (put.length > 0) await next.writer.publish({ put, remove: [...rest.remove, ...grants.remove] })
  return grants.live
}

async function generationOf(app: PublisherApp): Promise<{ generation: number }> {
  return { generation: (await groundOf(app, { isLost: true })).fleet.feed.generation }
}
