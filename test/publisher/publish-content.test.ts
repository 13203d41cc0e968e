// What a release holds, read back out of its packs; and that it is none when its publish is stopped.
import assert from 'node:assert/strict'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openRelease, releasesOf } from '../../publisher/catalog.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { listReleases } from '../../publisher/queries.ts'
import type { ControlEvent } from '../../src/control/commands.ts'
import { at, context, makePublisher, temporaryFolder, writeFiles } from './support.ts'

const dir = (folder: string, more: Record<string, unknown> = {}) => ({ dirs: [folder], ...more })

test('a fix of single files says its own version', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const says = (version: string) => `{'name': 'X', 'version': '${version}', 'depends': []}`
  const module = await writeFiles(join(folder, 'pos_x'), {
    '__manifest__.py': says('17.0.1.0.0'),
    'models/a.py': 'a = 1'
  })
  await publish(app, dir(module), context)
  await writeFiles(module, { '__manifest__.py': says('17.0.1.1.0'), 'models/a.py': 'a = 2' })
  await publish(app, dir(module, { files: ['models/**'] }), context)
  const view = await app.fleet.view()
  const { base, close } = await openRelease(app, view, await releasesOf(view, 'pos_x', '17.0'), '17.0.1.1.0')
  const entry = base.manifest.entries.find(({ path }) => path === '__manifest__.py')
  assert.ok(entry !== undefined)
  assert.equal(Buffer.from(await base.contents.read(entry, 0, entry.size)).toString(), says('17.0.1.1.0'))
  await close()
})

test('published from Windows, files stay executable', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const module = await writeFiles(join(folder, 'shop'), { 'version.txt': '1.0.0', ctl: '#!/bin/sh\n' })
  await chmod(join(module, 'ctl'), 0o755)
  await publish(app, dir(module), context)
  await chmod(join(module, 'ctl'), 0o644)
  await writeFiles(module, { 'version.txt': '1.0.1' })
  app.platform = 'win32'
  const fix = await publish(app, dir(module), context)
  assert.deepEqual(at(fix, 'changed'), { added: 0, modified: 1, deleted: 0 })
  const view = await app.fleet.view()
  const releases = await releasesOf(view, 'shop', 'default')
  const { base, close } = await openRelease(app, view, releases, '1.0.1')
  await close()
  assert.equal(base.manifest.entries.find(({ path }) => path === 'ctl')?.executable, true)
})

test('a home of a publisher or a node is never in a release, with its keys', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const module = await writeFiles(join(folder, 'shop'), { 'version.txt': '1.0.0', 'keys/a.key': 'no home' })
  await publish(app, dir(module), context)
  for (const home of ['', 'deep/office/']) {
    const files = { [`${home}home.json`]: '{}', [`${home}keys/node.json`]: '{}', 'version.txt': '1.0.1' }
    const inside = await writeFiles(join(folder, `with-${home.length}`), files)
    await assert.rejects(publish(app, dir(inside, { module: 'shop' }), context), { code: 'MODULE_HAS_HOME' })
    await writeFiles(inside, { '.chasquiignore': `${home}home.json\n${home}keys/\n` })
    await publish(app, dir(inside, { module: 'shop', dryRun: true }), context)
  }
})

test('a publish that is stopped when its packs are made publishes nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const module = await writeFiles(join(folder, 'shop'), { 'version.txt': '1.0.0' })
  const abort = new AbortController()
  const emit = ({ done, total }: ControlEvent) => {
    if (done === total) abort.abort()
  }
  await assert.rejects(publish(app, dir(module), { emit, signal: abort.signal }), { name: 'AbortError' })
  assert.equal(abort.signal.aborted, true)
  assert.deepEqual(await listReleases(app, {}), [])
})
