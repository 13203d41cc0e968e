// `sign` through the real program: what a person is shown, what is refused, and what takes more than a plain "sign".
import assert from 'node:assert/strict'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createKey } from '../../src/trust/fleet-keys.ts'
import { keyId } from '../../src/trust/keys.ts'
import { at, chasqui, temporaryFolder, writeFiles } from './support.ts'

/** Runs a command of the real program that must end with `status`; its JSON. */
async function run(status: number, home: string, ...args: string[]): Promise<unknown> {
  const outcome = await chasqui(home, [...args, '--json'])
  assert.equal(outcome.status, status, `${args.join(' ')}: ${outcome.stdout}${outcome.stderr}`)
  return outcome.json
}

/** A fleet whose module shop needs Beto's key besides its own; a release of it waits for him. */
async function scene(t: TestContext) {
  const folder = await temporaryFolder(t)
  const [home, elsewhere, beto] = ['home', 'elsewhere', 'beto.key'].map((name) => join(folder, name)) as [
    string,
    string,
    string
  ]
  const dir = await writeFiles(join(folder, 'shop'), { 'version.txt': '1.0.0\n', 'app.js': 'run()\n' })
  const { root: fleet } = (await run(0, home, 'init', '--name', 'T', '--no-passphrase')) as { root: string }
  await run(0, home, 'publish', dir)
  const key = await run(0, elsewhere, 'keys', 'new', beto, '--no-passphrase')
  const add = ['keys', 'signers', 'shop', '--add', String(at(key, 'public')), '--threshold', '2']
  const request = join(folder, 'request.json')
  const carry = async (waiting: unknown) => {
    await writeFile(request, await readFile(String(at(waiting, 'request'))))
    return request
  }
  await carry(await run(0, home, ...add))
  await run(0, elsewhere, 'sign', request, '--key', beto, '--fleet', fleet)
  await run(0, home, 'sign', request)
  await writeFiles(dir, { 'version.txt': '1.2.1\n' })
  await carry(await run(0, home, 'publish', dir))
  return { folder, home, elsewhere, beto, fleet, request }
}

/** The request with a root that hands the fleet to somebody else in the place of what it asks for. */
async function forge(request: string, home: string, claims: object): Promise<void> {
  const text = JSON.parse(await readFile(request, 'utf8'))
  const roots = join(home, 'trust', 'roots')
  const [newest] = (await readdir(roots)).sort().reverse()
  const { signed } = JSON.parse(await readFile(join(roots, newest ?? ''), 'utf8'))
  const evil = createKey('root', (bytes) => new Uint8Array(bytes).fill(1)).public
  const stranger = keyId(Buffer.from(evil, 'hex'))
  signed.version++
  signed.keys = { [stranger]: { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: evil } } }
  for (const role of Object.keys(signed.roles)) signed.roles[role] = { keyids: [stranger], threshold: 1 }
  const roles = [{ role: 'root', envelope: { signatures: [], signed } }]
  await writeFile(request, JSON.stringify({ ...text, ...claims, roles, files: {} }))
}

test('a request that hands the fleet to a stranger gets no signature, whatever it says of itself', async (t) => {
  const { home, elsewhere, beto, fleet, request } = await scene(t)
  const root = (await readdir(join(home, 'keys'))).find((name) => name.startsWith('root-')) ?? ''
  const byFile = ['sign', request, '--fleet', fleet, '--key']
  const asks = [
    [elsewhere, [...byFile, join(home, 'keys', root)], 'ROLE_NOT_NAMED'],
    [elsewhere, [...byFile, join(home, 'keys', root), '--yes'], 'ROLE_NOT_NAMED'],
    [elsewhere, [...byFile, beto, '--role', 'root'], 'KEY_MISSING'],
    [home, ['sign', request], 'ROLE_NOT_NAMED'],
    [home, ['sign', request, '--yes'], 'ROLE_NOT_NAMED']
  ] as const
  for (const claims of [{}, { title: 'shop 1.2.1' }]) {
    await forge(request, home, claims)
    const before = await readFile(request, 'utf8')
    for (const [machine, args, code] of asks) {
      const refused = await chasqui(machine, [...args, '--json'])
      const expected = 'title' in claims ? 'REQUEST_INVALID' : code
      assert.equal(at(refused.json, 'error.code'), expected, `${args.join(' ')}: ${refused.stdout}`)
      assert.equal(await readFile(request, 'utf8'), before)
    }
  }
})

test('what a signer is shown: the release in full, who must sign, what the roles were before', async (t) => {
  const { home, elsewhere, beto, fleet, request } = await scene(t)
  const unknown = await run(2, elsewhere, 'sign', request, '--key', beto)
  assert.equal(at(unknown, 'error.code'), 'FLEET_NOT_NAMED')
  const wrong = await run(3, elsewhere, 'sign', request, '--key', beto, '--fleet', 'ab'.repeat(32))
  assert.equal(at(wrong, 'error.code'), 'FLEET_MISMATCH')
  const before = await readFile(request, 'utf8')
  const looked = await run(0, elsewhere, 'sign', request, '--key', beto, '--fleet', fleet, '--dry-run')
  assert.deepEqual(
    [at(looked, 'title'), at(looked, 'asked.0'), at(looked, 'fleet')],
    ['shop 1.2.1', 'm.shop', fleet]
  )
  assert.deepEqual([at(looked, 'releases.0.module'), at(looked, 'releases.0.version')], ['shop', '1.2.1'])
  assert.deepEqual([at(looked, 'signs.0.role'), at(looked, 'signs.0.former')], ['m.shop', 2])
  assert.deepEqual(at(looked, 'missing.0'), { role: 'm.shop', have: 1, need: 2 })
  assert.equal(await readFile(request, 'utf8'), before, 'looking signs nothing')
  const text = await chasqui(elsewhere, ['sign', request, '--key', beto, '--fleet', fleet])
  for (const part of [
    'added: shop 1.2.1',
    String(at(looked, 'releases.0.release')),
    fleet,
    'signed: m.shop'
  ]) {
    assert.ok(text.stdout.includes(part), `${part} in ${text.stdout}`)
  }
  assert.equal(at(await run(0, home, 'sign', request), 'released'), true)
})

test('a ceremony that waits says so, and running it again keeps the request and its signatures', async (t) => {
  const { folder, home, elsewhere, fleet, request } = await scene(t)
  const root = (await readdir(join(home, 'keys'))).find((name) => name.startsWith('root-')) ?? ''
  const away = join(folder, 'root.key')
  await rename(join(home, 'keys', root), away)
  const ceremonies = [
    ['keys', 'rotate', 'online'],
    ['keys', 'signers', 'targets', '--add', '11'.repeat(32)]
  ]
  for (const args of ceremonies) {
    const { stdout, status } = await chasqui(home, args)
    assert.equal(status, 0, stdout)
    assert.match(stdout, /not done yet: root has 0 of 1 signatures[\s\S]*request\.json/)
    assert.doesNotMatch(stdout, /now/)
  }
  const waiting = String(at(await run(0, home, 'keys', 'rotate', 'online'), 'request'))
  const byRoot = ['sign', waiting, '--key', away, '--fleet', fleet, '--role', 'root']
  assert.deepEqual(at(await run(0, elsewhere, ...byRoot), 'signed'), ['root'])
  const again = await run(0, home, 'keys', 'rotate', 'online')
  assert.deepEqual([at(again, 'request'), at(again, 'missing')], [waiting, []], 'what root has signed counts')
  const said = (await chasqui(home, ['keys', 'rotate', 'online'])).stdout
  assert.match(said, /has its signatures[\s\S]*publisher sign /)
  assert.equal(at(await run(0, home, 'sign', waiting), 'released'), true)
  const settled = await chasqui(home, ['keys', 'rotate', 'online'])
  assert.match(settled.stdout, / now, no longer /)
  // versions begin a new era with another online key: the release that waited cannot follow any more
  assert.deepEqual(await readdir(join(home, 'requests')), [])
  assert.equal(at(await run(3, home, 'sign', request, '--dry-run'), 'error.code'), 'REQUEST_OUTDATED')
})
