// What `verify` says of everything on a stick beside the feeds, and what `inspect` tells people of branches.
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspectStick } from '../../src/stick/inspect.ts'
import { exportStick, importStick } from '../../src/stick/round.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { describeStick } from '../../usb-sync/describe.ts'
import { TestFleet } from '../trust/test-fleet.ts'
import { context, everything, publish, tools } from './scene.ts'
import { never, openTestHome, type TestHome, temporaryFolder, testReport } from './support.ts'

interface Scene {
  stick: string
  fleet: TestFleet
}

/** A stick with a release, the first root, a report, a letter and an installer. */
async function scene(t: TestContext): Promise<Scene> {
  const fleet = new TestFleet()
  const plain = await openTestHome(t, { seed: 1, fleet: fleet.id })
  await publish(plain, 1)
  const root = fleet.roots()[0] as Uint8Array
  const letter = { folder: 'grants' as const, name: 'apply-1.json', bytes: Buffer.from('{"schema":1}\n') }
  const publisher: TestHome = {
    ...plain,
    roots: { list: async () => new Map([[1, root]]), offer: async () => 0 },
    letters: { outgoing: async () => [letter], take: async () => false }
  }
  const stick = await temporaryFolder(t)
  const archive = join(await temporaryFolder(t), 'chasqui-1.0.0-linux-x64.tar.gz')
  await writeFile(archive, 'the program')
  const installer = { archives: [archive], invite: null }
  await exportStick(publisher, { ...everything(stick), installer }, tools, context)
  const key = plain.feed.db.key
  const branch = await openTestHome(t, { key, fleet: fleet.id, node: testReport(7, '').author })
  branch.keep(testReport(7, 'runs 1'))
  await importStick(branch, stick, tools, context)
  return { stick, fleet }
}

const look = (stick: string, everyByte: boolean) =>
  inspectStick(realFileSystem, stick, { everyByte, signal: never })

/** Changes the byte in the middle of the first file below `folder` whose name matches. */
async function flipIn(stick: string, folder: string, name: RegExp): Promise<void> {
  const names = await readdir(join(stick, 'chasqui', folder), { recursive: true })
  const path = join(stick, 'chasqui', folder, names.find((one) => name.test(one)) as string)
  const bytes = await readFile(path)
  const at = bytes.length >> 1
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  await writeFile(path, bytes)
}

const damages: { name: string; harm(scene: Scene): Promise<unknown>; file: RegExp; code: string }[] = [
  {
    name: 'an archive of the installer with a changed byte',
    harm: ({ stick }) => flipIn(stick, 'installer', /\.tar\.gz$/),
    file: /^installer\/.*\.tar\.gz$/,
    code: 'STICK_DAMAGED'
  },
  {
    name: 'a program that nobody listed beside the installer',
    harm: ({ stick }) => writeFile(join(stick, 'chasqui', 'installer', 'zz-linux-x64.tar.gz'), 'foreign'),
    file: /zz-linux/,
    code: 'STICK_DAMAGED'
  },
  {
    name: 'reports with a changed byte',
    harm: ({ stick }) => flipIn(stick, 'reports', /\.rep$/),
    file: /^reports\//,
    code: 'STICK_DAMAGED'
  },
  {
    name: 'a letter that is cut off',
    harm: ({ stick }) => writeFile(join(stick, 'chasqui', 'grants', 'apply-1.json'), '{"sch'),
    file: /^grants\//,
    code: 'STICK_DAMAGED'
  },
  {
    name: 'a root with a changed byte',
    harm: ({ stick }) => flipIn(stick, 'roots', /root\.json$/),
    file: /1\.root\.json$/,
    code: 'STICK_DAMAGED'
  },
  {
    name: 'a second root that the first did not sign',
    harm: ({ stick, fleet }) => {
      const other = new TestFleet({ name: 'Otra' })
      return writeFile(join(stick, 'chasqui', 'roots', fleet.id, '2.root.json'), other.roots()[0] ?? '')
    },
    file: /2\.root\.json$/,
    code: 'TUF_ROLLBACK'
  }
]

for (const { name, harm, file, code } of damages) {
  test(`verify finds ${name}`, async (t) => {
    const found = await scene(t)
    assert.deepEqual((await look(found.stick, true)).rejected, [])
    await harm(found)
    const { state, rejected } = await look(found.stick, true)
    assert.equal(state, 'damaged')
    assert.match(rejected[0]?.file ?? '', file)
    assert.equal(rejected[0]?.code, code)
    assert.ok(describeStick(await look(found.stick, true)).includes(`${rejected[0]?.file}: ${code}`))
  })
}

test('a record that its author did not sign is named', async (t) => {
  const { stick } = await scene(t)
  const publisher = await openTestHome(t, { seed: 2, fleet: 'f2'.repeat(32) })
  const { author, bytes } = testReport(9, 'ours')
  const forged = Buffer.from(bytes)
  forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1)
  publisher.keep({ author, bytes: forged })
  await exportStick(publisher, everything(stick), tools, context)
  const { rejected } = await look(stick, true)
  assert.deepEqual(
    rejected.map(({ code }) => code),
    ['RECORD_INVALID']
  )
})

test('inspect lists the machines with the dates of their reports and visits', async (t) => {
  const { stick } = await scene(t)
  const summary = await look(stick, false)
  const branch = summary.branches.find(({ node }) => node === testReport(7, '').author)
  assert.deepEqual([branch?.name, branch?.reported], ['Sucursal', '2026-01-02T03:04:05Z'])
  assert.match(branch?.visited ?? '', /^2026-01-02T/)
  assert.equal(summary.branches.length, 2)
  const text = describeStick(summary)
  assert.match(text, /MACHINE +KEY +REPORTED +MET THIS STICK/)
  assert.match(text, new RegExp(`Sucursal +${branch?.node.slice(0, 8)} +2026-01-02T03:04:05Z +2026`))
})
