// Feeds for tests: stores in a temporary folder, two ends joined by a real Noise stream in memory.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import NoiseSecretStream from '@hyperswarm/secret-stream'
import Protomux from 'protomux'
import sodium from 'sodium-native'
import { type DriveFeed, openFeed } from '../../src/feed/feed.ts'
import { type FeedKeyPair, feedKey } from '../../src/feed/open.ts'
import { openStore, type Store } from '../../src/feed/store.ts'
import type { FeedSnapshot } from '../../src/feed/types.ts'
import { type FeedWriter, openWriter, startFeed } from '../../src/feed/writer.ts'
import { exchangeHeads } from '../../src/net/head-exchange.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'

const encryptionKey = Buffer.alloc(32, 7)

function keyPairFrom(seed: number): FeedKeyPair {
  const publicKey = Buffer.alloc(32)
  const secretKey = Buffer.alloc(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, Buffer.alloc(32, seed))
  return { publicKey, secretKey }
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-feed-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface Publisher {
  store: Store
  feed: DriveFeed
  writer: FeedWriter
}

/** A publisher's feed in `folder`, new or as it was left. */
export async function openPublisher(
  t: TestContext,
  folder: string,
  options: { seed?: number; start?: boolean; wrap?(store: Store): Store } = {}
): Promise<Publisher> {
  const opened = await openStore(folder)
  t.after(() => opened.close())
  const store = options.wrap?.(opened) ?? opened
  const keyPair = keyPairFrom(options.seed ?? 1)
  const feed = await openFeed(store, { key: feedKey(keyPair.publicKey), encryptionKey, keyPair })
  if (options.start !== false) await startFeed(feed)
  return { store, feed, writer: await openWriter(feed, realFileSystem) }
}

/** A branch's copy of the feed `key`. */
export async function openBranch(
  t: TestContext,
  folder: string,
  key: Uint8Array,
  identity = { encryptionKey: encryptionKey as Uint8Array }
): Promise<DriveFeed> {
  const store = await openStore(folder)
  t.after(() => store.close())
  return openFeed(store, { key, ...identity })
}

/** Closes a feed and its store. */
export async function closeFeed(feed: DriveFeed): Promise<void> {
  await feed.close()
  await feed.store.close()
}

/** Joins two feeds, with or without the exchange of signed heads; returns the way to cut the link. */
export function connect(a: DriveFeed, b: DriveFeed, options = { heads: false }): () => Promise<void> {
  const one = new NoiseSecretStream(true, null)
  const two = new NoiseSecretStream(false, null)
  one.rawStream.pipe(two.rawStream).pipe(one.rawStream)
  a.replicate(one)
  b.replicate(two)
  if (options.heads) {
    exchangeHeads(Protomux.from(one), a)
    exchangeHeads(Protomux.from(two), b)
  }
  const closed = [one, two].map((stream) => new Promise<void>((resolve) => stream.once('close', resolve)))
  for (const stream of [one, two]) stream.on('error', () => undefined)
  return async () => {
    one.destroy()
    two.destroy()
    await Promise.all(closed)
  }
}

/** Waits until the branch can use `version` (or a newer one). */
export function usable(feed: DriveFeed, version: number): Promise<FeedSnapshot> {
  return new Promise((resolve, reject) => {
    const look = () => {
      feed.snapshot().then((snapshot) => {
        if (snapshot === null || snapshot.version < version) return
        stop()
        resolve(snapshot)
      }, reject)
    }
    const stop = feed.onUpdate(look)
    look()
  })
}

export const text = (value: string): Uint8Array => Buffer.from(value)
export const never: AbortSignal = new AbortController().signal

/** Resolves when the feed is frozen. */
export function frozen(feed: DriveFeed): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (feed.conflict === null) return
      stop()
      resolve()
    }
    const stop = feed.onUpdate(look)
    look()
  })
}
