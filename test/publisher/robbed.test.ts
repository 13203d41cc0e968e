// Somebody else had the online key and wrote into the feed. Whatever he signed, the publisher's own key commands work, and
// after the rotation a branch that has seen it all takes an update.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPublisher, type PublisherApp } from '../../publisher/app.ts'
import { onlineSigners } from '../../publisher/keys/change.ts'
import { listKeys } from '../../publisher/keys/list.ts'
import { rotateKey } from '../../publisher/keys/rotate.ts'
import { signOnHome, signWithKey } from '../../publisher/keys/sign.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { tufPath } from '../../src/feed/tuf-files.ts'
import { sha256Hex } from '../../src/trust/bytes.ts'
import {
  addSignatures,
  decodeEnvelope,
  encodeEnvelope,
  type SnapshotPart,
  type TargetsPart,
  type TimestampPart
} from '../../src/trust/envelope.ts'
import { keyPairOf, signerOf } from '../../src/trust/keys.ts'
import { decodeRequest } from '../../src/trust/signing-request.ts'
import { MemoryStore } from '../trust/test-fleet.ts'
import { takes } from './reading-branch.ts'
import { context, makeHome, temporaryFolder, writeFiles } from './support.ts'

type T = Parameters<typeof temporaryFolder>[0]
interface Loot {
  snapshot: SnapshotPart
  timestamp: TimestampPart
  channels: TargetsPart
  /** other files that he writes, by feed path */
  files: Record<string, string>
}

async function release(app: PublisherApp, folder: string, version: string): Promise<void> {
  await publish(app, { dirs: [await writeFiles(join(folder, 'shop'), { 'version.txt': version })] }, context)
}

/** What a machine with the online key and the feed's key can append. */
async function rob(app: PublisherApp, edit: (loot: Loot) => void): Promise<void> {
  const { trust } = await app.fleet.view()
  const { snapshot: before, timestamp: last } = trust.set
  const listed = await trust.role('channels')
  if (before === null || last === null || listed === null) throw new Error('nothing to forge')
  const loot: Loot = {
    snapshot: decodeEnvelope<SnapshotPart>(before.bytes).signed,
    timestamp: decodeEnvelope<TimestampPart>(last.bytes).signed,
    channels: decodeEnvelope<TargetsPart>(listed.bytes).signed,
    files: {}
  }
  loot.snapshot.version++
  loot.timestamp.version++
  edit(loot)
  const thief = await onlineSigners(app)
  const sign = (signed: SnapshotPart | TimestampPart | TargetsPart) =>
    encodeEnvelope(
      addSignatures(
        { signatures: [], signed },
        thief.map(({ keyid }) => keyid),
        thief
      )
    )
  const bytes = sign(loot.snapshot)
  const { version } = loot.snapshot
  loot.timestamp.meta['snapshot.json'] = {
    version,
    length: bytes.length,
    hashes: { sha256: sha256Hex(bytes) }
  }
  const put = [
    { path: tufPath(`${version}.snapshot.json`), bytes },
    { path: tufPath(`${loot.channels.version}.channels.json`), bytes: sign(loot.channels) },
    { path: tufPath('timestamp.json'), bytes: sign(loot.timestamp) },
    ...Object.entries(loot.files).map(([path, text]) => ({ path, bytes: Buffer.from(text) }))
  ]
  await app.writer.publish({ put, remove: [] })
}

const MAX = Number.MAX_SAFE_INTEGER
const list = (role: string, version: number) => (loot: Loot) =>
  void Object.assign(loot.snapshot.meta, { [`${role}.json`]: { version } })
const overwrite = (path: (loot: Loot) => string) => (loot: Loot) =>
  void Object.assign(loot.files, { [path(loot)]: '{}' })
const ROBBERIES: [name: string, edit: (loot: Loot) => void][] = [
  ['targets is listed at a version that nobody has', list('targets', 9)],
  ['channels is listed at a version that nobody has', list('channels', 900)],
  ['m.shop is listed at a version that nobody has', list('m.shop', 9)],
  ['m.shop is listed at 2^53-1', list('m.shop', MAX)],
  [
    'snapshot and timestamp are at 2^53-1',
    (loot) => {
      loot.snapshot.version = MAX
      loot.timestamp.version = MAX
    }
  ],
  [
    'channels is signed at 2^53-1',
    (loot) => {
      loot.channels.version = MAX
      list('channels', MAX)(loot)
    }
  ],
  ['the timestamp goes back', (loot) => void Object.assign(loot.timestamp, { version: 1 })],
  ['channels.json is overwritten', overwrite(() => '/channels.json')],
  [
    'the role m.shop is overwritten',
    overwrite((loot) => tufPath(`${loot.snapshot.meta['m.shop.json']?.version}.m.shop.json`))
  ]
]

for (const [name, edit] of ROBBERIES) {
  test(`${name}: every key command works, and a branch that saw it takes the next release`, async (t) => {
    const { app, folder, branch } = await scene(t, edit)
    assert.ok((await listKeys(app)).keys.length > 0)
    await rotateKey(app, { role: 'release' })
    const { root } = await rotateKey(app, { role: 'online' })
    assert.equal(root, 2)
    await rotateKey(app, { role: 'root' })
    await release(app, folder, '1.1.0')
    assert.deepEqual(await takes(app, branch), ['1.0.0', '1.1.0'])
    assert.deepEqual(await takes(app, new MemoryStore()), ['1.0.0', '1.1.0'])
  })
}

test('with root locked away the rotation waits for it, and heals the feed all the same', async (t) => {
  const { app, folder, branch } = await scene(t, list('targets', 9))
  const root = await app.keys.openOne('root')
  await app.keys.remove(root.public)
  const { request } = await rotateKey(app, { role: 'online' })
  const given = decodeRequest(await readFile(String(request)))
  const known = { fleetId: given.fleet, current: null }
  const signed = signWithKey(given, signerOf(keyPairOf(root.seed)), known, ['root'])
  assert.equal((await signOnHome(app, { request: signed.request })).released, true)
  await rotateKey(app, { role: 'online' })
  await release(app, folder, '1.1.0')
  assert.deepEqual(await takes(app, branch), ['1.0.0', '1.1.0'])
})

async function scene(t: T, edit: (loot: Loot) => void) {
  const folder = await temporaryFolder(t)
  const app = await openPublisher(await makeHome(join(folder, 'home')))
  t.after(() => app.close())
  await release(app, folder, '1.0.0')
  const branch = new MemoryStore()
  await takes(app, branch)
  await rob(app, edit)
  await takes(app, branch).catch(() => undefined)
  return { app, folder, branch }
}
