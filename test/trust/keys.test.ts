import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openKeyStore } from '../../src/system/key-store.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import { createFleetKeys, encodeKeyFiles, PROTECTED_ROLES } from '../../src/trust/fleet-keys.ts'
import { decodeKeyBackup, encodeKeyBackup, fleetOfBackup } from '../../src/trust/key-backup.ts'
import { decodeKeyFile, KEY_ROLES, openKeyFile, Passphrase } from '../../src/trust/key-file.ts'
import { keyId, keyPairOf, wipe } from '../../src/trust/keys.ts'
import { START, seedOf } from './test-fleet.ts'
import { CHEAP, RANDOM } from './test-members.ts'

const random = (bytes: number) => new Uint8Array(randomBytes(bytes))
const created = formatTime(START)

test('key files of a new fleet: protected roles need the passphrase, the others do not', () => {
  const keys = createFleetKeys(random)
  assert.deepEqual(
    keys.map((key) => key.role),
    [...KEY_ROLES]
  )
  const files = encodeKeyFiles(keys, created, new Passphrase('correct horse'), random, CHEAP).map(
    decodeKeyFile
  )
  for (const [i, file] of files.entries()) {
    const isProtected = PROTECTED_ROLES.includes(file.role)
    assert.equal(file.sealed !== undefined, isProtected, file.role)
    assert.deepEqual(openKeyFile(file, new Passphrase('correct horse')).seed, keys[i]?.seed)
    if (!isProtected) continue
    assert.throws(() => openKeyFile(file, null), { code: 'PASSPHRASE_NEEDED' })
    assert.throws(() => openKeyFile(file, new Passphrase('wrong')), { code: 'PASSPHRASE_WRONG' })
  }
})

test('a passphrase is the same however its accents are composed', () => {
  const [root] = createFleetKeys(random)
  if (root === undefined) throw new Error('no key')
  const [bytes] = encodeKeyFiles([root], created, new Passphrase('contraseña'), random, CHEAP)
  const file = decodeKeyFile(bytes as Uint8Array)
  assert.deepEqual(openKeyFile(file, new Passphrase('contrasen\u0303a')).seed, root.seed)
})

test('the key folder keeps one file per key, for its owner only', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'chasqui-keys-'))
  t.after(() => rm(directory, { recursive: true }))
  const store = openKeyStore(join(directory, 'keys'))
  const keys = createFleetKeys(random)
  await store.add(encodeKeyFiles(keys, created, null, random))
  assert.equal((await store.list()).length, KEY_ROLES.length)
  const online = await store.openOne('online')
  assert.deepEqual(online.seed, keys.find((key) => key.role === 'online')?.seed)
  const mode = (await stat(join(directory, 'keys', `online-${online.public.slice(0, 16)}.key`))).mode
  if (process.platform !== 'win32') assert.equal(mode & 0o777, 0o600)
  await store.remove(online.public)
  await assert.rejects(store.openOne('online'), { code: 'KEY_MISSING' })
})

test('a key backup brings every key back', () => {
  const keys = createFleetKeys(random).map((key) => ({ ...key, created }))
  const backup = {
    name: 'Tiendas',
    fleet: 'ab'.repeat(32),
    keys,
    membership: seedOf('m'),
    invites: [{ id: '00'.repeat(16), name: 'Norte', groups: [], modules: ['*'], issued: 'a', expires: 'b' }],
    metadata: new Map([['root.json', seedOf('root file')]])
  }
  const bytes = encodeKeyBackup(backup, created, new Passphrase('backup'), RANDOM, CHEAP)
  assert.equal(fleetOfBackup(bytes), backup.fleet)
  assert.deepEqual(decodeKeyBackup(bytes, new Passphrase('backup')), backup)
  assert.ok(!Buffer.from(bytes).includes(Buffer.from(keys[0]?.seed ?? []).toString('hex')))
})

test('key ids are those of TUF and secrets can be wiped', () => {
  // SHA-256 of {"keytype":"ed25519","keyval":{"public":"3b6a…da29"},"scheme":"ed25519"}, seed of 32 zero bytes
  const pair = keyPairOf(new Uint8Array(32))
  assert.equal(keyId(pair.publicKey).length, 64)
  wipe(pair.secretKey)
  assert.deepEqual(pair.secretKey, new Uint8Array(64))
})
