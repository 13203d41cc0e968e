// Makes a publisher's home: keys, the first metadata, the feed with its first version. home.json comes last, so that a home
// that was cut in the making is none, and init can be run on it again.
import { randomBytes } from 'node:crypto'
import { ChasquiError } from '../src/errors.ts'
import { openFeed } from '../src/feed/feed.ts'
import { feedKey } from '../src/feed/open.ts'
import { openStore } from '../src/feed/store.ts'
import { openWriter, startFeed } from '../src/feed/writer.ts'
import { CHANNELS_PATH, emptyChannels, encodeChannels } from '../src/fleet/channels.ts'
import { encodeRevoked, nobodyRevoked, REVOKED_PATH } from '../src/fleet/revoked.ts'
import { ensureDirectory, removeTree } from '../src/system/durable.ts'
import { checkSocketPath, createHome, type HomePaths, lockHome } from '../src/system/home.ts'
import { openKeyStore } from '../src/system/key-store.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { createFleet, type FleetSetup, type RoleSetup } from '../src/trust/author.ts'
import { formatTime, fromHex, sha256, toHex } from '../src/trust/bytes.ts'
import { createFleetKeys, createKey, encodeKeyFiles } from '../src/trust/fleet-keys.ts'
import type { KeyRole, OpenKey, Passphrase } from '../src/trust/key-file.ts'
import { keyId, keyPairOf, type Signer, signerOf } from '../src/trust/keys.ts'
import { publicationFiles } from './commit.ts'
import { saveMembership } from './member.ts'

export interface InitRequest {
  paths: HomePaths
  name: string
  /** how many people must sign a release, and how many signers there are */
  threshold: number
  signers: number
  /** null: keys are written without protection */
  passphrase: Passphrase | null
  now: number
}

export interface Initialised {
  name: string
  /** feed key, hex */
  feed: string
  /** fleet id, hex: the SHA-256 of root version 1 */
  root: string
  keys: { id: string; role: KeyRole }[]
}

const SHARED: readonly KeyRole[] = ['root', 'targets', 'release']

/** Throws HOME_EXISTS, HOME_LOCKED, HOME_PATH_LONG, USAGE. */
export async function initPublisher(request: InitRequest): Promise<Initialised> {
  checkSigners(request)
  checkSocketPath(request.paths.control)
  await refuseExisting(request.paths)
  const lock = await lockHome(request.paths)
  try {
    return await makeHome(request)
  } finally {
    await lock.release()
  }
}

async function makeHome(request: InitRequest): Promise<Initialised> {
  const { paths, name, now } = request
  const random = (bytes: number) => new Uint8Array(randomBytes(bytes))
  const keys = createKeys(request, random)
  const one = (role: KeyRole) => keys.find((key) => key.role === role) as OpenKey
  const feed = keyPairOf(one('feed').seed)
  const setup = fleetSetup(request, keys, feedKey(feed.publicKey))
  const publication = createFleet(setup, signersOf(keys), now)
  const fleetId = sha256(publication.files.get('1.root.json') as Uint8Array)
  // what a cut attempt left cannot be used by anybody: nobody has heard of it
  for (const path of [paths.keys, paths.store, paths.trust]) await removeTree(realFileSystem, path)
  await openKeyStore(paths.keys).add(encodeKeyFiles(keys, formatTime(now), request.passphrase, random))
  const member = { fleetId, name, enrolment: one('enrolment'), node: one('node'), now, random }
  await saveMembership(paths, member)
  await writeFirstVersion(paths, one('encryption').seed, feed, [
    ...publicationFiles(publication),
    ...[...setup.onlineTargets].map(([path, bytes]) => ({ path: `/${path}`, bytes }))
  ])
  await createHome(paths, { schema: 1, role: 'publisher', name, fleet: toHex(fleetId) })
  return { name, feed: toHex(setup.feedKey), root: toHex(fleetId), keys: keys.map(describeKey) }
}

async function refuseExisting(paths: HomePaths): Promise<void> {
  if ((await realFileSystem.stat(paths.identity)) === null)
    return ensureDirectory(realFileSystem, paths.root, 0o700)
  throw new ChasquiError('HOME_EXISTS', `${paths.root} already holds a home`, {
    hint: 'choose another folder with --home'
  })
}

function checkSigners({ threshold, signers }: InitRequest): void {
  if (threshold <= signers) return
  throw new ChasquiError('USAGE', `a threshold of ${threshold} needs at least ${threshold} signers`, {
    hint: 'raise --signers'
  })
}

function createKeys(request: InitRequest, random: (bytes: number) => Uint8Array): OpenKey[] {
  const { signers } = request
  const keys = createFleetKeys(random)
  for (const role of SHARED) {
    for (let n = 2; n <= signers; n++) keys.push(createKey(role, random, `signer-${n}`))
  }
  return keys
}

function fleetSetup(request: InitRequest, keys: readonly OpenKey[], key: Uint8Array): FleetSetup {
  const publicKeys = (role: KeyRole) =>
    keys.filter((each) => each.role === role).map((each) => fromHex(each.public, 32) as Uint8Array)
  const shared = (role: KeyRole): RoleSetup => ({ keys: publicKeys(role), threshold: request.threshold })
  return {
    name: request.name,
    root: shared('root'),
    targets: shared('targets'),
    online: { keys: publicKeys('online'), threshold: 1 },
    feedKey: key,
    enrolment: publicKeys('enrolment')[0] as Uint8Array,
    sealing: publicKeys('sealing')[0] as Uint8Array,
    onlineTargets: new Map([
      [CHANNELS_PATH, encodeChannels(emptyChannels())],
      [REVOKED_PATH, encodeRevoked(nobodyRevoked())]
    ])
  }
}

function signersOf(keys: readonly OpenKey[]): Signer[] {
  const roles: readonly KeyRole[] = ['root', 'targets', 'online']
  return keys.filter(({ role }) => roles.includes(role)).map(({ seed }) => signerOf(keyPairOf(seed)))
}

/** TUF keys by their TUF key id, the others by their public key; hex. */
function describeKey(key: OpenKey): { id: string; role: KeyRole } {
  const isTuf = [...SHARED, 'online'].includes(key.role)
  return { id: isTuf ? keyId(fromHex(key.public, 32) as Uint8Array) : key.public, role: key.role }
}

async function writeFirstVersion(
  paths: HomePaths,
  encryptionKey: Uint8Array,
  keyPair: { publicKey: Uint8Array; secretKey: Uint8Array },
  put: { path: string; bytes: Uint8Array }[]
): Promise<void> {
  const store = await openStore(paths.store)
  try {
    const feed = await openFeed(store, { key: feedKey(keyPair.publicKey), encryptionKey, keyPair })
    await startFeed(feed)
    const writer = await openWriter(feed, realFileSystem)
    await writer.publish({ put, remove: [] })
    await feed.close()
  } finally {
    await store.close()
  }
}
