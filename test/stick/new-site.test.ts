// What a stick brings beside the feed: the installer for a new site, orders, and letters both ways.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Letter } from '../../src/stick/home.ts'
import { exportStick, importStick } from '../../src/stick/round.ts'
import { context, everything, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder } from './support.ts'

const unfit = [
  { name: 'a file that is not there', file: 'nothing.tar.gz', make: false },
  { name: 'a file that is no archive', file: 'setup.exe', make: true },
  { name: 'a name with a space', file: 'my archive-win-x64.zip', make: true },
  { name: 'an archive that does not say for which machine', file: 'chasqui.tar.gz', make: true },
  { name: 'an archive of a kind that no script unpacks', file: 'chasqui-linux-x64.tgz', make: true }
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
