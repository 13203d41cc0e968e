// By command line only: a fleet whose branch has never been online, over any stick.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ExportResult, ImportResult } from '../../src/stick/round-types.ts'
import { READY, WORDS } from '../../src/stick/words.ts'
import { chasqui } from './cli.ts'
import { temporaryFolder } from './support.ts'

interface Fleet {
  branches: {
    name: string
    via: string
    modules: Record<string, string>
    transactions: { result: string; error: { code: string } }[]
  }[]
}

const config = (folder: string, check: string) => `
[apps.shop]
profile = "generic"
modules = ["shop"]
path = '${join(folder, 'app', 'shop')}'
auto = "all"
[[apps.shop.checks]]
kind = "command"
command = ["${check}"]
`

/** `carry`: what happens to the stick between two machines. */
export async function fleetByStick(t: TestContext, stick: string, carry: () => Promise<void>): Promise<void> {
  const folder = await temporaryFolder(t)
  const [publisher, branch, module] = ['publisher', 'branch', 'module'].map((name) => join(folder, name)) as [
    string,
    string,
    string
  ]
  for (const path of [module, join(folder, 'app')]) await mkdir(path)
  await writeFile(join(module, 'version.txt'), '1.0.0\n')
  await writeFile(join(module, 'shop.txt'), 'open')
  const invite = join(folder, 'invite.txt')
  assert.equal(chasqui(publisher, 'publisher', 'init', '--name', 'Central', '--no-passphrase').status, 0)
  assert.equal(chasqui(publisher, 'publisher', 'publish', module, '--module', 'shop').status, 0)
  assert.equal(chasqui(publisher, 'publisher', 'invite', 'Norte', '--out', invite).status, 0)
  assert.equal(chasqui(branch, 'node', 'join', invite).status, 0)

  const out = chasqui<ExportResult>(publisher, 'usb-sync', 'export', stick)
  assert.equal(out.status, 0)
  assert.deepEqual(Object.keys(out.json.wrote).sort(), ['blocks', 'bytes', 'segments'])
  assert.equal(out.json.complete, true)
  await carry()
  await writeFile(join(branch, 'chasqui.toml'), config(folder, 'false'))
  const taken = chasqui<ImportResult>(branch, 'usb-sync', 'import', stick)
  assert.deepEqual([taken.status, taken.json.rejected], [0, []])
  assert.deepEqual(taken.json.releases, [{ module: 'shop', track: 'default', version: '1.0.0' }])
  const waiting = taken.json.waiting.map(({ module, version, code }) => [module, version, code])
  assert.deepEqual(waiting, [['shop', '1.0.0', READY]], 'an import applies nothing, and says so')
  const page = await readFile(join(stick, 'chasqui', 'STATUS.html'), 'utf8')
  assert.ok(page.includes(`<b>shop: shop 1.0.0</b> ${WORDS.en.waits.READY}`))
  assert.equal(chasqui(branch, 'node', 'apply', '--now').status, 6)
  assert.equal(chasqui<ExportResult>(branch, 'usb-sync', 'export', stick).json.reports.out, 1)

  await carry()
  const back = chasqui<ImportResult>(publisher, 'usb-sync', 'import', stick)
  assert.deepEqual([back.status, back.json.reports.in], [0, 1])
  const [seen] = chasqui<Fleet>(publisher, 'publisher', 'fleet').json.branches
  assert.deepEqual([seen?.name, seen?.via, seen?.modules], ['Norte', 'stick', {}])
  assert.equal(seen?.transactions[0]?.result, 'rolled-back')
  assert.equal(seen?.transactions[0]?.error.code, 'CHECK_FAILED')
}
