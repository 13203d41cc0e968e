// What a branch has let go stays on the stick; what it needs again comes with the visit that says so.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Collected } from '../../node/collect.ts'
import type { ImportResult } from '../../src/stick/round-types.ts'
import { chasqui } from './cli.ts'
import { temporaryFolder } from './support.ts'

const SIZE = 300_000 // bytes of a module that no other version shares
const MOST = 200_000 // bytes of its pack in blocks that nothing else is in

test('packs that a branch has let go are not read again at every visit, until they are needed', async (t) => {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  const [publisher, branch, stick, module] = [at('publisher'), at('branch'), at('stick'), at('module')]
  for (const path of [stick, module, at('app')]) await mkdir(path)
  const ok = (home: string, ...args: string[]) => {
    const run = chasqui(home, ...args)
    assert.equal(run.status, 0, `${args.join(' ')}: ${JSON.stringify(run.json)}`)
    return run.json
  }
  const publish = async (version: string) => {
    await writeFile(join(module, 'version.txt'), `${version}\n`)
    await writeFile(join(module, 'bulk.bin'), randomBytes(SIZE))
    ok(publisher, 'publisher', 'publish', module, '--module', 'other')
    ok(publisher, 'usb-sync', 'export', stick)
  }
  const bytesOfVisit = () => (ok(branch, 'usb-sync', 'import', stick) as ImportResult).read.bytes

  ok(publisher, 'publisher', 'init', '--name', 'Central', '--no-passphrase')
  await publish('1.0.0')
  ok(publisher, 'publisher', 'invite', 'Norte', '--out', at('invite.txt'))
  ok(branch, 'node', 'join', at('invite.txt'))
  const app = `[apps.shop]\nprofile = "generic"\nmodules = ["shop"]\npath = '${join(folder, 'app', 'shop')}'\n`
  await writeFile(join(branch, 'chasqui.toml'), app)
  assert.ok(bytesOfVisit() > MOST)
  await publish('2.0.0')
  bytesOfVisit()

  const { freed } = ok(branch, 'node', 'gc') as Collected
  assert.ok(freed.bytes >= MOST, 'version 1 is let go')
  assert.equal(bytesOfVisit(), 0)

  ok(publisher, 'publisher', 'promote', 'other@1.0.0', '--to', 'stable', '--allow-downgrade')
  ok(publisher, 'usb-sync', 'export', stick)
  assert.ok(bytesOfVisit() > MOST, 'version 1 comes back in the visit that brings the news')
  const { kept } = ok(branch, 'node', 'gc', '--dry-run') as Collected
  assert.ok(kept.bytes >= MOST)
})
