// Publishing through the real program: the JSON of the contract, every refusal with its code and exit status, and that a
// refusal leaves nothing half-done.
import assert from 'node:assert/strict'
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { publish } from '../../publisher/publish/publish.ts'
import { listReleases } from '../../publisher/queries.ts'
import type { ChasquiError } from '../../src/errors.ts'
import { readTree } from '../../src/pack/tree.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import {
  at,
  chasqui,
  context,
  makePublisher,
  type Outcome,
  startDaemon,
  temporaryFolder,
  writeFiles
} from './support.ts'

/** Text that does not compress to nothing, so that a delta is worth its name. */
const script = Array.from(
  { length: 400 },
  (_, i) => `step(${(i * 7919) % 10007}, '${(i * i * 31) % 99991}')\n`
).join('')
const module1 = {
  'version.txt': '1.0.0\n',
  'app.js': script,
  'static/logo.svg': '<svg/>\n'
}

async function scene(t: Parameters<typeof temporaryFolder>[0]) {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'home')
  const init = await chasqui(home, ['init', '--name', 'Tienda', '--no-passphrase', '--json'])
  assert.equal(init.status, 0, init.stderr)
  return { folder, home, module: await writeFiles(join(folder, 'shop'), module1), init }
}

function refusal({ status, json }: Outcome): unknown[] {
  return [at(json, 'error.code'), status]
}

test('a folder becomes a release, its next version a delta, and the same again nothing', async (t) => {
  const { home, module, init } = await scene(t)
  assert.deepEqual(Object.keys(init.json as object), ['name', 'feed', 'root', 'keys'])
  assert.match(String(at(init.json, 'root')), /^[0-9a-f]{64}$/)
  const first = await chasqui(home, ['publish', module, '--json', '--notes', 'first'])
  assert.equal(first.status, 0, first.stderr)
  assert.equal(at(first.json, 'module'), 'shop')
  assert.equal(at(first.json, 'version'), '1.0.0')
  assert.equal(at(first.json, 'files'), 3)
  assert.equal(at(first.json, 'packs.0.kind'), 'full')
  assert.deepEqual(at(first.json, 'changed'), { added: 3, modified: 0, deleted: 0 })
  assert.equal(at(first.json, 'channel'), 'stable')

  const again = await chasqui(home, ['publish', module, '--json'])
  assert.equal(again.status, 0)
  assert.equal(at(again.json, 'unchanged'), true)
  assert.equal(at(again.json, 'release'), at(first.json, 'release'))

  await writeFiles(module, { 'version.txt': '1.1.0\n', 'app.js': `${script}more()\n`, 'new.txt': 'n' })
  await rm(join(module, 'static'), { recursive: true })
  const dry = await chasqui(home, ['publish', module, '--dry-run', '--json'])
  assert.deepEqual(at(dry.json, 'changed'), { added: 1, modified: 2, deleted: 1 })
  assert.equal(((await chasqui(home, ['releases', '--json'])).json as unknown[]).length, 1)
  const second = await chasqui(home, ['publish', module, '--json'])
  assert.equal(at(second.json, 'packs.0.kind'), 'delta')
  assert.equal(at(second.json, 'packs.0.base'), '1.0.0')

  const releases = await chasqui(home, ['releases', 'shop', '--json'])
  assert.deepEqual(
    (releases.json as unknown[]).map((line) => [at(line, 'version'), at(line, 'channels')]),
    [
      ['1.1.0', ['stable']],
      ['1.0.0', []]
    ]
  )
  const diff = await chasqui(home, ['diff', 'shop@1.0.0', 'shop@1.1.0', '--json'])
  assert.equal(at(diff.json, 'deleted.0.path'), 'static/logo.svg')
  const shown = await chasqui(home, ['show', 'shop@1.0.0', '--json'])
  assert.equal(at(shown.json, 'notes'), 'first')
})

test('a folder of modules is one step: changed ones are released, unchanged ones named', async (t) => {
  const { folder, home } = await scene(t)
  const all = join(folder, 'all')
  for (const name of ['one', 'two', 'three']) {
    await writeFiles(join(all, name), {
      'package.json': `{"name":"${name}","version":"1.0.0"}`,
      'a.txt': name
    })
  }
  await writeFiles(join(all, 'notes'), { 'readme.md': 'no module' })
  const first = await chasqui(home, ['publish', '--each', all, '--json'])
  assert.equal((at(first.json, 'releases') as unknown[]).length, 3, first.stderr)
  await writeFiles(join(all, 'two'), {
    'package.json': '{"name":"two","version":"1.1.0"}',
    'a.txt': 'changed'
  })
  const second = await chasqui(home, ['publish', '--each', all, '--json'])
  assert.deepEqual(
    (at(second.json, 'releases') as unknown[]).map((one) => at(one, 'module')),
    ['two']
  )
  assert.equal((at(second.json, 'unchanged') as unknown[]).length, 2)

  await writeFiles(join(all, 'one'), { 'a.txt': 'changed' })
  await writeFiles(join(all, 'three'), { 'a.txt': 'changed' })
  const refused = await chasqui(home, ['publish', '--each', all, '--json'])
  assert.deepEqual(refusal(refused), ['VERSION_EXISTS', 5])
  for (const name of ['one', 'three'])
    assert.match(String(at(refused.json, 'error.message')), new RegExp(name))
  const allowed = await chasqui(home, ['publish', '--each', all, '--allow-same-version', '--json'])
  assert.deepEqual(
    (at(allowed.json, 'releases') as unknown[]).map((one) => at(one, 'version')),
    ['1.0.0+1', '1.0.0+1']
  )
  const same = await chasqui(home, ['publish', '--each', all, '--json'])
  assert.equal((at(same.json, 'unchanged') as unknown[]).length, 3, same.stderr)
})

test('a module folder may be a link into a repository; the link names the module', async (t) => {
  const { folder, home } = await scene(t)
  const source = await writeFiles(join(folder, 'repository', 'shop-17'), module1)
  await mkdir(join(folder, 'addons'))
  await symlink(source, join(folder, 'addons', 'till'))
  const each = await chasqui(home, ['publish', '--each', join(folder, 'addons'), '--json'])
  assert.equal(at(each.json, 'releases.0.module'), 'till', each.stderr)
  const one = await chasqui(home, ['publish', join(folder, 'addons', 'till'), '--json'])
  assert.deepEqual([at(one.json, 'module'), at(one.json, 'unchanged')], ['till', true])
})

test('content that is published already moves a channel up to it, never down', async (t) => {
  const { home, module } = await scene(t)
  await chasqui(home, ['publish', module, '--channel', 'beta', '--json'])
  const moved = await chasqui(home, ['publish', module, '--json'])
  assert.deepEqual([at(moved.json, 'unchanged'), at(moved.json, 'moved')], [true, true])
  await writeFiles(module, { 'version.txt': '1.1.0\n' })
  await chasqui(home, ['publish', module, '--json'])
  await writeFiles(module, { 'version.txt': '1.0.0\n' })
  const older = await chasqui(home, ['publish', module, '--json'])
  assert.deepEqual([at(older.json, 'unchanged'), at(older.json, 'moved')], [true, undefined])
  const { json } = await chasqui(home, ['releases', 'shop', '--json'])
  assert.deepEqual([at(json, '0.channels'), at(json, '1.channels')], [['stable'], ['beta']])
  assert.deepEqual(refusal(await chasqui(home, ['releases', 'nosuch', '--json'])), ['RELEASE_NOT_FOUND', 4])
})

test('a fix of single files leaves the rest of the release as it was', async (t) => {
  const { home, module } = await scene(t)
  await chasqui(home, ['publish', module, '--json'])
  await writeFiles(module, {
    'version.txt': '1.0.1\n',
    'app.js': 'fixed\n',
    'static/logo.svg': 'not this one'
  })
  const fix = await chasqui(home, ['publish', module, '--files', 'app.js', '--json'])
  assert.equal(fix.status, 0, fix.stderr)
  assert.deepEqual(at(fix.json, 'changed'), { added: 0, modified: 2, deleted: 0 })
  const none = await chasqui(home, ['publish', module, '--version', '1.0.2', '--files', 'zzz', '--json'])
  assert.deepEqual(refusal(none), ['FILES_NO_MATCH', 2])
  const usage = await chasqui(home, ['publish', module, '--severity', 'loud', '--json'])
  assert.deepEqual(refusal(usage), ['USAGE', 2])
})

interface Refusal {
  name: string
  code: string
  exit: number
  /** changes the module folder; gives the arguments of the publish */
  make(module: string, folder: string): Promise<Record<string, unknown>>
}

const dir = (folder: string, more: Record<string, unknown> = {}) => ({ dirs: [folder], ...more })

const refusals: Refusal[] = [
  {
    name: 'a requirement that is no range',
    code: 'VERSION_RANGE_INVALID',
    exit: 2,
    make: async (module) => dir(module, { version: '9.9.9', requires: ['base >=1.x'] })
  },
  {
    name: 'no folder',
    code: 'NOT_A_DIRECTORY',
    exit: 2,
    make: async (_, folder) => dir(join(folder, 'none'))
  },
  { name: 'a file', code: 'NOT_A_DIRECTORY', exit: 2, make: async (module) => dir(join(module, 'app.js')) },
  {
    name: 'no version',
    code: 'VERSION_MISSING',
    exit: 2,
    make: async (_, folder) => dir(await writeFiles(join(folder, 'plain'), { 'a.txt': 'a' }))
  },
  {
    name: 'a version that is none',
    code: 'VERSION_INVALID',
    exit: 2,
    make: async (_, folder) => dir(await writeFiles(join(folder, 'odd'), { 'version.txt': 'newest!' }))
  },
  {
    name: 'an empty module',
    code: 'MODULE_EMPTY',
    exit: 2,
    async make(_, folder) {
      await mkdir(join(folder, 'empty'))
      return dir(join(folder, 'empty'), { version: '1.0.0' })
    }
  },
  {
    name: 'the last version with other content',
    code: 'VERSION_EXISTS',
    exit: 5,
    make: async (module) => dir(await writeFiles(module, { 'app.js': 'other' }))
  },
  {
    name: 'a version lower than the last',
    code: 'VERSION_LOWER',
    exit: 5,
    make: async (module) => dir(await writeFiles(module, { 'version.txt': '0.9.0' }))
  },
  {
    name: 'another version order',
    code: 'VERSION_ORDER_CHANGED',
    exit: 5,
    make: async (module) => dir(await writeFiles(module, { 'version.txt': '17.0.1.2.3' }))
  },
  {
    name: 'a path that Windows cannot hold',
    code: 'PATH_UNPORTABLE',
    exit: 3,
    make: async (module) => dir(await writeFiles(module, { 'version.txt': '1.1.0', 'aux.txt': 'x' }))
  },
  { name: 'nothing', code: 'USAGE', exit: 2, make: async () => ({}) },
  {
    name: 'one version for two folders',
    code: 'USAGE',
    exit: 2,
    make: async (module) => ({ dirs: [module, module], version: '2.0.0' })
  },
  {
    name: 'the same folder twice',
    code: 'USAGE',
    exit: 2,
    make: async (module) => ({ dirs: [module, module] })
  },
  {
    name: 'a wrong severity',
    code: 'USAGE',
    exit: 2,
    make: async (module) => dir(module, { severity: 'loud' })
  },
  {
    name: 'a folder without modules',
    code: 'MODULE_NONE',
    exit: 4,
    async make(_, folder) {
      await mkdir(join(folder, 'nothing'))
      return { each: join(folder, 'nothing') }
    }
  },
  {
    name: 'single files of a module that was never released',
    code: 'FILES_NO_BASE',
    exit: 5,
    make: async (_, folder) =>
      dir(await writeFiles(join(folder, 'fresh'), { 'version.txt': '1.0.0' }), { files: ['*'] })
  }
]

test('what cannot be published is refused with its own code and leaves nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const module = await writeFiles(join(folder, 'shop'), module1)
  await publish(app, dir(module), context)
  const before = await listReleases(app, {})
  const length = app.feed.length()
  for (const { name, code, exit, make } of refusals) {
    await writeFiles(module, module1)
    const args = await make(module, folder)
    await assert.rejects(publish(app, args, context), (error: ChasquiError) => {
      assert.deepEqual([error.code, error.exit], [code, exit], name)
      assert.notEqual(error.hint, undefined, name)
      return true
    })
    await rm(join(module, 'aux.txt'), { force: true })
  }
  assert.deepEqual(await listReleases(app, {}), before)
  assert.deepEqual(app.feed.length(), length)
  assert.equal(await realFileSystem.stat(app.paths.staging), null)
})

test('an unreadable file is refused', async (t) => {
  const { folder, home, module } = await scene(t)
  await chmod(join(module, 'app.js'), 0)
  if (process.getuid?.() !== 0) {
    assert.deepEqual(refusal(await chasqui(home, ['publish', module, '--json'])), ['FILE_UNREADABLE', 5])
    return
  }
  // root reads everything: the same reader, as somebody else
  for (const place of [folder, module]) await chmod(place, 0o755)
  process.seteuid?.(65534)
  try {
    await assert.rejects(readTree(realFileSystem, module), { code: 'FILE_UNREADABLE' })
  } finally {
    process.seteuid?.(0)
  }
})

test('sealed keys need their passphrase, and a wrong one changes nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'home')
  const [right, wrong] = [join(folder, 'right'), join(folder, 'wrong')]
  await writeFile(right, 'correcto caballo\n')
  await writeFile(wrong, 'otro\n')
  assert.equal((await chasqui(home, ['init', '--passphrase-file', right, '--json'])).status, 0)
  const module = await writeFiles(join(folder, 'shop'), module1)
  assert.deepEqual(refusal(await chasqui(home, ['publish', module, '--json'])), ['PASSPHRASE_NEEDED', 2])
  const bad = await chasqui(home, ['publish', module, '--passphrase-file', wrong, '--json'])
  assert.deepEqual(refusal(bad), ['PASSPHRASE_WRONG', 3])
  assert.deepEqual((await chasqui(home, ['releases', '--json'])).json, [])
  const good = await chasqui(home, ['publish', module, '--json'], { CHASQUI_PASSPHRASE_FILE: right })
  assert.equal(good.status, 0, good.stderr)
})

test('a home that is missing, made twice, of the other role or in use is refused', async (t) => {
  const { folder, home, module } = await scene(t)
  assert.deepEqual(refusal(await chasqui(join(folder, 'none'), ['releases', '--json'])), ['HOME_MISSING', 4])
  assert.deepEqual(refusal(await chasqui(home, ['init', '--no-passphrase', '--json'])), ['HOME_EXISTS', 2])
  const node = await writeFiles(join(folder, 'node'), {
    'home.json': JSON.stringify({ schema: 1, role: 'node', name: 'n', fleet: '0'.repeat(64) })
  })
  assert.deepEqual(refusal(await chasqui(node, ['publish', module, '--json'])), ['HOME_OTHER_ROLE', 2])
})

test('a publish beside a running daemon goes through it, and a second daemon finds the home in use', async (t) => {
  const { home, module } = await scene(t)
  await startDaemon(t, home)
  const first = await chasqui(home, ['publish', module, '--json'])
  assert.equal(first.status, 0, first.stderr)
  const second = await chasqui(home, ['run', '--no-internet', '--no-lan', '--json'])
  assert.deepEqual(refusal(second), ['HOME_LOCKED', 8])
  const releases = await chasqui(home, ['releases', '--json'])
  assert.equal(at(releases.json, '0.version'), '1.0.0')
})
