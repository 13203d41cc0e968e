// A new site from the stick: what lies in the folder installer, and that start.sh, run for real, runs nothing of a stick that
// somebody else had in hands.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { exportStick } from '../../src/stick/round.ts'
import { startScripts } from '../../src/stick/start-scripts.ts'
import { fakeArchive, type InstallerScene, installerScene } from './installer.ts'
import { context, everything, tools } from './scene.ts'
import { openTestHome, temporaryFolder } from './support.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('holds what was named and nothing else, each with its hash', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  const folder = await temporaryFolder(t)
  const stick = await temporaryFolder(t)
  const place = join(stick, 'chasqui', 'installer')
  await mkdir(place, { recursive: true })
  await writeFile(join(place, 'chasqui-0.9.0-linux-x64.tar.gz'), 'of last year')
  await writeFile(join(place, 'setup.exe'), 'of somebody else')
  const archives = [join(folder, 'chasqui-1.0.0-linux-x64.tar.gz'), join(folder, 'chasqui-1.0.0-win-x64.zip')]
  for (const archive of archives) await writeFile(archive, archive)
  const installer = { archives, invite: 'chasqui1protected' }
  const result = await exportStick(publisher, { ...everything(stick), installer }, tools, context)
  const names = ['chasqui-1.0.0-linux-x64.tar.gz', 'chasqui-1.0.0-win-x64.zip', 'start.sh', 'start.cmd']
  assert.deepEqual(
    result.installer?.map(({ file }) => file),
    names
  )
  assert.deepEqual((await readdir(place)).sort(), [...names, 'SHA256SUMS', 'invite.txt'].sort())
  for (const { file, bytes, sha256: sum } of result.installer ?? []) {
    const there = await readFile(join(place, file))
    assert.deepEqual([there.length, sha256(there)], [bytes, sum])
  }
  const sums = (result.installer ?? []).map(({ file, sha256: sum }) => `${sum}  ${file}\n`).join('')
  assert.equal(await readFile(join(place, 'SHA256SUMS'), 'utf8'), sums)
  assert.equal(await readFile(join(place, 'invite.txt'), 'utf8'), 'chasqui1protected\n')
})

test('start.cmd runs the programs of Windows by their full names', () => {
  const archive = { file: 'chasqui-1.0.0-win-x64.zip', bytes: 1, sha256: 'ab'.repeat(32) }
  const [script] = startScripts([archive])
  const lines = (script?.text ?? '').split('\r\n').filter((line) => !line.startsWith('rem'))
  const used = lines.filter((line) => /\b(certutil|tar)\b/.test(line))
  assert.equal(used.length, 2)
  for (const line of used) assert.match(line, /%tools%\\(certutil|tar)\.exe/)
})

test('refuses two archives for one machine', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  const folder = await temporaryFolder(t)
  const archives = [join(folder, 'a-linux-x64.tar.gz'), join(folder, 'b-linux-x64.tar.gz')]
  for (const archive of archives) await writeFile(archive, 'x')
  const request = { ...everything(folder), installer: { archives, invite: null } }
  await assert.rejects(exportStick(publisher, request, tools, context), { code: 'STICK_INSTALLER' })
})

test('start.sh joins with the PIN and takes the stick in once the code was typed', async (t) => {
  const scene = await installerScene(t)
  const grouped = scene.code.toUpperCase().replace(/(.{4})/g, '$1 ')
  assert.deepEqual(scene.start(grouped, '4711'), { status: 0, stderr: '' })
  const stick = join(scene.place, '..', '..')
  assert.equal(
    await scene.called(),
    [
      'ours node status',
      `ours node join ${scene.place}/invite.txt --pin-file PINFILE`,
      'PIN 4711',
      `ours usb-sync sync ${scene.place}/../..`,
      ''
    ]
      .join('\n')
      .replace('PINFILE', /--pin-file (\S+)/.exec(await scene.called())?.[1] ?? '')
  )
  assert.ok(existsSync(stick))
})

interface Touched {
  name: string
  touch(scene: InstallerScene): Promise<unknown>
  answers(scene: InstallerScene): string[]
}

const archiveName = 'chasqui-0.10.0-linux-x64.tar.gz'
const right = ({ code }: InstallerScene) => [code, '4711']
const untouched = async () => undefined

async function swap({ folder, place }: InstallerScene, ...names: string[]): Promise<Buffer> {
  const evil = await fakeArchive(folder, 'evil.tar.gz', 'evil')
  for (const name of names) await copyFile(evil, join(place, name))
  return readFile(evil)
}

const stops: Touched[] = [
  { name: 'nobody types a code', touch: untouched, answers: () => [] },
  { name: 'another code is typed', touch: untouched, answers: () => ['0123 4567 89ab cdef', '4711'] },
  { name: 'half of the code is typed', touch: untouched, answers: ({ code }) => [code.slice(0, 8), '4711'] },
  { name: 'an empty code is typed', touch: untouched, answers: () => ['', '4711'] },
  { name: 'the archive was exchanged', touch: (scene) => swap(scene, archiveName), answers: right },
  {
    name: 'the archive and its line in SHA256SUMS were exchanged',
    touch: async (scene) => {
      const sum = sha256(await swap(scene, archiveName))
      await writeFile(join(scene.place, 'SHA256SUMS'), `${sum}  ${archiveName}\n`)
    },
    answers: right
  },
  {
    name: 'the archive and its hash in start.sh were exchanged',
    touch: async (scene) => {
      const script = join(scene.place, 'start.sh')
      const sum = sha256(await swap(scene, archiveName))
      await writeFile(script, (await readFile(script, 'utf8')).replace(/sum='[0-9a-f]+'/, `sum='${sum}'`))
    },
    answers: right
  }
]

for (const { name, touch, answers } of stops) {
  test(`start.sh runs nothing when ${name}`, async (t) => {
    const scene = await installerScene(t)
    await touch(scene)
    const { status } = scene.start(...answers(scene))
    assert.notEqual(status, 0)
    assert.equal(await scene.called(), '')
    assert.equal(existsSync(join(scene.folder, 'new site')), false)
  })
}

test('start.sh takes no notice of archives that were put beside ours', async (t) => {
  const scene = await installerScene(t)
  await swap(scene, 'zz-linux-x64.tar.gz', 'chasqui-0.9.0-linux-x64.tar.gz')
  assert.equal(scene.start(...right(scene)).status, 0)
  assert.doesNotMatch(await scene.called(), /evil/)
})

test('start.sh says which stick has no program for this machine', async (t) => {
  const scene = await installerScene(t)
  const bin = join(scene.folder, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'uname'), '#!/bin/sh\necho other\n', { mode: 0o755 })
  const path = process.env.PATH
  process.env.PATH = `${bin}:${path}`
  t.after(() => {
    process.env.PATH = path
  })
  assert.match(scene.start(...right(scene)).stderr, /no program for this machine/)
})
