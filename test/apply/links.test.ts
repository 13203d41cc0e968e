// An operator has moved a folder of the live tree to another disk and put a symlink in its place: on a real disk, because nothing
// may ever be reached through it.
import assert from 'node:assert/strict'
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { type Files, parseApp, SimulatedBranch } from './simulated-branch.ts'

const noLinks = process.platform === 'win32' && 'Windows makes symlinks for administrators only'
const V1 = { 'version.txt': '1', 'media/logo.png': 'logo', 'media/deep/a.png': 'a' }
const KINDS = ['directory', 'overlay'] as const
type Kind = (typeof KINDS)[number]

/** Version 1 is installed, and its media lie elsewhere. */
async function moved(t: TestContext, kind: Kind, keep: string[], first: Files = V1, disk = tmpdir()) {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-links-'))
  const data = await mkdtemp(join(disk, 'chasqui-media-'))
  t.after(() => Promise.all([folder, data].map((path) => rm(path, { recursive: true, force: true }))))
  const [live, media] = [join(folder, 'shop'), join(folder, 'shop', 'media')]
  const branch = new SimulatedBranch({
    path: live,
    config: { commands: undefined, checks: [{ kind: 'files' }], keep },
    parts: { fs: realFileSystem, home: folder }
  })
  await branch.install({ module: 'shop', version: '1.0.0', files: first, kind })
  await mkdir(media, { recursive: true })
  for (const name of await readdir(media)) {
    if (disk === tmpdir()) await rename(join(media, name), join(data, name))
  }
  await rm(media, { recursive: true })
  await branch.writeFiles(data, { 'photo.jpg': 'photo' })
  await symlink(data, media)
  const before = (await readdir(data)).join()
  const expectMoved = async () => {
    assert.equal(await readlink(media), data)
    assert.equal((await readdir(data)).join(), before)
    assert.equal(await readFile(join(data, 'photo.jpg'), 'utf8'), 'photo')
  }
  const apply = (version: string, from: string, files: Files) =>
    branch.engine().apply(branch.request({ module: 'shop', version, from, files, kind }))
  const version = () => readFile(join(live, 'version.txt'), 'utf8')
  return { branch, live, data, expectMoved, apply, version }
}

for (const kind of KINDS) {
  describe(`a folder that is a symlink here, ${kind}`, { skip: noLinks }, () => {
    test('under keep it stays, through updates, a way back and a removal', async (t) => {
      const { branch, live, data, expectMoved, apply, version } = await moved(t, kind, ['media/**'])
      const second = { ...V1, 'version.txt': '2', 'media/logo.png': 'logo 2', 'media/more/new.png': 'new' }
      const result = await apply('2.0.0', '1.0.0', second)
      assert.equal(result.result, 'committed', JSON.stringify(result))
      assert.match(JSON.stringify(result.drift?.map(({ kept }) => kept)), /media/)
      await expectMoved()
      assert.equal(await readFile(join(data, 'logo.png'), 'utf8'), 'logo')
      assert.equal((await apply('3.0.0', '2.0.0', { ...second, 'version.txt': '3' })).result, 'committed')
      await expectMoved()
      const back = await branch.engine().rollback({ app: branch.app, backup: null, withDatabase: false })
      assert.equal(back.result, 'committed', JSON.stringify(back))
      assert.equal(await version(), '2')
      await expectMoved()
      const gone = await branch.engine().remove({ app: branch.app, module: 'shop' })
      assert.equal(gone.result, 'committed', JSON.stringify(gone))
      assert.deepEqual(await readdir(live), ['media'])
      await expectMoved()
    })

    test('under keep it stays when an update is rolled back', async (t) => {
      const { branch, expectMoved, version } = await moved(t, kind, ['media/**'])
      const update = branch.request({
        ...{ module: 'shop', version: '2.0.0', from: '1.0.0', kind },
        files: { ...V1, 'version.txt': '2', 'media/logo.png': 'logo 2' }
      })
      const { profile, modules, path, keep } = branch.app
      // which is "2"
      const app = parseApp({ profile, modules, path, keep, checks: [{ kind: 'version', retries: 0 }] })
      const result = await branch.engine().apply({ ...update, app })
      assert.equal(result.result, 'rolled-back', JSON.stringify(result))
      assert.equal(await version(), '1')
      await expectMoved()
    })

    test('under keep it stays when a release has nothing beneath it any more', async (t) => {
      const { expectMoved, apply, version } = await moved(t, kind, ['media/**'])
      const result = await apply('2.0.0', '1.0.0', { 'version.txt': '2' })
      assert.equal(result.result, 'committed', JSON.stringify(result))
      assert.equal(await version(), '2')
      await expectMoved()
    })

    for (const keep of [[], ['media/logo.png']]) {
      test(`with ${keep.join() || 'nothing'} under keep it is refused, before anything is stopped`, async (t) => {
        const { expectMoved, apply, version } = await moved(t, kind, keep)
        const files = { 'version.txt': '2', 'media/logo.png': 'logo 2', 'media/deep/a.png': 'a 2' }
        const result = await apply('2.0.0', '1.0.0', files)
        assert.equal(result.error?.code, 'APPLY_PLACE', JSON.stringify(result))
        assert.match(result.error?.message ?? '', /media is a symlink/)
        assert.ok(!result.steps.some(({ step }) => step === 'stop'))
        assert.equal(await version(), '1')
        await expectMoved()
      })
    }

    test('one that only the new release has a folder for is refused, before anything is stopped', async (t) => {
      const { expectMoved, apply, version } = await moved(t, kind, [], { 'version.txt': '1' })
      const result = await apply('2.0.0', '1.0.0', { 'version.txt': '2', 'media/logo.png': 'logo' })
      assert.equal(result.error?.code, 'APPLY_PLACE', JSON.stringify(result))
      assert.ok(!result.steps.some(({ step }) => step === 'stop'))
      assert.equal(await version(), '1')
      await expectMoved()
    })

    test('what it leads to may be on another volume', async (t) => {
      const far = (await stat('/dev/shm').catch(() => null))?.dev
      if (far === undefined || far === (await stat(tmpdir())).dev) return t.skip('needs /dev/shm')
      const { data, branch, expectMoved, apply } = await moved(t, kind, ['media/**'], V1, '/dev/shm')
      await branch.writeFiles(join(data), { 'deep/local.png': 'mine' })
      const result = await apply('2.0.0', '1.0.0', { ...V1, 'version.txt': '2' })
      assert.equal(result.result, 'committed', JSON.stringify(result))
      await rm(join(data, 'deep'), { recursive: true })
      await expectMoved()
    })
  })
}

test('what was a file of the release can become a folder', { skip: noLinks }, async (t) => {
  const { live, apply } = await moved(t, 'directory', ['media/**'], { ...V1, lib: 'a file' })
  const result = await apply('2.0.0', '1.0.0', { ...V1, 'lib/a.so': 'a' })
  assert.equal(result.result, 'committed', JSON.stringify(result))
  assert.ok((await lstat(join(live, 'lib'))).isDirectory())
})
