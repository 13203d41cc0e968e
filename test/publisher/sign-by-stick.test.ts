// Signing requests and their answers travel with the stick, by the real programs on real homes: owner, a signer who has
// nothing but a key file, and a signer with a home of the fleet.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { chasqui } from '../stick/cli.ts'
import { at, temporaryFolder, writeFiles } from './support.ts'

/** Runs the program on a home; it must end with `status`. */
function run(status: number, home: string, ...args: string[]): unknown {
  const { status: actual, json } = chasqui(home, ...args)
  assert.equal(actual, status, `${args.join(' ')}: ${JSON.stringify(json)}`)
  return json
}

/** Two people sign each release; the second release key is not with the owner any more. */
async function scene(t: TestContext) {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  const [owner, beto, stick, dir] = [at('owner'), at('beto'), at('stick'), at('shop')]
  await mkdir(stick)
  await writeFiles(dir, { 'version.txt': '1.0.0\n', 'app.js': 'run()\n' })
  const two = ['--threshold', '2', '--signers', '2']
  const { root: fleet } = run(0, owner, 'publisher', 'init', '--no-passphrase', ...two) as { root: string }
  run(0, owner, 'publisher', 'publish', dir)
  await writeFile(at('safe.txt'), 'in the safe\n')
  const safe = ['--backup-passphrase-file', at('safe.txt')]
  run(0, owner, 'publisher', 'keys', 'backup', at('fleet.backup'), ...safe)
  const releaseKeys = (await readdir(join(owner, 'keys'))).filter((name) => name.startsWith('release-'))
  const key = at('beto.key')
  await rename(join(owner, 'keys', releaseKeys[1] ?? ''), key)
  await writeFiles(dir, { 'version.txt': '2.0.0\n' })
  const { request } = run(0, owner, 'publisher', 'publish', dir) as { request: string }
  const versions = () =>
    (run(0, owner, 'publisher', 'releases', 'shop') as { version: string }[]).map(({ version }) => version)
  return { folder, owner, beto, stick, fleet, key, safe, request, releaseKeys, versions }
}

const letters = async (stick: string, folder: string) =>
  (await readdir(join(stick, 'chasqui', folder)).catch(() => [])).filter((name) => name.startsWith('sign-'))

test('a signer with a key file signs on the stick, and the owner releases by importing it', async (t) => {
  const { owner, beto, stick, fleet, key, versions } = await scene(t)
  run(0, owner, 'usb-sync', 'export', stick)
  assert.equal((await letters(stick, 'requests')).length, 1)
  const unknown = run(2, beto, 'publisher', 'sign', stick, '--key', key)
  assert.equal(at(unknown, 'error.code'), 'FLEET_NOT_NAMED')
  const signed = run(0, beto, 'publisher', 'sign', stick, '--key', key, '--fleet', fleet)
  assert.deepEqual(
    [at(signed, 'requests.0.title'), at(signed, 'requests.0.signed.0')],
    ['shop 2.0.0', 'm.shop']
  )
  assert.deepEqual(at(signed, 'requests.0.missing'), [])
  assert.equal((await letters(stick, 'grants')).length, 1)
  assert.deepEqual(versions(), ['1.0.0'])
  run(0, owner, 'usb-sync', 'sync', stick)
  assert.deepEqual(versions().toSorted(), ['1.0.0', '2.0.0'])
  assert.deepEqual(await letters(stick, 'requests'), [], 'what is settled leaves the stick')
  assert.deepEqual(await letters(stick, 'grants'), [])
})

test('a signer with a home takes the request by sync, signs it there, and the next sync carries the answer', async (t) => {
  const { folder, owner, beto, stick, safe, releaseKeys, versions } = await scene(t)
  run(0, owner, 'usb-sync', 'export', stick)
  const backup = join(folder, 'fleet.backup')
  run(0, beto, 'publisher', 'keys', 'restore', backup, '--no-passphrase', ...safe)
  await rename(join(beto, 'keys', releaseKeys[0] ?? ''), join(folder, 'owner.key'))
  run(0, beto, 'usb-sync', 'sync', stick)
  assert.deepEqual(await letters(stick, 'grants'), [], 'nobody has agreed yet')
  const waiting = run(0, beto, 'publisher', 'sign')
  assert.deepEqual([at(waiting, 'received.0.title'), at(waiting, 'made')], ['shop 2.0.0', []])
  const id = String(at(waiting, 'received.0.id'))
  assert.deepEqual(at(run(0, beto, 'publisher', 'sign', id), 'signed'), ['m.shop'])
  run(0, beto, 'usb-sync', 'sync', stick)
  run(0, owner, 'usb-sync', 'import', stick)
  assert.deepEqual(versions().toSorted(), ['1.0.0', '2.0.0'])
  assert.deepEqual(at(run(0, owner, 'publisher', 'sign'), 'made'), [])
})

test('forged and spoiled letters on the stick release nothing and stop nobody', async (t) => {
  const { owner, beto, stick, fleet, key, versions } = await scene(t)
  run(0, owner, 'usb-sync', 'export', stick)
  const [name = ''] = await letters(stick, 'requests')
  const place = (folder: string, file: string) => join(stick, 'chasqui', folder, file)
  const request = JSON.parse(await readFile(place('requests', name), 'utf8'))
  const { role, envelope } = request.roles[0]
  const keyid = '22'.repeat(32)
  const answer = { schema: 'chasqui/answer/1', fleet, request: name.slice(5, 21) }
  const forged = { role, version: envelope.signed.version, keyid, sig: '00'.repeat(64) }
  await mkdir(place('grants', ''), { recursive: true })
  const spoiled = {
    [place('requests', 'sign-0000000000000000.json')]: '{"schema":"chasqui/request/1"}',
    [place('requests', 'sign-1111111111111111.json')]: JSON.stringify({ ...request, files: {} }),
    [place('grants', `${name.slice(0, 21)}-0000000000000000.json`)]: JSON.stringify({
      ...answer,
      signatures: [forged]
    }),
    [place('grants', `${name.slice(0, 21)}-1111111111111111.json`)]: 'rubbish'
  }
  for (const [path, text] of Object.entries(spoiled)) await writeFile(path, text)
  run(0, owner, 'usb-sync', 'import', stick)
  assert.deepEqual(versions(), ['1.0.0'])
  const signed = run(0, beto, 'publisher', 'sign', stick, '--key', key, '--fleet', fleet)
  assert.equal((at(signed, 'requests') as unknown[]).length, 1)
  const refused = at(signed, 'refused') as { code: string }[]
  assert.deepEqual(
    refused.map(({ code }) => code),
    ['REQUEST_INVALID', 'REQUEST_INVALID']
  )
  run(0, owner, 'usb-sync', 'import', stick)
  assert.deepEqual(versions().toSorted(), ['1.0.0', '2.0.0'])
})
