// A publisher's home, opened: store, feed, keys, trust, state. One process has it at a time; the commands and the daemon
// work on this object. Opening it reads no release and needs no passphrase.
import { randomBytes } from 'node:crypto'
import { ChasquiError } from '../src/errors.ts'
import { type DriveFeed, openFeed } from '../src/feed/feed.ts'
import { type FeedIdentity, feedKey } from '../src/feed/open.ts'
import { openStore, type Store } from '../src/feed/store.ts'
import { type FeedWriter, openWriter } from '../src/feed/writer.ts'
import type { FleetLinks } from '../src/member/fleet-links.ts'
import { InternetUse } from '../src/member/internet-use.ts'
import { LinkPause } from '../src/member/link-pause.ts'
import { LinkPolicy } from '../src/member/link-policy.ts'
import { RecordKeeper } from '../src/member/record-keeper.ts'
import type { FileSystem } from '../src/system/file-system.ts'
import { type HomeIdentity, type HomePaths, readHome } from '../src/system/home.ts'
import { type KeyStore, openKeyStore } from '../src/system/key-store.ts'
import { type Log, silentLog } from '../src/system/log.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { openState, type StateStore } from '../src/system/state.ts'
import { readRootChain } from '../src/system/trust-store.ts'
import { fromHex } from '../src/trust/bytes.ts'
import { keyPairOf } from '../src/trust/keys.ts'
import { fleetOfRoot } from '../src/trust/trust.ts'
import { loadPublisherConfig, type PublisherConfig } from './config.ts'
import { FleetKeeper } from './fleet-keeper.ts'
import { finishMove } from './keys/feed-move.ts'
import { loadMember, type PublisherMember } from './member.ts'
import { publishedVersion } from './own-work.ts'
import { guardRestored } from './restored.ts'

export interface PublisherApp {
  paths: HomePaths
  identity: HomeIdentity
  config: PublisherConfig
  fs: FileSystem
  platform: NodeJS.Platform
  store: Store
  /** the fleet's feed of now; `keys rotate feed` changes it */
  feed: DriveFeed
  writer: FeedWriter
  /** while links are up, they go down before the feed changes and come up again after it */
  aroundMove(move: () => Promise<void>): Promise<void>
  keys: KeyStore
  state: StateStore
  fleet: FleetKeeper
  member: PublisherMember
  records: RecordKeeper
  internetUse: InternetUse
  linkPause: LinkPause
  linkPolicy: LinkPolicy
  /** the daemon's, while one runs */
  links: FleetLinks | null
  log: Log
  /** ms since the epoch */
  now(): number
  random(bytes: number): Uint8Array
  close(): Promise<void>
}

/** Opens the home; the caller holds its lock. Throws HOME_*, CONFIG_*, KEY_*, STORE_MOVED, PUBLISH_INTERRUPTED. */
export async function openPublisher(paths: HomePaths, log: Log = silentLog): Promise<PublisherApp> {
  const identity = await readHome(paths, 'publisher')
  const config = await loadPublisherConfig(paths.config, process.env)
  const keys = openKeyStore(paths.keys)
  const member = await loadMember(paths, keys)
  const state = await openState(paths.state)
  const closing: (() => Promise<void>)[] = [() => state.close()]
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step()
  }
  try {
    await finishMove({ paths, keys, state })
    const own = await feedIdentity(paths, keys)
    const store = await openStore(paths.store)
    closing.push(() => store.close())
    const feed = await openFeed(store, own)
    closing.push(() => app.feed.close())
    const app = { feed } as PublisherApp
    const writer =
      own.keyPair === undefined ? noWriter : guardRestored(state, await openWriter(feed, realFileSystem))
    const now = Date.now
    const fleet = new FleetKeeper({
      paths,
      feed: () => app.feed,
      fleetId: identity.fleet,
      now,
      published: (key) => publishedVersion(state, key)
    })
    const records = new RecordKeeper({
      state,
      self: member,
      verifyMembership: (membership) => fleet.verifyMembership(membership, null),
      prepare: () => fleet.prepare(),
      now,
      log
    })
    const internetUse = new InternetUse({ state, now })
    await internetUse.open()
    const linkPause = new LinkPause(state)
    await linkPause.open()
    const linkPolicy = new LinkPolicy({
      links: () => config.links,
      usedThisMonth: (time) => internetUse.used(time),
      paused: (time) => linkPause.at(time)
    })
    const random = (bytes: number) => new Uint8Array(randomBytes(bytes))
    const fs = realFileSystem
    return Object.assign(app, {
      paths,
      identity,
      config,
      fs,
      platform: process.platform,
      store,
      writer,
      aroundMove: (move: () => Promise<void>) => move(),
      keys,
      state,
      fleet,
      member,
      records,
      internetUse,
      linkPause,
      linkPolicy,
      links: null,
      log,
      now,
      random,
      close
    })
  } catch (error) {
    await close()
    throw error
  }
}

/** Without the feed's own key the feed can still be read, and be left for another one. Throws KEY_MISSING. */
async function feedIdentity(paths: HomePaths, keys: KeyStore): Promise<FeedIdentity> {
  const encryptionKey = (await keys.openOne('encryption')).seed
  const isHere = (await keys.list()).some((file) => file.role === 'feed')
  const newest = isHere ? undefined : [...(await readRootChain(paths.trust)).values()].at(-1)
  const named = newest === undefined ? null : fromHex(fleetOfRoot(newest).feed.key, 32)
  if (named !== null) return { key: named, encryptionKey }
  const keyPair = keyPairOf((await keys.openOne('feed')).seed)
  return { key: feedKey(keyPair.publicKey), encryptionKey, keyPair }
}

function noKey(): never {
  throw new ChasquiError('KEY_MISSING', 'the key of the feed is not in this home', {
    hint: 'restore it with "publisher keys restore", or start another feed with "publisher keys rotate feed"'
  })
}

const noWriter: FeedWriter = {
  publish: async () => noKey(),
  settle: async () => undefined,
  check: async () => noKey()
}
