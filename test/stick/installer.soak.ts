// A new site end to end: the real archive, put on a stick by head office, starts a branch on a machine that has nothing.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { ExportResult } from '../../src/stick/round-types.ts'
import { CODE_DIGITS } from '../../src/stick/start-scripts.ts'
import { chasqui } from './cli.ts'
import { temporaryFolder } from './support.ts'

const ROOT = dirname(dirname(import.meta.dirname))

test('the archive on the stick becomes a branch that has the feed', async (t) => {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  const made = spawnSync(process.execPath, [join(ROOT, 'scripts', 'archive.ts'), '--out', at('archives')], {
    encoding: 'utf8'
  })
  assert.equal(made.status, 0, made.stderr)
  for (const name of ['module', 'My stick', 'home']) await mkdir(at(name))
  await writeFile(join(at('module'), 'version.txt'), '1.0.0\n')
  await writeFile(at('pin.txt'), '4711')
  const publisher = at('publisher')
  chasqui(publisher, 'publisher', 'init', '--name', 'Central', '--no-passphrase')
  chasqui(publisher, 'publisher', 'publish', at('module'), '--module', 'shop')
  chasqui(publisher, 'publisher', 'invite', 'Sur', '--pin-file', at('pin.txt'), '--out', at('invite.txt'))
  const wanted = ['--with-installer', made.stdout.trim(), '--invite', at('invite.txt')]
  const exported = chasqui<ExportResult>(publisher, 'usb-sync', 'sync', at('My stick'), ...wanted)
  assert.equal(exported.status, 0)
  const code = exported.json.installer?.[0]?.sha256.slice(0, CODE_DIGITS)
  const script = join(at('My stick'), 'chasqui', 'installer', 'start.sh')
  const run = spawnSync('sh', [script, at('program')], {
    input: `${code}\n4711\n`,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', HOME: at('home') }
  })
  assert.equal(run.status, 0, run.stderr)
  const status = spawnSync(join(at('program'), 'chasqui'), ['node', 'status', '--json'], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', HOME: at('home') }
  })
  const { name, feed } = JSON.parse(status.stdout) as { name: string; feed: { version: number } }
  assert.equal(name, 'Sur')
  assert.ok(feed.version > 0)
})
