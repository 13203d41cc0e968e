// The conformance client against a simulated repository over loopback HTTP: the workflow of TUF §5 as a whole.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { runClient } from './client.ts'
import { clientFor, DAY, NOW } from './client-under-test.ts'
import { makeKey, Simulator } from './simulator.ts'

const TOP = { root: 1, snapshot: 1, targets: 1, timestamp: 1 }

test('the executable initialises, refreshes and downloads', async (t) => {
  const client = await clientFor(t)
  client.repo.addTarget('targets', 'a/file.txt', 'content')
  client.repo.publish()
  const run = promisify(execFile)
  const program = join(import.meta.dirname, 'tuf-client')
  const { metadata, targets, url } = client.folders
  const common = ['--metadata-dir', metadata, '--metadata-url', `${url}/metadata`]
  await run(program, [...common, 'refresh'])
  const names = [
    '--target-name',
    'a/file.txt',
    '--target-base-url',
    `${url}/targets`,
    '--target-dir',
    targets
  ]
  await run(program, [...common, ...names, 'download'])
  assert.deepEqual(await client.artifacts(), ['content'])
  await assert.rejects(run(program, [...common, '--target-name', 'missing', ...names.slice(2), 'download']), {
    code: 1
  })
})

test('init asks nothing of the repository; refresh asks for each file once; a second one only for what may be new', async (t) => {
  const client = await clientFor(t)
  assert.deepEqual(client.repo.requests, [])
  assert.equal(await client.refresh(), 0)
  assert.deepEqual(client.repo.requests.splice(0), [
    '2.root.json',
    'timestamp.json',
    '1.snapshot.json',
    '1.targets.json'
  ])
  assert.deepEqual(await client.trusted(), TOP)
  assert.equal(await client.refresh(), 0)
  assert.deepEqual(client.repo.requests, ['2.root.json', 'timestamp.json'])
})

test('what is stored is what was received, byte for byte', async (t) => {
  const client = await clientFor(t)
  await client.refresh()
  for (const name of ['timestamp.json', '1.snapshot.json', '1.targets.json']) {
    assert.deepEqual(await client.file(name.replace(/^1\./, '')), client.repo.metadata(name))
  }
})

test('without consistent snapshots the names carry no version', async (t) => {
  const repo = new Simulator()
  repo.root.consistent_snapshot = false
  repo.roots.length = 0
  repo.publishRoot()
  repo.addTarget('targets', 'file', 'content')
  repo.publish()
  const client = await clientFor(t, repo)
  assert.equal(await client.download('file'), 0)
  assert.deepEqual(repo.requests, ['2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json'])
  assert.deepEqual(repo.targetRequests, ['file'])
})

test('an initial root that is malformed or unsigned fails without a request', async (t) => {
  for (const spoil of ['"version": 1', '"sig": "']) {
    const client = await clientFor(t)
    const root = await readFile(client.folders.root, 'utf8')
    await writeFile(client.folders.root, root.replace(spoil, `${spoil}9`))
    await client.init()
    assert.equal(await client.refresh(), 1)
    assert.deepEqual(client.repo.requests, [])
  }
})

test('keys of every supported kind verify', async (t) => {
  for (const kind of ['ed25519', 'ecdsa', 'rsa', 'rsa-pkcs1v15'] as const) {
    const client = await clientFor(t, new Simulator(kind))
    assert.equal(await client.refresh(), 0, kind)
    client.repo.signers.set('timestamp', [])
    client.repo.publish()
    assert.equal(await client.refresh(), 1, kind)
    const forged = { ...makeKey(kind), id: client.repo.root.roles.timestamp?.keyids[0] as string }
    client.repo.signers.set('timestamp', [forged])
    assert.equal(await client.refresh(), 1, kind)
    assert.equal(client.code, 'TUF_SIGNATURES', kind)
  }
})

test('a file that is larger than it may be is refused as too large', async (t) => {
  const client = await clientFor(t)
  client.repo.tamper = (name, bytes) =>
    name === 'timestamp.json' ? Buffer.concat([bytes, Buffer.alloc(1_000_000, ' ')]) : bytes
  assert.equal(await client.refresh(), 1)
  assert.equal(client.code, 'TUF_TOO_LARGE')
})

test('a wrong command line is refused as such', async () => {
  for (const argv of [['--no-such-option'], ['fly'], ['refresh'], ['refresh', '--metadata-dir']]) {
    const said: string[] = []
    assert.equal(await runClient(argv, NOW, (line) => said.push(line)), 1, argv.join(' '))
    assert.match(said.join(), /^USAGE: /, argv.join(' '))
  }
})

test('unknown fields are kept and covered by the signature', async (t) => {
  const client = await clientFor(t)
  Object.assign(client.repo.root, { 'x-new': { nested: [1, 'two'] } })
  client.repo.bumpRoot()
  assert.equal(await client.refresh(), 0)
  assert.equal((await client.trusted()).root, 2)
  client.repo.tamper = (name, bytes) =>
    name === '3.root.json' ? Buffer.from(bytes.toString().replace('two', 'owt')) : bytes
  client.repo.bumpRoot()
  assert.equal(await client.refresh(), 1)
  assert.equal(client.code, 'TUF_SIGNATURES')
})

test('a chain of 300 root rotations is walked in one refresh', async (t) => {
  const client = await clientFor(t)
  for (let i = 0; i < 300; i++) {
    const last = client.repo.signers.get('root')?.at(-1)
    client.repo.root.roles.root = { keyids: [], threshold: 1 }
    client.repo.signers.set('root', last === undefined ? [] : [last])
    client.repo.addKey('root')
    client.repo.bumpRoot()
  }
  assert.equal(await client.refresh(), 0)
  assert.equal((await client.trusted()).root, 301)
})

test('artifacts: verified, cached, replaced when the content changes', async (t) => {
  const client = await clientFor(t)
  const { repo } = client
  repo.addTarget('targets', 'path/to/file.txt', 'first')
  repo.addTarget('targets', 'other', 'other')
  repo.publish()
  assert.equal(await client.download('path/to/file.txt'), 0)
  assert.equal(await client.download('path/to/file.txt'), 0)
  assert.equal(repo.targetRequests.length, 1)
  repo.artifacts.set('other', Buffer.from('EVIL!'))
  assert.equal(await client.download('other'), 1)
  assert.equal(client.code, 'TARGET_MISMATCH')
  assert.deepEqual(await client.artifacts(), ['first'])
  repo.addTarget('targets', 'path/to/file.txt', 'second')
  repo.targets.version++
  repo.publish()
  assert.equal(await client.download('path/to/file.txt'), 0)
  assert.deepEqual(await client.artifacts(), ['second'])
})

test('expired local metadata still guards against rollback and updates', async (t) => {
  const client = await clientFor(t)
  client.repo.timestamp.expires = '2026-06-08T00:00:00Z'
  assert.equal(await client.refresh(), 0)
  client.repo.targets.version++
  client.repo.timestamp.expires = '2026-06-22T00:00:00Z'
  client.repo.publish()
  client.now = NOW + 18 * DAY
  assert.equal(await client.refresh(), 0)
  assert.deepEqual(await client.trusted(), { root: 1, snapshot: 2, targets: 2, timestamp: 2 })
})

test('an expired delegated role is not used, and a newer one is', async (t) => {
  const client = await clientFor(t)
  client.repo.delegate('targets', { name: 'team', paths: ['d/*'] })
  const team = client.repo.roles.get('team')
  if (team === undefined) throw new Error('no team')
  team.expires = '2026-06-08T00:00:00Z'
  client.repo.addTarget('team', 'd/first', 'first')
  client.repo.addTarget('team', 'd/second', 'second')
  client.repo.targets.version++
  client.repo.publish()
  assert.equal(await client.download('d/first'), 0)
  client.now = NOW + 18 * DAY
  assert.equal(await client.download('d/second'), 1)
  assert.equal(client.code, 'TUF_EXPIRED')
  team.version++
  team.expires = '2026-07-08T00:00:00Z'
  client.repo.publish()
  assert.equal(await client.download('d/second'), 0)
  assert.deepEqual(await client.artifacts(), ['first', 'second'])
})

test('a role that two others delegate is checked against the keys of each', async (t) => {
  const client = await clientFor(t)
  const { repo } = client
  const shared = makeKey()
  repo.delegate('targets', { name: 'A', paths: ['*'] })
  repo.delegate('targets', { name: 'B', paths: ['b'] })
  repo.delegate('A', { name: 'C', paths: ['a'], keys: [shared] })
  repo.delegate('B', { name: 'C', paths: ['b'], keys: [makeKey()] })
  repo.signers.set('C', [shared])
  repo.addTarget('C', 'a', 'content a')
  repo.addTarget('C', 'b', 'content b')
  repo.targets.version++
  repo.publish()
  assert.equal(await client.download('a'), 0)
  assert.equal(await client.download('b'), 1, 'C is cached, but B trusts another key')
  assert.equal(client.code, 'TUF_SIGNATURES')
})
