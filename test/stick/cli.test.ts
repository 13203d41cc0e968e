// By command line only: a branch that has never been online is updated and heard of by stick.
import assert from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ExportResult } from '../../src/stick/round-types.ts'
import { chasqui } from './cli.ts'
import { fleetByStick } from './fleet-by-stick.ts'
import { temporaryFolder } from './support.ts'

test('a branch that was never online: updates go out by stick, the reason of a failure comes back', async (t) => {
  const stick = join(await temporaryFolder(t), 'My stick - 1')
  await mkdir(stick)
  await fleetByStick(t, stick, async () => undefined)
})

test('the folder of the stick’s own files is the stick as well', async (t) => {
  const folder = await temporaryFolder(t)
  const [home, stick] = [join(folder, 'publisher'), join(folder, 'stick')]
  await mkdir(stick)
  chasqui(home, 'publisher', 'init', '--name', 'Central', '--no-passphrase')
  const first = chasqui<ExportResult>(home, 'usb-sync', 'export', stick)
  const within = join(stick, 'chasqui')
  for (const command of ['export', 'import', 'sync', 'inspect', 'verify']) {
    const { status, json } = chasqui<{ stick: string }>(home, 'usb-sync', command, within)
    assert.deepEqual([status, json.stick], [0, first.json.stick], command)
  }
  assert.equal((await readdir(within)).includes('chasqui'), false)
})

test('what is wrong with a stick has an exit status of its own', async (t) => {
  const folder = await temporaryFolder(t)
  const publisher = join(folder, 'publisher')
  const photos = join(folder, 'photos')
  await mkdir(join(photos, 'chasqui', 'summer'), { recursive: true })
  chasqui(publisher, 'publisher', 'init', '--name', 'Central', '--no-passphrase')
  const cases = [
    { args: ['import', join(folder, 'nowhere')], status: 4, code: 'STICK_MISSING' },
    { args: ['import', photos], status: 4, code: 'STICK_NOT_A_STICK' },
    { args: ['export', photos], status: 3, code: 'STICK_NOT_OURS' },
    { args: ['export', folder, '--max-size', 'much'], status: 2, code: 'USAGE' },
    { args: ['export', folder, '--for', 'Nobody'], status: 4, code: 'STICK_BRANCH_UNKNOWN' }
  ]
  for (const { args, status, code } of cases) {
    const run = chasqui<{ error: { code: string } }>(publisher, 'usb-sync', ...args)
    assert.deepEqual([run.status, run.json.error.code], [status, code], args.join(' '))
  }
})
