// A stick on its way to a branch meets machines that know more, or less, than who made it: what it carries stays of use.
import assert from 'node:assert/strict'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'
import type { BlockRange } from '../../src/feed/types.ts'
import { exportStick, syncStick } from '../../src/stick/round.ts'
import { chasqui } from './cli.ts'
import { context, everything, exportAll, holdsReleases, importAll, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder } from './support.ts'

const isla = { modules: [], channel: null, branches: ['Isla'], latest: false }
const unknown = 'STICK_BRANCH_UNKNOWN: there is no branch named Isla'

/** The round of a daemon. */
const meet = (home: TestHome, stick: string) => {
  const request = { ...everything(stick), keepWish: true, asFits: true }
  return syncStick(home, request, tools, context, { settle: 'all', create: false })
}

async function branchOf(t: TestContext, { feed }: TestHome, node = '0b'): Promise<TestHome> {
  const home = await openTestHome(t, { key: feed.db.key, node: node.repeat(32) })
  const afterImport = () => home.drive.advance().then(() => [])
  return { ...home, afterImport }
}

const packAndRelease: BlockRange[] = [{ offset: 0, length: 100_000 }]

/** `home` with a selection of its own. */
const selecting = (home: TestHome, blocks: BlockRange[], skipped: string[] = []): TestHome => ({
  ...home,
  select: async () => ({ releases: [], blocks, branches: [], skipped })
})

/** Release 1 is on the stick, and the feed has gone on. */
async function onItsWay(t: TestContext, options: { maxSize?: number } = {}) {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  const request = { ...everything(stick), filter: isla, maxSize: options.maxSize ?? null }
  await exportStick(selecting(publisher, packAndRelease), request, tools, context)
  await publish(publisher, 2)
  return { publisher, stick }
}

async function newestOf(t: TestContext, publisher: TestHome): Promise<TestHome> {
  const other = await temporaryFolder(t)
  await exportAll(publisher, other)
  const centro = await branchOf(t, publisher, '0c')
  await importAll(centro, other)
  return centro
}

/** Does a branch that has nothing else see release 2, and still get the data of release 1? */
async function isOfUse(t: TestContext, publisher: TestHome, stick: string): Promise<void> {
  const branch = await branchOf(t, publisher)
  assert.deepEqual((await importAll(branch, stick)).rejected, [])
  assert.ok(await holdsReleases(branch, 1))
  assert.equal(`${await branch.read('/releases/m/default/2/release.json')}`, '{"n":2}')
}

const page = (stick: string) => readFile(join(stick, 'chasqui', 'STATUS.html'), 'utf8')

test('a node that does not know for whom the stick is leaves it whole: the newest head comes with its small files', async (t) => {
  const { publisher, stick } = await onItsWay(t)
  const centro = await newestOf(t, publisher)
  const { troubles } = await meet(selecting(centro, [], [unknown]), stick)
  assert.deepEqual(troubles, [], 'that is nothing to tell a branch')
  assert.match(await page(stick), /class="banner done"/)
  await isOfUse(t, publisher, stick)
})

test('head office that does not know a branch any more goes on with the others, and says so', async (t) => {
  const { publisher, stick } = await onItsWay(t)
  const { troubles } = await meet(selecting(publisher, [], [unknown]), stick)
  assert.deepEqual(troubles, [unknown])
  assert.match(await page(stick), /class="banner trouble"/)
  assert.match(await page(stick), /there is no branch named Isla/)
  await isOfUse(t, publisher, stick)
})

test('a size that does not fit the feed of now is told at head office, and the stick stays of use', async (t) => {
  const { publisher, stick } = await onItsWay(t, { maxSize: 400_000 })
  const put = Array.from({ length: 1000 }, (_, i) => ({
    path: `/releases/n/default/${i}/release.json`,
    bytes: Buffer.from(`{"n":${i}}`)
  }))
  await publisher.publish({ put, remove: [] })
  const { troubles, plan } = await meet(selecting(publisher, packAndRelease), stick)
  assert.match(troubles.join(), /^STICK_FULL: /)
  assert.ok(plan.bytes > 0)
  await isOfUse(t, publisher, stick)
})

test('a node that has the entries of a newer feed and not its files leaves the head of the stick where it is', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  await publish(publisher, 2)
  const newer = await temporaryFolder(t)
  await exportAll(publisher, newer)
  const centro = await branchOf(t, publisher, '0c')
  const pulled = async () => {
    throw new ChasquiError('STICK_REMOVED', 'pulled out after the entries')
  }
  const cut = importAll({ ...centro, feed: { ...centro.feed, blobs: pulled } }, newer)
  await assert.rejects(cut, { code: 'STICK_REMOVED' })
  const marker = async () => {
    const feed = Buffer.from(publisher.feed.db.key).toString('hex')
    return JSON.parse(await readFile(join(stick, 'chasqui', 'feeds', feed, 'complete.json'), 'utf8'))
  }
  const before = await marker()
  assert.equal(centro.feed.db.length, publisher.feed.db.length)
  const { wrote, complete } = await meet(centro, stick)
  assert.deepEqual([wrote.segments, complete], [0, false])
  assert.deepEqual(await marker(), before)
  await importAll(centro, newer)
  await meet(centro, stick)
  await isOfUse(t, publisher, stick)
})

test('by command line: a stick for a new site visits an online branch on the way', async (t) => {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  for (const name of ['module', 'stick', 'other']) await mkdir(at(name))
  const publishVersion = async (version: string) => {
    await writeFile(join(at('module'), 'version.txt'), `${version}\n`)
    assert.equal(chasqui(at('office'), 'publisher', 'publish', at('module'), '--module', 'shop').status, 0)
  }
  chasqui(at('office'), 'publisher', 'init', '--name', 'Central', '--no-passphrase')
  await publishVersion('1.0.0')
  for (const name of ['Centro', 'Isla']) {
    chasqui(at('office'), 'publisher', 'invite', name, '--out', at(`${name}.txt`))
    assert.equal(chasqui(at(name), 'node', 'join', at(`${name}.txt`)).status, 0)
  }
  assert.equal(chasqui(at('office'), 'usb-sync', 'export', at('stick'), '--for', 'Isla').status, 0)
  await cp(at('stick'), at('untouched'), { recursive: true })
  await publishVersion('1.1.0')
  chasqui(at('office'), 'usb-sync', 'export', at('other'))
  assert.equal(chasqui(at('Centro'), 'usb-sync', 'import', at('other')).status, 0)
  assert.equal(chasqui(at('Centro'), 'usb-sync', 'sync', at('stick')).status, 0)
  const taken = chasqui<{ releases: { version: string }[] }>(at('Isla'), 'usb-sync', 'import', at('stick'))
  assert.deepEqual(taken.json.releases.map(({ version }) => version).sort(), ['1.0.0', '1.1.0'])
})
