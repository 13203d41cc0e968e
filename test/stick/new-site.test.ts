// What a stick brings beside the feed: the installer for a new site, orders, and letters both ways.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Letter } from '../../src/stick/home.ts'
import { exportStick, importStick } from '../../src/stick/round.ts'
import { context, everything, publish, tools } from './scene.ts'
import { noise, openTestHome, type TestHome, temporaryFolder } from './support.ts'

test('puts the installer on the stick with its hashes, an invite and start scripts', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const folder = await temporaryFolder(t)
  const archive = join(folder, 'chasqui-1.0.0-linux-x64.tar.gz')
  await writeFile(archive, noise(300_000, 5))
  const stick = await temporaryFolder(t)
  const installer = { archives: [archive], invite: 'chasqui1protected' }
  const result = await exportStick(publisher, { ...everything(stick), installer }, tools, context)
  const sha256 = createHash('sha256').update(noise(300_000, 5)).digest('hex')
  assert.deepEqual(result.installer, [{ file: 'chasqui-1.0.0-linux-x64.tar.gz', bytes: 300_000, sha256 }])
  const read = (name: string) => readFile(join(stick, 'chasqui', 'installer', name), 'utf8')
  assert.equal(await read('SHA256SUMS'), `${sha256}  chasqui-1.0.0-linux-x64.tar.gz\n`)
  assert.equal(await read('invite.txt'), 'chasqui1protected\n')
  assert.match(await read('start.sh'), /sha256sum -c SHA256SUMS/)
  assert.match(await read('start.cmd'), /certutil -hashfile/)
})

const unfit = [
  { name: 'a file that is not there', file: 'nothing.tar.gz', make: false },
  { name: 'a file that is no archive', file: 'setup.exe', make: true },
  { name: 'a name with a space', file: 'my archive.zip', make: true }
]

for (const { name, file, make } of unfit) {
  test(`refuses ${name} as an installer, before anything is written`, async (t) => {
    const publisher = await openTestHome(t, { seed: 1 })
    const folder = await temporaryFolder(t)
    if (make) await writeFile(join(folder, file), 'x')
    const stick = await temporaryFolder(t)
    const request = { ...everything(stick), installer: { archives: [join(folder, file)], invite: null } }
    await assert.rejects(exportStick(publisher, request, tools, context), { code: 'STICK_INSTALLER' })
    await assert.rejects(readFile(join(stick, 'chasqui', 'stick.json')), { code: 'ENOENT' })
  })
}

test('carries letters both ways, each shown to the home with the stick that brought it', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  const stick = await temporaryFolder(t)
  const seen: string[] = []
  const boxed = (home: TestHome, letter: Letter): TestHome => ({
    ...home,
    letters: {
      outgoing: async () => [letter],
      async take({ folder, name, bytes }, visit) {
        seen.push(`${home.role}: ${folder}/${name} ${Buffer.from(bytes)} ${visit.sequence}`)
        return true
      }
    }
  })
  const grant: Letter = { folder: 'grants', name: 'member-1.bin', bytes: Buffer.from('granted') }
  const request: Letter = { folder: 'requests', name: 'join-1.bin', bytes: Buffer.from('may I') }
  await exportStick(boxed(publisher, grant), everything(stick), tools, context)
  await importStick(boxed(branch, request), stick, tools, context)
  await exportStick(boxed(branch, request), everything(stick), tools, context)
  await importStick(boxed(publisher, grant), stick, tools, context)
  assert.deepEqual(seen, [
    'node: grants/member-1.bin granted 1',
    'publisher: requests/join-1.bin may I 2',
    'publisher: grants/member-1.bin granted 2'
  ])
})

test('only head office can order a branch to apply', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  const orders = [{ branch: 'Norte', module: 'm', version: '1' }]
  await assert.rejects(exportStick(publisher, { ...everything(stick), orders }, tools, context), {
    code: 'USAGE'
  })
  const signing: TestHome = {
    ...publisher,
    order: async ({ branch }, { id, sequence }) => ({
      folder: 'grants',
      name: 'apply-1.json',
      bytes: Buffer.from(`${branch} ${id} ${sequence}`)
    })
  }
  await exportStick(signing, { ...everything(stick), orders }, tools, context)
  const written = await readFile(join(stick, 'chasqui', 'grants', 'apply-1.json'), 'utf8')
  assert.equal(written, `Norte ${'ab'.repeat(16)} 1`)
})
