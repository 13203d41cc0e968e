// Ceremonies: list, rotate, signers, two-person release, delegation, backup, restore. The commands run on an opened home;
// one test takes the whole way through the real program, on two machines.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PublisherApp } from '../../publisher/app.ts'
import { openPublisher } from '../../publisher/app.ts'
import { publisherTable } from '../../publisher/commands.ts'
import { initPublisher } from '../../publisher/init.ts'
import { backupKeys, restoreKeys } from '../../publisher/keys/backup.ts'
import { type KeyLine, listKeys } from '../../publisher/keys/list.ts'
import { signWithKey } from '../../publisher/keys/sign.ts'
import { openSigners } from '../../publisher/signing.ts'
import { oneChange } from '../../publisher/turns.ts'
import { homePaths } from '../../src/system/home.ts'
import { Passphrase } from '../../src/trust/key-file.ts'
import { keyPairOf, type Signer, type SigningKeyPair, signerOf, verifyBytes } from '../../src/trust/keys.ts'
import { decodeRequest } from '../../src/trust/signing-request.ts'
import { at, chasqui, context, makePublisher, temporaryFolder, writeFiles } from './support.ts'

type T = Parameters<typeof temporaryFolder>[0]
const random = (bytes: number) => new Uint8Array(randomBytes(bytes))

/** Runs a command of the publisher on an opened home. */
const run = (app: PublisherApp, name: string, args: object) =>
  (publisherTable[name] as (app: PublisherApp, args: unknown, more: typeof context) => Promise<unknown>)(
    app,
    args,
    context
  )

async function scene(t: T) {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const release = async (name: string, version: string) => {
    const files = { 'version.txt': `${version}\n`, 'app.js': `run('${name} ${version}')\n` }
    const dir = await writeFiles(join(folder, name), files)
    return run(app, 'publish', { dirs: [dir], channel: 'stable' })
  }
  await release('shop', '1.0.0')
  return { folder, app, release }
}

const ofRole = (keys: readonly KeyLine[], role: string) => keys.filter((key) => key.role === role)
const releasesOf = async (app: PublisherApp) => ((await run(app, 'releases', {})) as unknown[]).length

/** Signs a request file on a machine that was told the fleet id and nothing else. */
async function signAt(file: string, pair: SigningKeyPair, roles: string[] = []): Promise<string> {
  const request = decodeRequest(new Uint8Array(await readFile(file)))
  return signWithKey(request, signerOf(pair), { fleetId: request.fleet, current: null }, roles).request
}

/** Another person on another machine: a key pair, and what it does with a request file. */
function person() {
  const pair = keyPairOf(random(32))
  const publicKey = Buffer.from(pair.publicKey).toString('hex')
  return {
    publicKey,
    sign: async (file: string) => signAt(file, pair)
  }
}

test('keys list shows what each key signs and how it is protected', async (t) => {
  const { app } = await scene(t)
  const { keys } = await listKeys(app)
  assert.deepEqual(ofRole(keys, 'online')[0]?.signs.toSorted(), ['channels', 'snapshot', 'timestamp'])
  assert.deepEqual(ofRole(keys, 'release')[0]?.signs, ['m.shop'])
  assert.deepEqual(ofRole(keys, 'root')[0]?.signs, ['root'])
  assert.equal(ofRole(keys, 'root')[0]?.protected, false)
})

for (const role of ['online', 'release', 'targets', 'root', 'enrolment']) {
  test(`the ${role} key is rotated: the former one is retired and publishing goes on`, async (t) => {
    const { app, release } = await scene(t)
    const before = ofRole((await listKeys(app)).keys, role)[0]?.public
    const done = await run(app, 'keys.rotate', { role })
    const { keys } = await listKeys(app)
    assert.deepEqual(
      ofRole(keys, role).map((key) => key.public),
      [at(done, 'key')]
    )
    assert.equal(at(done, 'former'), before)
    await release('shop', '1.1.0')
    await release('new', '1.0.0')
    assert.equal(typeof at(await run(app, 'invite', { name: 'Norte' }), 'invite'), 'string')
    assert.equal(await releasesOf(app), 3)
  })
}

test('a rotation that was cut before it was published goes on with the same key', async (t) => {
  const { app } = await scene(t)
  const publish = app.writer.publish
  app.writer.publish = () => Promise.reject(new Error('power cut'))
  await assert.rejects(run(app, 'keys.rotate', { role: 'online' }), /power cut/)
  const next = join(app.paths.keys, 'next')
  const waiting = await readFile(join(next, (await readdir(next))[0] ?? ''), 'utf8')
  app.writer.publish = publish
  const done = await run(app, 'keys.rotate', { role: 'online' })
  assert.equal(at(done, 'key'), JSON.parse(waiting).public)
})

test('a second signer joins a module: the change, and then each release, waits for that person', async (t) => {
  const { app, release } = await scene(t)
  const beto = person()
  const agree = async (waiting: unknown, role: string) => {
    assert.deepEqual(at(waiting, 'missing'), [{ role, have: 1, need: 2 }])
    const request = await beto.sign(String(at(waiting, 'request')))
    assert.equal(at(await run(app, 'sign', { request }), 'released'), true)
    await assert.rejects(run(app, 'sign', { request }), { code: 'REQUEST_OUTDATED' })
  }
  await agree(await run(app, 'keys.signers', { role: 'shop', add: [beto.publicKey], threshold: 2 }), 'm.shop')
  const waiting = await release('shop', '2.0.0')
  assert.equal(await releasesOf(app), 1, 'nothing is out yet')
  await agree(waiting, 'm.shop')
  assert.equal(await releasesOf(app), 2)
})

test('a pattern is delegated to a team, which signs its releases on its own machine', async (t) => {
  const { app, release } = await scene(t)
  const team = person()
  const made = await run(app, 'delegate', { pattern: 'pos_*', keys: [team.publicKey] })
  assert.deepEqual([at(made, 'role'), at(made, 'threshold')], ['t.pos', 1])
  await release('shop', '1.1.0')
  const waiting = await release('pos_till', '1.0.0')
  assert.deepEqual(at(waiting, 'missing'), [{ role: 't.pos', have: 0, need: 1 }])
  const request = await team.sign(String(at(waiting, 'request')))
  assert.equal(at(await run(app, 'sign', { request }), 'released'), true)
  assert.equal(await releasesOf(app), 3)
  await assert.rejects(run(app, 'delegate', { pattern: '../x', keys: [team.publicKey], team: 'bad' }), {
    code: 'ROLE_NAME'
  })
})

test('a delegation ends: what the team released no longer counts, and it can begin again', async (t) => {
  const { app, release } = await scene(t)
  const team = person()
  const publishByTeam = async (version: string) => {
    const waiting = await release('pos_till', version)
    assert.deepEqual(at(waiting, 'missing'), [{ role: 't.pos', have: 0, need: 1 }])
    const request = await team.sign(String(at(waiting, 'request')))
    assert.equal(at(await run(app, 'sign', { request }), 'released'), true)
  }
  await run(app, 'delegate', { pattern: 'pos_*', keys: [team.publicKey] })
  await publishByTeam('1.0.0')
  const late = String(at(await release('pos_till', '1.1.0'), 'request'))
  assert.deepEqual(await run(app, 'delegate.end', { team: 'pos' }), { role: 't.pos', ended: true })
  assert.equal(await releasesOf(app), 1)
  await assert.rejects(team.sign(late), { code: 'ENOENT' }, 'its waiting request is cleared away')
  assert.ok((await listKeys(app)).roles.every(({ role }) => role !== 't.pos'))
  await assert.rejects(run(app, 'delegate.end', { team: 'pos' }), { code: 'ROLE_NAME' })
  const again = await run(app, 'delegate', { pattern: 'pos_*', keys: [team.publicKey] })
  const request = await team.sign(String(at(again, 'request')))
  assert.equal(at(await run(app, 'sign', { request }), 'released'), true)
  assert.equal(await releasesOf(app), 1, 'what was listed before does not come back')
  await publishByTeam('2.0.0')
  assert.equal(await releasesOf(app), 2)
})

test('secret keys are wiped when the turn that opened them ends, also when it failed', async (t) => {
  const { app } = await scene(t)
  const message = random(8)
  const isUsable = ({ sign, publicKey }: Signer) => verifyBytes(message, sign(message), publicKey)
  for (const fails of [false, true]) {
    let signers: Signer[] = []
    const turn = oneChange(app, async () => {
      signers = await openSigners(app, ['root', 'release', 'online'], undefined)
      assert.ok(signers.length === 3 && signers.every(isUsable))
      if (fails) throw new Error('power cut')
    })
    await turn.catch(() => undefined)
    assert.ok(!signers.some(isUsable))
  }
  assert.equal(at(await run(app, 'keys.rotate', { role: 'online' }), 'root'), 2)
})

test('restore refuses a wrong passphrase, a damaged backup and a folder that has a home', async (t) => {
  const { folder, app } = await scene(t)
  const { backup: text } = await backupKeys(app, { backupPassphrase: 'in the safe' })
  const backup = new Uint8Array(Buffer.from(text, 'base64'))
  const request = { backup, backupPassphrase: 'in the safe', passphrase: null, random }
  const fresh = homePaths(join(folder, 'fresh'))
  await assert.rejects(restoreKeys({ ...request, paths: fresh, backupPassphrase: 'x' }), {
    code: 'PASSPHRASE_WRONG'
  })
  await assert.rejects(restoreKeys({ ...request, paths: fresh, backup: backup.subarray(0, 99) }), {
    code: 'KEY_BACKUP_DAMAGED'
  })
  await assert.rejects(restoreKeys({ ...request, paths: app.paths }), { code: 'HOME_EXISTS' })
  const restored = await restoreKeys({ ...request, paths: fresh })
  assert.equal(restored.fleet, app.fleet.id)
  const again = await openPublisher(fresh)
  t.after(() => again.close())
  assert.deepEqual(
    (await again.keys.list()).map((key) => key.public),
    (await app.keys.list()).map((key) => key.public)
  )
  await assert.rejects(again.fleet.view(), { code: 'FEED_EMPTY' })
})

test('a rotation with protected keys: without the right passphrase nothing changes', async (t) => {
  const folder = await temporaryFolder(t)
  const paths = homePaths(join(folder, 'home'))
  const passphrase = new Passphrase('correct horse')
  await initPublisher({ paths, name: 'T', threshold: 1, signers: 1, passphrase, now: Date.now() })
  const app = await openPublisher(paths)
  t.after(() => app.close())
  const before = await listKeys(app)
  await assert.rejects(run(app, 'keys.rotate', { role: 'root' }), { code: 'PASSPHRASE_NEEDED' })
  await assert.rejects(run(app, 'keys.rotate', { role: 'root', passphrase: 'wrong' }), {
    code: 'PASSPHRASE_WRONG'
  })
  assert.deepEqual(await listKeys(app), before)
  assert.equal(at(await run(app, 'keys.rotate', { role: 'root', passphrase: 'correct horse' }), 'root'), 2)
})

/** Runs a command of the real program that must succeed; its JSON. */
async function ok(home: string, ...args: string[]): Promise<unknown> {
  const outcome = await chasqui(home, [...args, '--json'])
  assert.equal(outcome.status, 0, `${args.join(' ')}: ${outcome.stdout}${outcome.stderr}`)
  return outcome.json
}

test('by the real program: a fleet of two signers, one key carried away, and a release that needs both', async (t) => {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'home')
  const dir = await writeFiles(join(folder, 'shop'), { 'version.txt': '1.0.0\n', 'app.js': 'run()\n' })
  const made = await ok(home, 'init', '--name', 'T', '--no-passphrase', '--threshold', '2', '--signers', '2')
  const root = String(at(made, 'root'))
  const { keys } = (await ok(home, 'keys', 'list')) as { keys: KeyLine[] }
  const second = ofRole(keys, 'release')[1]?.public ?? ''
  await ok(home, 'publish', dir)
  const inHome = join(home, 'keys', `release-${second.slice(0, 16)}.key`)
  const carried = join(folder, 'second.key')
  await writeFile(carried, await readFile(inHome))
  await rm(inHome)
  await writeFiles(dir, { 'version.txt': '2.0.0\n' })
  const waiting = await ok(home, 'publish', dir)
  const travelling = join(folder, 'request.json')
  await writeFile(travelling, await readFile(String(at(waiting, 'request'))))
  const signed = await ok(join(folder, 'elsewhere'), 'sign', travelling, '--key', carried, '--fleet', root)
  assert.equal((at(signed, 'signs.0.targets') as string[]).length, 1)
  assert.deepEqual([at(signed, 'title'), at(signed, 'signed.0')], ['shop 2.0.0', 'm.shop'])
  assert.equal(at(await ok(home, 'sign', travelling), 'released'), true)
  assert.equal(((await ok(home, 'releases', 'shop')) as unknown[]).length, 2)
})

test('with the root key locked away, a rotation waits for it and is settled by the same command', async (t) => {
  const { app, release } = await scene(t)
  const root = await app.keys.openOne('root')
  await app.keys.remove(root.public)
  const waiting = await run(app, 'keys.rotate', { role: 'online' })
  assert.deepEqual(
    (at(waiting, 'missing') as { role: string }[]).map(({ role }) => role),
    ['root']
  )
  await release('shop', '1.1.0')
  const byRoot = (result: unknown) =>
    signAt(String(at(result, 'request')), keyPairOf(root.seed), ['root', 'targets'])
  const outdated = await byRoot(waiting)
  await assert.rejects(run(app, 'sign', { request: outdated }), { code: 'REQUEST_OUTDATED' })
  const again = await run(app, 'keys.rotate', { role: 'online' })
  assert.equal(at(again, 'key'), at(waiting, 'key'), 'the same new key')
  const request = await byRoot(again)
  assert.equal(at(await run(app, 'sign', { request }), 'released'), true)
  const settled = await run(app, 'keys.rotate', { role: 'online' })
  assert.equal(at(settled, 'request'), undefined)
  assert.deepEqual(
    ofRole((await listKeys(app)).keys, 'online').map((key) => key.public),
    [at(waiting, 'key')]
  )
  await release('shop', '1.2.0')
})
