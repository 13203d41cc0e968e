// Every length that a receiver can have of either core: each block is appended, and so signed, by itself. One that is ahead
// has nothing to do; one with another history takes nothing.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Hypercore from 'hypercore'
import Hyperdrive from 'hyperdrive'
import sodium from 'sodium-native'
import { type BlockCore, blockCore, type RawCore } from '../../src/feed/block-core.ts'
import { openStore } from '../../src/feed/store.ts'
import { exportStick, importStick } from '../../src/stick/round.ts'
import { context, everything, isPartOf, tools } from './scene.ts'
import { noise, openTestHome, type TestHome, temporaryFolder } from './support.ts'

const RELEASES = 60

interface Pair {
  home: TestHome
  cores: { db: BlockCore; blobs: BlockCore }
  append(core: 'db' | 'blobs', bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

type Keys = Record<'db' | 'blobs', Uint8Array>
type Appendable = RawCore & { ready(): Promise<void>; append(bytes: Uint8Array): Promise<unknown> }

/** A home over two plain cores: of a writer (`seed`), or of a reader of these keys. */
async function openPair(t: TestContext, base: TestHome, from: number | Keys): Promise<Pair> {
  const store = await openStore(await temporaryFolder(t))
  const open = async (options: object) => {
    const core = store.cores.get({ ...options, allowFork: false }) as unknown as Appendable
    await core.ready()
    return core
  }
  const keyPair = typeof from === 'number' ? keyPairOf(from) : undefined
  const db = await open(typeof from === 'number' ? { keyPair } : { key: Buffer.from(from.db) })
  const blobs = typeof from === 'number' ? { ...blobsOf(db), keyPair } : { key: Buffer.from(from.blobs) }
  const raw = { db, blobs: await open(blobs) }
  const cores = { db: blockCore(raw.db, store.flush), blobs: blockCore(raw.blobs, store.flush) }
  let closed = false
  const close = async () => {
    if (!closed) await store.close()
    closed = true
  }
  t.after(close)
  return {
    home: {
      ...base,
      feed: { db: cores.db, blobs: async () => cores.blobs, snapshot: async () => newest(cores.db) }
    },
    cores,
    append: async (core, bytes) => {
      await raw[core].append(bytes)
    },
    close
  }
}

/** The core that a drive over `db` keeps its bytes in. */
function blobsOf(db: Appendable) {
  const core = db as unknown as Hypercore
  const manifest = core.manifest && Hyperdrive.getContentManifest(core.manifest, core.key)
  if (manifest === null) throw new TypeError('a core that has no manifest')
  return { key: Hypercore.key(manifest), manifest }
}

function keyPairOf(seed: number) {
  const publicKey = Buffer.alloc(32)
  const secretKey = Buffer.alloc(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, Buffer.alloc(32, seed))
  return { publicKey, secretKey }
}

const keysOf = ({ cores }: Pair): Keys => ({ db: cores.db.key, blobs: cores.blobs.key })

/** As a publish grows the cores: one or two blocks of data, then one to three entries; each is a length of its own. */
async function* grow(writer: Pair): AsyncGenerator<string> {
  for (let release = 1; release <= RELEASES; release++) {
    const blobs = 1 + (release % 2)
    for (let n = 0; n < blobs; n++) {
      await writer.append('blobs', noise(500 + 100 * n, release))
      yield `blobs ${writer.cores.blobs.length}`
    }
    for (let n = 0; n <= release % 3; n++) {
      await writer.append('db', noise(100, release))
      yield `db ${writer.cores.db.length}`
    }
  }
}

test(`a receiver at every length of either core of a feed of ${RELEASES} releases gets what it lacks`, async (t) => {
  const base = await openTestHome(t, { seed: 1 })
  const writer = await openPair(t, base, 1)
  await writer.append('db', noise(100, 0))
  const sticks = new Map<string, string>()
  for await (const length of grow(writer)) {
    const stick = await temporaryFolder(t)
    await exportStick(writer.home, everything(stick), tools, context)
    sticks.set(length, stick)
  }
  const newest = [...sticks.values()].at(-1) as string
  const counts = { reached: 0, ahead: 0 }
  for (const [length, stick] of sticks) {
    const reader = await openPair(t, base, keysOf(writer))
    const take = (from: string) => importStick(reader.home, from, tools, context)
    assert.deepEqual([(await take(stick)).rejected, (await take(newest)).rejected], [[], []], length)
    for (const core of ['db', 'blobs'] as const) {
      assert.equal(reader.cores[core].length, writer.cores[core].length, `${core} from ${length}`)
      assert.ok(await isPartOf(writer.cores[core], reader.cores[core]), `${core} from ${length}`)
    }
    counts.reached++
    assert.equal((await take(stick)).read.blocks, 0, `${length}: one that is ahead has nothing to do`)
    counts.ahead++
    await reader.close()
  }
  t.diagnostic(JSON.stringify({ ...counts, db: writer.cores.db.length, blobs: writer.cores.blobs.length }))
  assert.equal(counts.reached, writer.cores.db.length - 1 + writer.cores.blobs.length)
})

test('a receiver with another history of the same feed takes nothing, at whatever length they part', async (t) => {
  const base = await openTestHome(t, { seed: 1 })
  const forked = await openPair(t, base, 1)
  for (const release of [1, 2, 3]) await forked.append('db', noise(100, release))
  const writer = await openPair(t, base, 1)
  let refused = 0
  for (let length = 1; length <= 6; length++) {
    await writer.append('db', noise(100, length === 2 ? 99 : length))
    const stick = await temporaryFolder(t)
    await exportStick(writer.home, everything(stick), tools, context)
    const round = importStick(forked.home, stick, tools, context)
    if (length === 1) await round
    else await assert.rejects(round, { code: 'STICK_FORK' }, `length ${length}`)
    refused += length === 1 ? 0 : 1
    assert.equal(forked.cores.db.length, 3)
  }
  t.diagnostic(JSON.stringify({ refused }))
})

/** Cores without a drive: what is there can be read. */
const newest = ({ length }: BlockCore) => ({
  version: length,
  files: async () => []
})
