import assert from 'node:assert/strict'
import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ErrorCode } from '../../src/errors.ts'
import { encodePack } from '../../src/pack/encode.ts'
import { looksLikeModule, readModuleIdentity } from '../../src/pack/identity.ts'
import { makeIgnoreRules } from '../../src/pack/ignore.ts'
import { readTree } from '../../src/pack/tree.ts'
import type { FileReader, ReadableFileSystem } from '../../src/system/file-system.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { type TestFiles, temporaryFolder, writeTree } from './fixtures.ts'

test('reads a folder with hashes, sizes, executable bits and symlinks', async (context) => {
  const folder = await temporaryFolder(context)
  await writeTree(folder, {
    b: 'bb',
    'a/run': { content: 'x', executable: true },
    'a/link': { content: 'run', link: true },
    empty: ''
  })
  const { manifest } = await readTree(realFileSystem, folder)
  assert.deepEqual(
    manifest.entries.map(({ path, kind, size, executable }) => [path, kind, size, executable]),
    [
      ['a/link', 'symlink', 3, false],
      ['a/run', 'file', 1, true],
      ['b', 'file', 2, false],
      ['empty', 'file', 0, false]
    ]
  )
  assert.equal(
    manifest.entries[3]?.sha256,
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  )
})

test('leaves out what the ignore file and the defaults say', async (context) => {
  const folder = await temporaryFolder(context)
  await writeTree(folder, {
    '.chasquiignore': '*.log\n/build/\n!keep.log\n!.env\nname with space\n',
    '.env': 'secret, but asked for',
    '.git/HEAD': 'x',
    '__pycache__/a.pyc': 'x',
    'build/out': 'x',
    'debug.log': 'x',
    'keep.log': 'x',
    'name with space': 'x',
    'node_modules/m/index.js': 'x',
    'sub/build/stays': 'x',
    'sub/x.pyc': 'x',
    'x.py': 'x'
  })
  const { manifest } = await readTree(realFileSystem, folder)
  assert.deepEqual(
    manifest.entries.map((entry) => entry.path),
    ['.env', 'keep.log', 'sub/build/stays', 'x.py']
  )
  assert.equal(makeIgnoreRules('').ignores('.env', false), true)
})

test('reads only the selected files', async (context) => {
  const folder = await temporaryFolder(context)
  await writeTree(folder, { a: '1', 'b/c': '2' })
  const { manifest } = await readTree(realFileSystem, folder, { select: (path) => path.startsWith('b/') })
  assert.deepEqual(
    manifest.entries.map((entry) => entry.path),
    ['b/c']
  )
})

test('takes executable bits from the previous release where the system has none', async (context) => {
  const folder = await temporaryFolder(context)
  await writeTree(folder, { run: { content: 'x', executable: true }, data: 'x' })
  const { manifest } = await readTree(realFileSystem, folder)
  await chmod(join(folder, 'run'), 0o644)
  await chmod(join(folder, 'data'), 0o755)
  const again = await readTree(realFileSystem, folder, { executableFrom: manifest })
  assert.deepEqual(again.manifest, manifest)
})

const REFUSED: [what: string, code: ErrorCode, files: TestFiles][] = [
  ['nothing in it', 'MODULE_EMPTY', {}],
  ['only ignored files', 'MODULE_EMPTY', { 'a.pyc': 'x' }],
  ['a name that Windows cannot hold', 'PATH_UNPORTABLE', { 'a:b': 'x' }],
  ['a device name', 'PATH_UNPORTABLE', { 'aux.txt': 'x' }],
  ['a backslash', 'PATH_INVALID', { 'a\\b': 'x' }],
  ['two spellings', 'PATH_COLLISION', { Readme: 'x', README: 'x' }],
  ['a name in form NFD', 'PATH_INVALID', { 'e\u0301': 'x' }],
  ['a path that is too long', 'PATH_TOO_LONG', { [`${'long-name/'.repeat(24)}x`]: 'x' }],
  ['a symlink that leads out', 'SYMLINK_REFUSED', { a: { content: '../x', link: true } }],
  ['an absolute symlink', 'SYMLINK_REFUSED', { a: { content: '/etc/passwd', link: true } }],
  ['a dangling symlink', 'SYMLINK_REFUSED', { a: { content: 'b', link: true } }],
  ['a symlink to itself', 'SYMLINK_REFUSED', { a: { content: 'a', link: true } }],
  ['a symlink around itself', 'SYMLINK_REFUSED', { 'd/a': { content: '../d', link: true }, 'd/b': 'x' }]
]

test('refuses a file whose name is not UTF-8, where it is not left out', async (context) => {
  const folder = await temporaryFolder(context)
  await writeTree(folder, { a: 'x' })
  try {
    await writeFile(
      Buffer.concat([Buffer.from(join(folder, 'men')), Buffer.from([0xfa]), Buffer.from('.xml')]),
      'x'
    )
  } catch {
    return context.skip('this file system takes no such name')
  }
  await assert.rejects(readTree(realFileSystem, folder), { code: 'PATH_INVALID', message: /not UTF-8/ })
  await writeFile(join(folder, '.chasquiignore'), 'men*.xml\n')
  assert.equal((await readTree(realFileSystem, folder)).manifest.entries.length, 1)
})

test('refuses a file that goes between list and look, where it is one of those that are asked for', async (context) => {
  const folder = await temporaryFolder(context)
  await writeTree(folder, { a: 'x', 'data/gone': 'x', 'data/gone.pyc': 'x' })
  const fs: ReadableFileSystem = {
    ...realFileSystem,
    stat: async (path) => (path.includes('gone') ? null : realFileSystem.stat(path))
  }
  await assert.rejects(readTree(fs, folder), { code: 'FILE_CHANGED', message: /gone changed/ })
  const { manifest } = await readTree(fs, folder, { select: (path) => path === 'a' })
  assert.equal(manifest.entries.length, 1)
})

test('refuses folders that cannot become a release', async (context) => {
  for (const [what, code, files] of REFUSED) {
    const folder = await temporaryFolder(context)
    await writeTree(folder, files)
    await assert.rejects(readTree(realFileSystem, folder), { code }, what)
  }
  const folder = await temporaryFolder(context)
  await writeTree(folder, { a: 'x', b: { content: 'a', link: true } })
  await assert.rejects(readTree(realFileSystem, folder, { kind: 'overlay' }), { code: 'SYMLINK_REFUSED' })
  await assert.rejects(readTree(realFileSystem, join(folder, 'a')), { code: 'NOT_A_DIRECTORY' })
  await assert.rejects(readTree(realFileSystem, join(folder, 'none')), { code: 'NOT_A_DIRECTORY' })
})

test('refuses sockets and other things that are no files', async (context) => {
  const folder = await temporaryFolder(context)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve))
  context.after(() => server.close())
  await assert.rejects(readTree(realFileSystem, folder), { code: 'FILE_NOT_REGULAR' })
})

/** The real file system, with another reader for one name. */
function withReader(
  name: string,
  change: (reader: FileReader, path: string) => FileReader
): ReadableFileSystem {
  return {
    ...realFileSystem,
    openFile: async (path) => {
      const reader = await realFileSystem.openFile(path)
      return path.endsWith(name) ? change(reader, path) : reader
    }
  }
}

test('names the file that cannot be read', async (context) => {
  const folder = await temporaryFolder(context)
  await writeTree(folder, { a: 'x', secret: 'x' })
  const fs = withReader('secret', (reader) => ({
    ...reader,
    read: () => Promise.reject(Object.assign(new Error('permission denied'), { code: 'EACCES' }))
  }))
  await assert.rejects(readTree(fs, folder), { code: 'FILE_UNREADABLE', message: /secret/ })
})

const CHANGES: [what: string, change: (path: string) => Promise<void>][] = [
  ['grows', (path) => writeFile(path, 'longer than before')],
  ['shrinks', (path) => writeFile(path, '')],
  ['is written with the same length', (path) => writeFile(path, 'yyyyyyyy')],
  [
    'is replaced',
    async (path) => {
      await writeFile(`${path}.new`, 'xxxxxxxx')
      await rename(`${path}.new`, path)
    }
  ]
]

test('names the file that changes while it is read', async (context) => {
  for (const [what, change] of CHANGES) {
    const folder = await temporaryFolder(context)
    await writeTree(folder, { a: 'x', busy: 'xxxxxxxx' })
    const fs = withReader('busy', (reader, path) => ({
      ...reader,
      async read(position, length) {
        const bytes = await reader.read(position, length)
        await new Promise((resolve) => setTimeout(resolve, 5))
        await change(path)
        return bytes
      }
    }))
    await assert.rejects(readTree(fs, folder), { code: 'FILE_CHANGED', message: /busy/ }, what)
  }
})

test('a file that changes between reading and packing is named, and no pack is left', async (context) => {
  const folder = await temporaryFolder(context)
  await mkdir(join(folder, 'm'))
  await writeTree(join(folder, 'm'), { a: 'x', busy: 'before' })
  const target = await readTree(realFileSystem, join(folder, 'm'))
  await writeFile(join(folder, 'm', 'busy'), 'beyond')
  const output = join(folder, 'pack')
  await assert.rejects(encodePack({ target, output }), { code: 'FILE_CHANGED', message: /busy/ })
  assert.equal(await realFileSystem.stat(output), null)
})

const IDENTITIES: [files: TestFiles, given: object, expected: object][] = [
  [
    { '__manifest__.py': "{'version': '17.0.1.0.0', 'depends': ['base']}" },
    {},
    { module: 'shop', version: '17.0.1.0.0', track: '17.0', order: 'odoo', depends: ['base'] }
  ],
  [
    { '__manifest__.py': "{'version': '1.0.0'}" },
    { track: '14.0' },
    { version: '14.0.1.0.0', track: '14.0', order: 'odoo' }
  ],
  [
    { 'package.json': '{"name": "@Scope/Till", "version": "1.2.3"}' },
    {},
    { module: 'scope-till', version: '1.2.3', track: 'default' }
  ],
  [{ 'version.txt': 'v1.0.0.5\r\n' }, {}, { module: 'shop', version: '1.0.0.5', track: 'default' }],
  [{ x: '' }, { version: '1.0.0', module: 'other' }, { module: 'other', version: '1.0.0', source: null }],
  [
    { 'package.json': '{"name": "n", "version": "1.2.3"}', 'version.txt': '9.9.9.9' },
    { version: '2.0.0' },
    { module: 'n', version: '2.0.0' }
  ]
]

test('reads name and version from what the module has', async (context) => {
  for (const [files, given, expected] of IDENTITIES) {
    const folder = join(await temporaryFolder(context), 'shop')
    await writeTree(folder, files)
    const found = await readModuleIdentity(realFileSystem, folder, given)
    assert.deepEqual({ ...found, ...expected }, found, JSON.stringify(expected))
    assert.equal(await looksLikeModule(realFileSystem, folder), found.source !== null)
  }
})

const NO_IDENTITY: [code: ErrorCode, files: TestFiles][] = [
  ['VERSION_MISSING', { x: '' }],
  ['VERSION_MISSING', { 'package.json': '{"name": "n"}' }],
  ['VERSION_MISSING', { '__manifest__.py': "{'name': 'n'}" }],
  ['IDENTITY_INVALID', { 'package.json': '{' }],
  ['IDENTITY_INVALID', { 'package.json': '{"name": 1}' }],
  ['IDENTITY_INVALID', { 'version.txt': '' }],
  ['IDENTITY_INVALID', { 'version.txt': '1.0.0\n2.0.0\n' }],
  ['MODULE_NAME_INVALID', { 'package.json': '{"name": "../x", "version": "1.0.0"}' }],
  ['ODOO_MANIFEST_INVALID', { '__manifest__.py': 'import os' }],
  [
    'ODOO_MIGRATION_ABOVE',
    { '__manifest__.py': "{'version': '17.0.1.0.0'}", 'migrations/17.0.1.1.0/post.py': '' }
  ]
]

test('refuses modules that do not say what they are', async (context) => {
  for (const [code, files] of NO_IDENTITY) {
    const folder = join(await temporaryFolder(context), 'shop')
    await writeTree(folder, files)
    await assert.rejects(readModuleIdentity(realFileSystem, folder), { code }, JSON.stringify(files))
  }
})

test('does not follow a symlink to read a version', async (context) => {
  const folder = await temporaryFolder(context)
  await writeTree(folder, { outside: '1.0.0.0', 'shop/x': '' })
  await symlink('../outside', join(folder, 'shop', 'version.txt'))
  await assert.rejects(readModuleIdentity(realFileSystem, join(folder, 'shop')), { code: 'FILE_NOT_REGULAR' })
})
