// The whole way with real processes: a directory is published and becomes a running branch, by a static address, by a DHT
// of its own, and by a stick; each branch's report comes home.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import createTestnet from 'hyperdht/testnet.js'
import { addressOf, type Daemon, json, Lab, readFolder, shopConfig, writeTree } from './support.ts'

interface Fleet {
  branches: {
    name: string
    modules: Record<string, string>
    apps: { modules: { drift: { count: number } }[] }[]
    transactions: { result: string; error: { code: string } | null }[]
  }[]
}

const lines = (n: number) => Array.from({ length: n }, (_, i) => `line ${i}`).join('\n')

const V1 = { 'version.txt': '1.0.0\n', 'app.js': lines(3000), 'static/logo.svg': lines(200), 'empty.txt': '' }
const V2 = { ...V1, 'version.txt': '1.1.0\n', 'app.js': `${lines(3001)}\nconsole.log(2)` }

function fleetOf(lab: Lab): Promise<Fleet> {
  return json<Fleet>(['publisher', 'fleet', '--home', lab.home('publisher')])
}

const isReportOf = (name: string, version: string) => (event: { event: string; [field: string]: unknown }) =>
  event.event === 'report' && event.name === name && JSON.stringify(event.apps).includes(`@${version}"`)

const applied = (version: string) => (event: { event: string; [field: string]: unknown }) =>
  event.event === 'applied' &&
  event.result === 'committed' &&
  JSON.stringify(event.releases).includes(`"to":"${version}"`)

/** Publishes V2 and waits until the branch has it and the publisher knows. */
async function updateAll(
  lab: Lab,
  publisher: Daemon,
  branch: Daemon,
  name: string,
  folder: string
): Promise<void> {
  const source = await writeTree(lab.path('shop'), V2)
  const published = await lab.publish<{ packs: { kind: string }[] }>(source, '--module', 'shop')
  assert.deepEqual(
    published.packs.map((one) => one.kind),
    ['delta']
  )
  await branch.event(applied('1.1.0'))
  assert.deepEqual(await readFolder(folder), await readFolder(source))
  await publisher.event(isReportOf(name, '1.1.0'))
}

describe('the spine', () => {
  it('brings a first release, a delta over a drifted file, and the report home, by a static address', async (t) => {
    const lab = await Lab.create(t, 'static')
    await lab.init()
    const source = await writeTree(lab.path('shop'), V1)
    await lab.publish(source, '--module', 'shop')
    const app = lab.path('live', 'shop')
    await mkdir(lab.path('live'))
    await lab.branch('norte', shopConfig(app))
    const publisher = await lab.daemon(
      'publisher',
      'publisher',
      '--listen',
      '127.0.0.1:0',
      '--no-internet',
      '--no-lan'
    )
    const node = await lab.daemon('node', 'norte', '--peer', await addressOf(publisher))
    await node.event(applied('1.0.0'))
    assert.deepEqual(await readFolder(app), await readFolder(source))
    // somebody edits a file that the delta builds on
    await writeFile(join(app, 'app.js'), `${await readFile(join(app, 'app.js'), 'utf8')}// local\n`)
    await updateAll(lab, publisher, node, 'norte', app)
    const { branches } = await fleetOf(lab)
    assert.equal(branches[0]?.modules.shop, '1.1.0')
    assert.equal(branches[0]?.apps[0]?.modules[0]?.drift.count, 1)
    await node.stop()
    await publisher.stop()
    assert.equal(await node.ended, 0)
    assert.equal(await publisher.ended, 0)
  })

  it('finds one another through a DHT of its own', async (t) => {
    const testnet = await createTestnet(3)
    t.after(() => testnet.destroy())
    const bootstrap = testnet.bootstrap.map(({ host, port }) => `${host}:${port}`)
    const lab = await Lab.create(t, 'dht')
    await lab.init()
    const source = await writeTree(lab.path('shop'), V1)
    await lab.publish(source, '--module', 'shop')
    const app = lab.path('live', 'shop')
    await mkdir(lab.path('live'))
    await lab.branch('norte', shopConfig(app).replace('internet = false', 'internet = true'))
    const publisher = await lab.daemon('publisher', 'publisher', '--no-lan', '--bootstrap', ...bootstrap)
    const node = await lab.daemon('node', 'norte', '--bootstrap', ...bootstrap)
    await node.event(applied('1.0.0'))
    await updateAll(lab, publisher, node, 'norte', app)
  })

  it('goes by stick alone, over a drifted file, and brings the reason of a failure back', async (t) => {
    const lab = await Lab.create(t, 'stick')
    await lab.init()
    const source = await writeTree(lab.path('shop'), V1)
    await lab.publish(source, '--module', 'shop')
    const app = lab.path('live', 'shop')
    await mkdir(lab.path('live'))
    const check = `[[apps.shop.checks]]\nkind = "command"\ncommand = ["grep", "-q", "line 1", "app.js"]\nretries = 0\n`
    const home = await lab.branch('isla', shopConfig(app, check))
    const stick = lab.path('STICK 1-a')
    await mkdir(stick)
    const usb = (what: string, whose: string) => json(['usb-sync', what, stick, '--home', lab.home(whose)])
    await usb('export', 'publisher')
    await usb('import', 'isla')
    await json(['node', 'apply', '--home', home])
    assert.deepEqual(await readFolder(app), await readFolder(source))
    await writeFile(join(app, 'app.js'), `${lines(2999)}\n// local\n`)

    await writeTree(source, V2)
    await lab.publish(source, '--module', 'shop')
    await usb('export', 'publisher')
    await usb('import', 'isla')
    await json(['node', 'apply', '--home', home])
    assert.deepEqual(await readFolder(app), await readFolder(source))

    await writeTree(source, { 'version.txt': '1.2.0\n', 'app.js': 'broken' })
    await lab.publish(source, '--module', 'shop')
    await usb('sync', 'publisher')
    await usb('import', 'isla')
    const before = await readFolder(app)
    const failed = await json<{ result: string; error: { code: string } }>(
      ['node', 'apply', '--home', home],
      6
    )
    assert.equal(failed.result, 'rolled-back')
    assert.deepEqual(await readFolder(app), before)
    await usb('sync', 'isla')
    await usb('sync', 'publisher')
    const [branch] = (await fleetOf(lab)).branches
    assert.equal(branch?.modules.shop, '1.1.0')
    assert.deepEqual(
      branch?.transactions.map((one) => one.result),
      ['rolled-back', 'committed', 'committed']
    )
    assert.equal(branch?.transactions[0]?.error?.code, failed.error.code)
  })
})
