// A feed of 1,000 modules: a small update costs a stick little.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ExportResult } from '../../src/stick/round-types.ts'
import { chasqui } from './cli.ts'
import { noise, temporaryFolder } from './support.ts'

test('the second export after an update of 5 KB writes less than 40 KB, in a feed of 1,000 modules', async (t) => {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'home')
  const modules = join(folder, 'modules')
  const stick = join(folder, 'stick')
  await mkdir(stick)
  for (let n = 1; n <= 1000; n++) {
    await mkdir(join(modules, `mod_${n}`), { recursive: true })
    await writeFile(join(modules, `mod_${n}`, 'version.txt'), '1.0.0\n')
    await writeFile(join(modules, `mod_${n}`, 'data.bin'), noise(300, n % 251))
  }
  chasqui(home, 'publisher', 'init', '--name', 'Central', '--no-passphrase')
  assert.equal(chasqui(home, 'publisher', 'publish', '--each', modules).status, 0)
  chasqui(home, 'usb-sync', 'export', stick)
  await writeFile(join(modules, 'mod_7', 'version.txt'), '1.0.1\n')
  await writeFile(join(modules, 'mod_7', 'more.bin'), noise(5000, 9))
  assert.equal(chasqui(home, 'publisher', 'publish', join(modules, 'mod_7')).status, 0)
  const { wrote } = chasqui<ExportResult>(home, 'usb-sync', 'export', stick).json
  t.diagnostic(`${wrote.bytes} bytes`)
  assert.ok(wrote.bytes < 40_000)
})
