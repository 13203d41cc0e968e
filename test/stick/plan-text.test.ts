// What a person is told before an export writes, by the real program: the plan on stderr, a dry run's on stdout.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { StickSummary } from '../../src/stick/inspect.ts'
import { exportStick } from '../../src/stick/round.ts'
import type { ExportResult } from '../../src/stick/round-types.ts'
import { chasqui } from './cli.ts'
import { context, everything, publish, tools } from './scene.ts'
import { noise, openTestHome, temporaryFolder, testReport } from './support.ts'

const MAIN = fileURLToPath(new URL('../../bin/main.ts', import.meta.url))

function told(home: string, ...args: string[]) {
  return spawnSync(process.execPath, [MAIN, ...args, '--home', home, '--no-color'], { encoding: 'utf8' })
}

async function scene(t: TestContext) {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  for (const name of ['module', 'stick', 'archives']) await mkdir(at(name))
  await writeFile(join(at('module'), 'version.txt'), '1.0.0\n')
  await writeFile(join(at('module'), 'shop.bin'), noise(200_000, 1))
  chasqui(at('publisher'), 'publisher', 'init', '--name', 'Central', '--no-passphrase')
  chasqui(at('publisher'), 'publisher', 'publish', at('module'), '--module', 'shop')
  return { home: at('publisher'), stick: at('stick'), at }
}

test('a dry run says what would be written and writes nothing', async (t) => {
  const { home, stick, at } = await scene(t)
  const archive = join(at('archives'), 'chasqui-1-linux-x64.tar.gz')
  await writeFile(archive, noise(3_000_000, 2))
  const { stdout, status } = told(home, 'usb-sync', 'export', stick, '--dry-run', '--with-installer', archive)
  assert.equal(status, 0)
  assert.match(
    stdout,
    /to write: 2\d\d kB of releases, the program \(3\.0 MB\), less than a minute.* are free/
  )
  assert.match(stdout, /shop +default +1\.0\.0 +200 kB/)
  assert.match(stdout, /dry run: nothing was written/)
  assert.doesNotMatch(stdout, /nothing new|left for another/)
  assert.deepEqual(await readdir(stick), [])
})

test('the plan is told on stderr before the export, and what is there already is not told as new', async (t) => {
  const { home, stick } = await scene(t)
  const first = told(home, 'usb-sync', 'export', stick)
  assert.match(first.stderr, /to write: 2\d\d kB of releases/)
  assert.match(first.stdout, /^wrote/)
  assert.match(first.stderr, /^nothing is mounted at .*stick: that is a folder on this machine's disk$/m)
  const again = told(home, 'usb-sync', 'export', stick, '--dry-run')
  assert.match(again.stdout, /^nothing new to write/)
  const nothing = told(home, 'usb-sync', 'export', stick)
  assert.match(nothing.stdout, /^nothing new to write/)
  assert.equal(nothing.stderr, '', 'no table of what is there already')
  const { json } = chasqui<ExportResult>(home, 'usb-sync', 'export', stick)
  assert.ok((json.plan.releases[0]?.bytes ?? 0) > 200_000)
})

test('the split says which stick this is', async (t) => {
  const { home, stick, at } = await scene(t)
  await writeFile(join(at('module'), 'version.txt'), '1.1.0\n')
  await writeFile(join(at('module'), 'shop.bin'), noise(900_000, 3))
  chasqui(home, 'publisher', 'publish', at('module'), '--module', 'shop')
  const part = (number: string) => ['usb-sync', 'export', stick, '--max-size', '1 MB', '--part', number]
  const { stdout } = told(home, ...part('2'), '--dry-run')
  assert.match(stdout, /stick 2 of 2/)
  assert.match(stdout, /shop +default +1\.1\.0 +\d{3} kB of 900 kB/)
  assert.doesNotMatch(stdout, /1\.0\.0/, 'that is on the first stick')
  const first = told(home, ...part('1'), '--dry-run').stdout
  assert.match(first, /1\.0\.0 +200 kB\n.*1\.1\.0 +\d{3} kB of 900 kB/)
  told(home, ...part('2'))
  const { json } = chasqui<StickSummary>(home, 'usb-sync', 'inspect', stick)
  const versions = json.feeds[0]?.releases.map(({ version }) => version)
  assert.deepEqual(versions, ['1.1.0'])
})

test('what does not fit names the shortfall as a number, reports and installer counted', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  for (let i = 0; i < 10; i++) {
    const bytes = noise(100_000, i + 1)
    publisher.kept.set(`${i}`, { author: Buffer.from(bytes).subarray(0, 32).toString('hex'), bytes })
  }
  const folder = await temporaryFolder(t)
  const archive = join(folder, 'chasqui-1-linux-x64.tar.gz')
  await writeFile(archive, noise(500_000, 2))
  const request = { ...everything(folder), installer: { archives: [archive], invite: null } }
  const free = 1_500_000
  const run = exportStick(publisher, request, { ...tools, freeSpace: async () => free }, context)
  await assert.rejects(run, ({ code, numbers }: { code: string; numbers: Record<string, number> }) => {
    assert.equal(code, 'STICK_FULL')
    const { bytes = 0, shortfall = 0 } = numbers
    assert.ok(bytes > 1_600_000, 'feed, a million of reports and half of installer')
    assert.equal(shortfall, bytes + 1024 * 1024 - free)
    return true
  })
})

test('reports that lie on the stick are not counted again', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  publisher.keep(testReport(7, 'runs 1'))
  const folder = await temporaryFolder(t)
  const plan = async () => (await exportStick(publisher, everything(folder), tools, context)).plan.reports
  const first = await plan()
  assert.equal(first.count, 1)
  assert.ok(first.bytes > 100)
  assert.deepEqual(await plan(), { count: 0, bytes: 0 })
  publisher.keep(testReport(7, 'runs 2', 2))
  assert.equal((await plan()).count, 1)
})
