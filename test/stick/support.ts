// Homes for the stick's tests: real feeds of one fleet, with stand-ins for trust and records that keep what they are given.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import sodium from 'sodium-native'
import { type DriveFeed, openFeed } from '../../src/feed/feed.ts'
import { feedKey } from '../../src/feed/open.ts'
import { openStore } from '../../src/feed/store.ts'
import { openWriter, type PublishChanges, startFeed } from '../../src/feed/writer.ts'
import { decodeRecord, signRecord } from '../../src/fleet/record.ts'
import type { StickHome } from '../../src/stick/home.ts'
import { stickFeed } from '../../src/stick/stick-feed.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'

const FLEET = 'f1'.repeat(32)
const ENCRYPTION = Buffer.alloc(32, 7)

export interface TestHome extends StickHome {
  drive: DriveFeed
  directory: string
  kept: Map<string, { author: string; bytes: Uint8Array }>
  /** has a record of its own from now on */
  keep(record: { author: string; bytes: Uint8Array }): void
  publish(changes: PublishChanges): Promise<number>
  read(path: string): Promise<Uint8Array | null>
  close(): Promise<void>
  /** closes it and deletes its folder */
  remove(): Promise<void>
}

export interface TestHomeOptions {
  /** seed of the feed's key pair: the publisher */
  seed?: number
  /** key of the feed: a branch */
  key?: Uint8Array
  directory?: string
  fleet?: string
  node?: string
}

export async function openTestHome(t: TestContext, options: TestHomeOptions): Promise<TestHome> {
  const directory = options.directory ?? (await temporaryFolder(t))
  const store = await openStore(directory)
  const keyPair = options.seed === undefined ? undefined : keyPairFrom(options.seed)
  const key = keyPair === undefined ? options.key : feedKey(keyPair.publicKey)
  if (key === undefined) throw new TypeError('a home needs a seed or a key')
  const drive = await openFeed(store, { key, encryptionKey: ENCRYPTION, ...(keyPair && { keyPair }) })
  if (keyPair !== undefined) await startFeed(drive)
  const writer = keyPair === undefined ? null : await openWriter(drive, realFileSystem)
  const kept = new Map<string, { author: string; bytes: Uint8Array }>()
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await drive.close()
    await store.close()
  }
  t.after(close)
  return {
    drive,
    directory,
    kept,
    role: keyPair === undefined ? 'node' : 'publisher',
    fleet: options.fleet ?? FLEET,
    node: options.node ?? '0a'.repeat(32),
    name: keyPair === undefined ? 'Sucursal' : 'Central',
    feed: stickFeed(drive),
    roots: { list: async () => new Map(), offer: async () => 0 },
    records: {
      list: async () => [...kept.values()],
      async offer(bytes) {
        const id = Buffer.from(bytes).toString('hex')
        if (kept.has(id)) return 'known'
        kept.set(id, { author: Buffer.from(decodeRecord(bytes).author).toString('hex'), bytes })
        return 'new'
      }
    },
    select: async () => ({ releases: [], blocks: [], branches: [] }),
    afterImport: () => drive.advance().then(() => []),
    keep(record) {
      kept.set(Buffer.from(record.bytes).toString('hex'), record)
    },
    publish: async (changes) => {
      if (writer === null) throw new TypeError('only the publisher publishes')
      return (await writer.publish(changes)).version
    },
    async read(path) {
      const snapshot = await drive.snapshot()
      return snapshot?.read(path, { limit: 1 << 30 }) ?? null
    },
    close,
    async remove() {
      await close()
      await rm(directory, { recursive: true, force: true })
    }
  }
}

/** A signed report, as a branch with this seed's key would make it. */
export function testReport(seed: number, text: string, sequence = 1) {
  const { publicKey, secretKey } = keyPairFrom(seed)
  const nothing = new Uint8Array(0)
  const fields = { type: 'report' as const, author: publicKey, membership: nothing, epoch: 1, sequence }
  const at = Date.parse('2026-01-02T03:04:05Z')
  const { bytes } = signRecord({ ...fields, at, header: Buffer.from(text), body: nothing }, secretKey)
  return { author: publicKey.toString('hex'), bytes }
}

function keyPairFrom(seed: number) {
  const publicKey = Buffer.alloc(32)
  const secretKey = Buffer.alloc(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, Buffer.alloc(32, seed))
  return { publicKey, secretKey }
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-stick-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** `length` bytes that do not compress, the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = Buffer.alloc(length)
  const state = Buffer.alloc(32, seed)
  for (let i = 0; i < length; i += 32) {
    sodium.crypto_generichash(state, Buffer.concat([state, Buffer.from([i & 255])]))
    state.copy(bytes, i)
  }
  return bytes
}

export const never: AbortSignal = new AbortController().signal
