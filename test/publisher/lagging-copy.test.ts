// The publisher's machine is lost and every copy that comes back is older than what branches have taken. The restored
// publisher signs no second history, and a branch that is ahead takes its next release.
import assert from 'node:assert/strict'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPublisher } from '../../publisher/app.ts'
import { runPublisherCommand } from '../../publisher/commands.ts'
import { backupKeys, restoreKeys } from '../../publisher/keys/backup.ts'
import { endRecovery } from '../../publisher/keys/recover-end.ts'
import { rotateFeed } from '../../publisher/keys/rotate-feed.ts'
import { signOnHome, signWithKey } from '../../publisher/keys/sign.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { type HomePaths, homePaths } from '../../src/system/home.ts'
import { keyPairOf, signerOf } from '../../src/trust/keys.ts'
import { decodeRequest } from '../../src/trust/signing-request.ts'
import { MemoryStore } from '../trust/test-fleet.ts'
import { takes } from './reading-branch.ts'
import { context, makeHome, temporaryFolder, writeFiles } from './support.ts'

type T = Parameters<typeof temporaryFolder>[0]
const random = (bytes: number) => new Uint8Array(bytes).map(() => Math.floor(Math.random() * 256))

async function release(paths: HomePaths, folder: string, version: string): Promise<void> {
  const dir = await writeFiles(join(folder, 'shop'), { 'version.txt': version })
  await runPublisherCommand(paths, 'publish', { dirs: [dir] }, context)
}

/**
 * 1.0.0 is on the stick; 1.1.0 and 1.2.0 came after it and are with one branch only. `rootAway`: root is not in the backup.
 */
async function scene(t: T, { rootAway = false, lateBackup = false } = {}) {
  const folder = await temporaryFolder(t)
  const paths = await makeHome(join(folder, 'lost'))
  await release(paths, folder, '1.0.0')
  const stick = join(folder, 'stick')
  await mkdir(stick)
  await runPublisherCommand(paths, 'stick.export', { stick }, context)
  const first = await backup(paths, rootAway)
  for (const version of ['1.1.0', '1.2.0']) await release(paths, folder, version)
  const { bytes, root } = lateBackup ? await backup(paths, rootAway) : first
  const branch = new MemoryStore()
  const app = await openPublisher(paths)
  await takes(app, branch)
  await app.close()
  await rm(paths.root, { recursive: true })
  const fresh = homePaths(join(folder, 'fresh'))
  await restoreKeys({ paths: fresh, backup: bytes, backupPassphrase: 'safe', passphrase: null, random })
  await runPublisherCommand(fresh, 'stick.import', { stick }, context)
  return { folder, fresh, branch, root, stick }
}

async function backup(paths: HomePaths, rootAway: boolean) {
  const app = await openPublisher(paths)
  const root = await app.keys.openOne('root')
  if (rootAway) await app.keys.remove(root.public)
  const made = await backupKeys(app, { backupPassphrase: 'safe' })
  await app.close()
  return { bytes: new Uint8Array(Buffer.from(made.backup, 'base64')), root }
}

async function assertGoesOn(paths: HomePaths, folder: string, branch: MemoryStore): Promise<void> {
  await release(paths, folder, '1.3.0')
  const app = await openPublisher(paths)
  try {
    assert.equal((await app.fleet.view()).trust.fleet.feed.generation, 2)
    assert.deepEqual(await takes(app, branch), ['1.0.0', '1.3.0'])
  } finally {
    await app.close()
  }
}

test('with root in the backup, recovery ends in a feed of its own', async (t) => {
  const { folder, fresh, branch } = await scene(t)
  await assert.rejects(release(fresh, folder, '1.3.0'), { code: 'FEED_RESTORED' })
  await runPublisherCommand(fresh, 'recover.end', {}, context)
  await assertGoesOn(fresh, folder, branch)
})

test('with root elsewhere nothing is signed until root has named another feed', async (t) => {
  const { folder, fresh, branch, root } = await scene(t, { rootAway: true })
  const app = await openPublisher(fresh)
  t.after(() => app.close())
  assert.deepEqual(await endRecovery(app, {}, context), { feed: null, blocked: true })
  const { request } = await rotateFeed(app, {}, context)
  await assert.rejects(publish(app, { dirs: [join(folder, 'shop')] }, context), { code: 'FEED_RESTORED' })
  const given = decodeRequest(await readFile(String(request)))
  const known = { fleetId: given.fleet, current: null }
  const signed = signWithKey(given, signerOf(keyPairOf(root.seed)), known, ['root'])
  const kept = await signOnHome(app, { request: signed.request })
  assert.deepEqual([kept.released, kept.missing], [false, []])
  assert.equal((await rotateFeed(app, {}, context)).request, undefined)
  await app.close()
  await assertGoesOn(fresh, folder, branch)
})

test('a stick that is older than the backup is refused, until the operator leaves the rest behind', async (t) => {
  const { folder, fresh, branch } = await scene(t, { lateBackup: true })
  await assert.rejects(runPublisherCommand(fresh, 'recover.end', {}, context), { code: 'FEED_BEHIND' })
  await runPublisherCommand(fresh, 'recover.end', { forgetNewer: true }, context)
  await assertGoesOn(fresh, folder, branch)
})

test('with root lost for good the operator can go on in the former feed', async (t) => {
  const { folder, fresh } = await scene(t, { rootAway: true })
  await runPublisherCommand(fresh, 'recover.end', { forgetNewer: true }, context)
  await release(fresh, folder, '1.3.0')
})
