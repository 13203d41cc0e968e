// What lies at the live places and in the work folder: whose it is, who may look, and what must never be mixed or moved.
import assert from 'node:assert/strict'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createEngine } from '../../node/apply/engine.ts'
import { refuseMounts } from '../../node/apply/mounts.ts'
import type { EngineParts } from '../../node/apply/parts.ts'
import { realProcessRunner } from '../../src/system/process.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { type Files, parseApp, SimulatedBranch } from './simulated-branch.ts'

const V1 = { 'version.txt': '1.0.0', 'app/main.js': 'one', 'app/old.js': 'gone soon' }
const V2 = { 'version.txt': '2.0.0', 'app/main.js': 'two' }
const WORK = '/srv/.chasqui-shop'
const fresh = { module: 'shop', version: '2.0.0', files: V2, from: null }
const next = { ...fresh, from: '1.0.0' }

const noModes = process.platform === 'win32' && 'Windows has no modes'

function plant(branch: SimulatedBranch, files: Files): void {
  for (const [path, text] of Object.entries(files)) branch.disk.plant(`/srv/shop/${path}`, text)
}

describe('a folder that no transaction has filled', () => {
  const rows: { name: string; there: Files; keep?: string[]; code: string | undefined }[] = [
    { name: 'an older version', there: V1, code: 'APPLY_NOT_ADOPTED' },
    { name: 'one file that is not of the release', there: { 'a/b/c.txt': 'x' }, code: 'APPLY_NOT_ADOPTED' },
    {
      name: 'only what is kept',
      there: { '.env': 'x', 'media/a': 'x' },
      keep: ['.env', 'media/**'],
      code: undefined
    },
    { name: 'nothing', there: {}, code: undefined }
  ]
  for (const { name, there, keep = [], code } of rows) {
    test(`${name}: ${code ?? 'is installed into'}`, async () => {
      const branch = new SimulatedBranch({ config: { keep, checks: [] } })
      plant(branch, there)
      const result = await branch.engine().apply(branch.request(fresh))
      assert.equal(result.error?.code, code, JSON.stringify(result))
      assert.deepEqual(branch.disk.snapshot('/srv/shop'), code === undefined ? { ...there, ...V2 } : there)
      if (code === undefined) return
      assert.match(result.error?.hint ?? '', /node adopt/)
      assert.equal(await branch.disk.stat(WORK), null, 'no empty work folder is left')
    })
  }

  test('an overlay belongs into a folder with files of others', async () => {
    const branch = new SimulatedBranch({ config: { checks: [] } })
    plant(branch, { 'vendor.js': 'x' })
    const result = await branch.engine().apply(branch.request({ ...fresh, kind: 'overlay' }))
    assert.equal(result.result, 'committed', JSON.stringify(result))
  })

  test('a module that was removed comes back to the files that it left', async () => {
    const branch = new SimulatedBranch({ config: { checks: [] } })
    await branch.install({ module: 'shop', version: '1.0.0', files: V1 })
    branch.disk.plant('/srv/shop/media/photo.jpg', 'photo')
    await branch.engine().remove({ app: branch.app, module: 'shop' })
    const result = await branch.engine().apply(branch.request(fresh))
    assert.equal(result.result, 'committed', JSON.stringify(result))
    assert.deepEqual(branch.disk.snapshot('/srv/shop'), { ...V2, 'media/photo.jpg': 'photo' })
  })
})

describe('a refused apply leaves no folder behind', () => {
  const full = { freeSpace: async () => 0 }
  const refused = async (branch: SimulatedBranch, release: typeof fresh | typeof next = fresh) => {
    const fs = new Proxy(branch.disk, {
      get(disk, name) {
        const found = Reflect.get(Object.hasOwn(full, name) ? full : disk, name)
        return typeof found === 'function' ? found.bind(disk) : found
      }
    })
    const result = await createEngine({ ...branch.parts, fs }).apply(branch.request(release))
    assert.deepEqual([result.result, result.error?.code], ['refused', 'DISK_FULL'])
  }

  test('neither work folder nor the folder of the modules', async () => {
    const branch = new SimulatedBranch({ path: '/srv/erp/addons', modules: ['shop', 'till'] })
    await refused(branch)
    assert.equal(await branch.disk.stat('/srv/erp'), null)
  })

  test('one that the configuration names stays', async () => {
    const branch = new SimulatedBranch({ config: { work: '/srv/work' } })
    await branch.disk.makeDirectory('/srv/work', 0o700)
    await refused(branch)
    assert.notEqual(await branch.disk.stat('/srv/work'), null)
  })

  test('one with a backup stays', async () => {
    const branch = new SimulatedBranch()
    await branch.install({ module: 'shop', version: '1.0.0', files: V1 })
    const before = branch.disk.snapshot(WORK)
    assert.ok(Object.keys(before).length > 0)
    await refused(branch, next)
    assert.deepEqual(branch.disk.snapshot(WORK), before)
  })
})

describe('mount points in the live tree are found before anything is stopped', () => {
  const rows: [mounted: string, kind: 'directory' | 'overlay', wrong: boolean][] = [
    ['/srv/shop', 'directory', true],
    ['/srv/shop/media', 'directory', true],
    ['/srv/shop/my\\040photos', 'directory', true],
    ['/srv/shop/app', 'directory', true],
    ['/srv/shop/app/cache', 'directory', true],
    ['/srv/shop/fresh/cache', 'directory', true],
    ['/srv/shop/media/deep', 'directory', false],
    ['/srv/shopping', 'directory', false],
    ['/srv', 'directory', false],
    ['/srv/shop/app', 'overlay', true],
    ['/srv/shop/app/main.js', 'overlay', true],
    ['/srv/shop/media', 'overlay', false]
  ]
  for (const [mounted, kind, wrong] of rows) {
    test(`${mounted}, ${kind}: ${wrong ? 'refused' : 'harmless'}`, async () => {
      const branch = new SimulatedBranch()
      await branch.install({ module: 'shop', version: '1.0.0', files: V1, kind })
      for (const path of ['media/deep/a', 'my photos/a', 'app/cache/a', 'fresh/cache/a']) {
        branch.disk.plant(`/srv/shop/${path}`, 'local')
      }
      branch.disk.plant('/proc/self/mountinfo', `36 35 98:0 / ${mounted} rw,noatime - ext4 /dev/sda1 rw\n`)
      const files = { ...V2, 'fresh/a.js': 'new' }
      const result = await branch.engine().apply(branch.request({ ...next, kind, files }))
      assert.equal(result.error?.code, wrong ? 'APPLY_PLACE' : undefined, JSON.stringify(result))
      assert.deepEqual(
        branch.till.calls.filter((call) => call.startsWith('stop')),
        wrong ? [] : ['stop']
      )
    })
  }

  test('as this system lists them', { skip: process.platform !== 'linux' && 'needs /proc' }, async () => {
    const names = { files: new Set<string>(), folders: new Set(['proc']) }
    const parts = { fs: realFileSystem, platform: 'linux' as const }
    await assert.rejects(refuseMounts(parts, '/', 'overlay', names), { code: 'APPLY_PLACE' })
  })
})

test('staged files that are changed while the database is dumped are not swapped in', async () => {
  const branch = new SimulatedBranch()
  await branch.install({ module: 'shop', version: '1.0.0', files: V1 })
  const { runner, ...parts } = branch.parts
  const tampering = new SimulatedBranch({
    parts: {
      ...parts,
      runner: {
        ...runner,
        end: (mark) => runner.end(mark),
        run(request) {
          const staged = Object.keys(branch.disk.snapshot('/srv')).find((one) => /t-.*main\.js$/.test(one))
          if (request.command[1] === 'dump') branch.disk.plant(`/srv/${staged}`, 'evil')
          return runner.run(request)
        }
      }
    }
  })
  tampering.contents.set('shop@2.0.0', V2)
  const result = await tampering.engine().apply({ ...branch.request(next), app: branch.app })
  assert.equal(result.error?.code, 'STAGED_WRONG', JSON.stringify(result))
  assert.equal(result.result, 'rolled-back')
  assert.deepEqual(branch.disk.snapshot('/srv/shop'), V1)
})

describe('a staged file on a real disk, during the dump', () => {
  const rows = [
    ['changed and given its old times again', 'touch -r $f ref; printf 9.9.9 > $f; touch -r ref $f', false],
    ['replaced by another one of its size', 'printf 9.9.9 > other; touch -r $f other; mv other $f', false],
    ['joined by another one', 'printf x > $f.other', false],
    ['removed', 'rm $f', false],
    ['made executable', 'chmod 755 $f', false],
    ['touched, with the same bytes', 'touch -d 2001-01-01 $f', true]
  ] as const
  for (const [what, script, isSwappedIn] of rows) {
    test(`${what}: ${isSwappedIn ? 'goes in' : 'is not swapped in'}`, { skip: noModes }, async (t) => {
      const tamper = `printf dump > "$1"; for f in "$0"/t-*/new/shop/version.txt; do ${script}; done`
      const { branch, folder, live } = await realBranch(
        t,
        { commands: undefined },
        { runner: realProcessRunner, environment: process.env }
      )
      await branch.install({ module: 'shop', version: '1.0.0', files: V1 })
      const work = join(folder, '.chasqui-shop')
      const commands = {
        stop: ['true'],
        start: ['true'],
        cwd: folder,
        backup: ['/bin/sh', '-c', tamper, work, '{backup}'],
        restore: ['true']
      }
      const app = parseApp({ profile: 'generic', modules: ['shop'], path: live, commands })
      const result = await branch.engine().apply({ ...branch.request(next), app })
      assert.equal(result.error?.code, isSwappedIn ? undefined : 'STAGED_WRONG', JSON.stringify(result))
      assert.equal(await readFile(join(live, 'version.txt'), 'utf8'), isSwappedIn ? '2.0.0' : '1.0.0')
    })
  }
})

test('a rollback by hand leaves a file that is kept and that the release brings too', async () => {
  const branch = new SimulatedBranch({ config: { keep: ['settings.js'], checks: [] } })
  await branch.install({ module: 'shop', version: '1.0.0', files: { ...V1, 'settings.js': 'as released' } })
  branch.disk.plant('/srv/shop/settings.js', 'mine')
  await branch.engine().apply(branch.request({ ...next, files: { ...V2, 'settings.js': 'newer' } }))
  const result = await branch.engine().rollback({ app: branch.app, backup: null, withDatabase: false })
  assert.equal(result.result, 'committed', JSON.stringify(result))
  assert.deepEqual(branch.disk.snapshot('/srv/shop'), { ...V1, 'settings.js': 'mine' })
})

/** A branch on the real disk, without an application. */
async function realBranch(
  t: TestContext,
  config: Record<string, unknown> = {},
  parts: Partial<EngineParts> = {}
) {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-places-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const live = join(folder, 'shop')
  const options = { commands: undefined, checks: [{ kind: 'files' }], ...config }
  const branch = new SimulatedBranch({
    path: live,
    config: options,
    parts: { fs: realFileSystem, home: folder, ...parts }
  })
  return { branch, folder, live }
}

test('nobody else can look into the work folder, nor into one that was made before', {
  skip: noModes
}, async (t) => {
  const { branch, folder } = await realBranch(t)
  const work = join(folder, '.chasqui-shop')
  await mkdir(join(work, 'backups'), { recursive: true, mode: 0o755 })
  await branch.install({ module: 'shop', version: '1.0.0', files: V1 })
  const result = await branch.engine().apply(branch.request(next))
  for (const path of ['.', 'backups', `backups/${result.backup}`]) {
    assert.equal((await stat(join(work, path))).mode & 0o777, 0o700, path)
  }
})

test('folders and files keep the modes that they were given here', { skip: noModes }, async (t) => {
  const { branch, live } = await realBranch(t)
  const files = { 'version.txt': '1.0.0', 'cache/README': 'a', 'ctl.sh': 'x run' }
  await branch.install({ module: 'shop', version: '1.0.0', files })
  await chmod(live, 0o2775)
  await chmod(join(live, 'cache'), 0o777)
  await chmod(join(live, 'version.txt'), 0o640)
  await chmod(join(live, 'ctl.sh'), 0o4750)
  await writeFile(join(live, 'cache', 'local'), 'here')
  const more = { ...files, 'version.txt': '2.0.0', 'ctl.sh': 'x again', 'new/a.txt': 'a', 'cache/b': 'b' }
  const result = await branch.engine().apply(branch.request({ ...next, files: more }))
  assert.equal(result.result, 'committed', JSON.stringify(result))
  const modes = async (...paths: string[]) =>
    Promise.all(paths.map(async (path) => ((await stat(join(live, path))).mode & 0o7777).toString(8)))
  assert.deepEqual(await modes('.', 'cache', 'version.txt', 'ctl.sh', 'new'), [
    '2775',
    '777',
    '640',
    '750',
    '2755'
  ])
})

const isRoot = process.getuid?.() === 0
test('folders and files keep their owners', {
  skip: !isRoot && 'only root may give files away'
}, async (t) => {
  const { branch, live } = await realBranch(t)
  const files = { 'version.txt': '1.0.0', 'cache/README': 'a' }
  await branch.install({ module: 'shop', version: '1.0.0', files })
  await chown(live, 4242, 4343)
  await chown(join(live, 'cache'), 33, 33)
  const more = { ...files, 'version.txt': '2.0.0', 'cache/b': 'b', 'new/a.txt': 'a' }
  const result = await branch.engine().apply(branch.request({ ...next, files: more }))
  assert.equal(result.result, 'committed', JSON.stringify(result))
  const owners = async (...paths: string[]) =>
    Promise.all(paths.map(async (path) => (await stat(join(live, path))).uid))
  assert.deepEqual(await owners('.', 'cache', 'cache/b', 'new', 'new/a.txt'), [4242, 33, 33, 4242, 4242])
})

test('what is only asked makes nothing: an update, a way back, a removal', async () => {
  const branch = new SimulatedBranch({ config: { checks: [] } })
  const work = () => branch.parts.fs.stat('/srv/.chasqui-shop')
  assert.equal(await branch.engine().preflight(branch.request(fresh)), null)
  assert.equal(await work(), null)
  await branch.install({ module: 'shop', version: '1.0.0', files: V1 })
  assert.equal((await branch.engine().apply(branch.request(next))).result, 'committed')
  assert.equal((await work())?.kind, 'directory')
  const [before, engine] = [branch.disk.snapshot('/srv'), branch.engine()]
  const back = { kind: 'restore', app: branch.app, backup: null, withDatabase: false } as const
  const gone = { kind: 'remove', app: branch.app, module: 'shop' } as const
  const rows = [await engine.preview(back), await engine.preview(gone)]
  assert.deepEqual(
    rows.map(({ releases, refusal }) => [releases[0]?.from, releases[0]?.to, refusal]),
    [
      ['2.0.0', '1.0.0', null],
      ['2.0.0', null, null]
    ]
  )
  assert.deepEqual(branch.disk.snapshot('/srv'), before)
  assert.deepEqual(
    (await engine.installed(branch.app.name)).map(({ version }) => version),
    ['2.0.0']
  )
})
