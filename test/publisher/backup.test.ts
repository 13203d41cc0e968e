// What a key backup carries beside the keys in use, and what it says that it lacks.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPublisher, type PublisherApp } from '../../publisher/app.ts'
import { grantNewMembers } from '../../publisher/grants.ts'
import { backupKeys, restoreKeys } from '../../publisher/keys/backup.ts'
import { nextKey, nextKeys } from '../../publisher/keys/change.ts'
import { recallInvites } from '../../publisher/keys/recall-invites.ts'
import { rotateKey } from '../../publisher/keys/rotate.ts'
import { invite, listInvites } from '../../publisher/members.ts'
import { revoke } from '../../publisher/revoke.ts'
import { homePaths } from '../../src/system/home.ts'
import { join1, report } from './joined.ts'
import { at, chasqui, makePublisher, temporaryFolder } from './support.ts'

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes))

async function backup(app: PublisherApp): Promise<{ bytes: Uint8Array; absent: string[] }> {
  const { backup: text, absent } = await backupKeys(app, { backupPassphrase: 'safe' })
  return { bytes: new Uint8Array(Buffer.from(text, 'base64')), absent }
}

async function restored(folder: string, bytes: Uint8Array): Promise<PublisherApp> {
  const paths = homePaths(join(folder, 'restored'))
  await restoreKeys({ paths, backup: bytes, backupPassphrase: 'safe', passphrase: null, random })
  return openPublisher(paths)
}

test('a backup says which keys it lacks', async (t) => {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'home')
  await chasqui(home, ['init', '--name', 'T', '--no-passphrase'])
  const secret = join(folder, 'secret')
  await writeFile(secret, 'safe\n')
  const make = (name: string) =>
    chasqui(home, ['keys', 'backup', join(folder, name), '--backup-passphrase-file', secret, '--json'])
  assert.deepEqual(at((await make('whole')).json, 'absent'), [])
  const app = await openPublisher(homePaths(home))
  for (const { role, public: key } of await app.keys.list()) {
    if (role === 'root' || role === 'targets') await app.keys.remove(key)
  }
  await app.close()
  const made = await make('part')
  assert.deepEqual(at(made.json, 'absent'), ['root', 'targets'])
  assert.match(made.stderr, /root, targets/)
})

test('a key that waits to replace another one is in the backup and waits again', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const waiting = await nextKey(app, 'online', undefined)
  const fresh = await restored(folder, (await backup(app)).bytes)
  t.after(() => fresh.close())
  assert.deepEqual(
    (await nextKeys(fresh).list()).map((file) => file.public),
    [waiting.public]
  )
  assert.equal(
    (await fresh.keys.list()).some((file) => file.public === waiting.public),
    false
  )
})

test('a branch that was invited before the backup is known after it, and one that was granted since by its invite', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const before = await invite(app, { name: 'Norte' })
  const { bytes } = await backup(app)
  const fresh = await restored(folder, bytes)
  assert.deepEqual(
    (await listInvites(fresh)).map(({ id, name }) => [id, name]),
    [[before.id, 'Norte']]
  )
  await fresh.close()
  const since = await invite(app, { name: 'Sur' })
  await report(app, join1(since.invite))
  await grantNewMembers(app)
  // the home forgets what only its state knew
  await app.state.put({ [`invite/${since.id}`]: null })
  await recallInvites(app)
  assert.deepEqual((await revoke(app, { branch: since.id })).invites, [since.id])
})

test('the sealing key is replaced: root names the next one, branches seal to it, the former one is kept', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const former = await app.keys.openOne('sealing')
  const { key, root } = await rotateKey(app, { role: 'sealing' })
  assert.equal(root, 2)
  assert.equal((await app.fleet.view()).trust.fleet.sealing, key)
  assert.equal((await app.keys.openOne('sealing')).public, key)
  assert.notEqual(key, former.public)
})
