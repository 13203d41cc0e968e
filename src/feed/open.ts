// Opens the two cores of a feed and the drive over them. Both cores are opened with allowFork: false *before* the drive
// opens them, because Hyperdrive does not pass the option on (measured) and the first opening decides.
import type Corestore from 'corestore'
import Hypercore from 'hypercore'
import Hyperdrive from 'hyperdrive'
import { ChasquiError } from '../errors.ts'
import type { Store } from './store.ts'

/** The Ed25519 key that signs the two cores: the publisher's, one per feed. */
export interface FeedKeyPair {
  publicKey: Uint8Array
  secretKey: Uint8Array
}

export interface FeedIdentity {
  key: Uint8Array
  /** 32 bytes; encrypts the blocks of both cores */
  encryptionKey: Uint8Array
  /** the publisher's only */
  keyPair?: FeedKeyPair
}

/** The key of the feed that a key pair writes: the hash of the db core's manifest. */
export function feedKey(publicKey: Uint8Array): Uint8Array {
  return Hypercore.key(signedBy(publicKey))
}

function signedBy(publicKey: Uint8Array): Hypercore.Manifest {
  return { version: 1, signers: [{ publicKey: Buffer.from(publicKey) }] }
}

/** The core of the entries. */
export async function openDb(store: Store, feed: FeedIdentity): Promise<Hypercore> {
  const core = store.cores.get({
    key: feed.key,
    encryptionKey: feed.encryptionKey,
    allowFork: false,
    ...(feed.keyPair && { keyPair: feed.keyPair, manifest: signedBy(feed.keyPair.publicKey) })
  })
  return ready(core)
}

/** The core of the bytes; its key follows from the db core's manifest, so null until that is known. */
export async function openBlobs(store: Store, feed: FeedIdentity, db: Hypercore): Promise<Hypercore | null> {
  const manifest = db.manifest === null ? null : Hyperdrive.getContentManifest(db.manifest, db.key)
  if (manifest === null) return null
  const core = store.cores.get({
    key: Hypercore.key(manifest),
    manifest,
    encryptionKey: feed.encryptionKey,
    allowFork: false,
    ...(feed.keyPair && { keyPair: feed.keyPair })
  })
  return ready(core)
}

/** The drive over cores that are open already. */
export async function openDrive(store: Store, feed: FeedIdentity): Promise<Hyperdrive> {
  // a drive closes the store that it was given: give it a session of its own
  const session: Corestore = store.cores.session()
  const drive = new Hyperdrive(session, feed.key, { encryptionKey: feed.encryptionKey, extension: false })
  await drive.ready()
  return drive
}

async function ready(core: Hypercore): Promise<Hypercore> {
  await core.ready()
  if (core.core.replicator.allowFork) {
    await core.close()
    throw new ChasquiError('FEED_DAMAGED', 'a core of the feed was opened before, with forks allowed')
  }
  return core
}
