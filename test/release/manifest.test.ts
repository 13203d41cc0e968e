import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChasquiError } from '../../src/errors.ts'
import { diffManifests } from '../../src/release/diff.ts'
import {
  comparePaths,
  encodeManifest,
  type FileEntry,
  makeManifest,
  manifestRoot,
  parseManifest
} from '../../src/release/manifest.ts'

const hashOf = (digit: string) => digit.repeat(64)
const file = (path: string, digit = 'a', more: Partial<FileEntry> = {}): FileEntry => ({
  path,
  kind: 'file',
  size: 1,
  executable: false,
  sha256: hashOf(digit),
  ...more
})

test('writes one canonical text and reads it back', () => {
  const manifest = makeManifest([
    file('b'),
    file('a/x', 'b', { executable: true, size: 0 }),
    file('a-link', 'c', { kind: 'symlink', size: 3 })
  ])
  const text = [
    'chasqui-manifest 1',
    `l ${hashOf('c')} 3 a-link`,
    `x ${hashOf('b')} 0 a/x`,
    `f ${hashOf('a')} 1 b`,
    ''
  ].join('\n')
  assert.equal(Buffer.from(encodeManifest(manifest)).toString(), text)
  assert.deepEqual(parseManifest(Buffer.from(text)), manifest)
  assert.match(manifestRoot(manifest), /^[0-9a-f]{64}$/)
})

test('sorts by UTF-8 bytes, also beyond the basic plane', () => {
  const paths = ['z', 'é', '\uffee', '😀', 'a/b', 'a-b', 'a', 'ab']
  const expected = [...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  assert.deepEqual([...paths].sort(comparePaths), expected)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      assert.equal(Math.sign(comparePaths(a, b)), Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
    })
  )
})

const good = Buffer.from(
  encodeManifest(makeManifest([file('a'), file('b', 'b'), file('c/d', 'c')]))
).toString()
const BROKEN: [what: string, text: string][] = [
  ['empty', ''],
  ['another header', good.replace('manifest 1', 'manifest 2')],
  ['no last line end', good.slice(0, -1)],
  ['line twice', good.replace(/(f b{64}.*\n)/, '$1$1')],
  ['not sorted', good.replace(/(.* a\n)(.* b\n)/, '$2$1')],
  ['size with a zero before it', good.replace(' 1 a', ' 01 a')],
  ['size beyond the limit', good.replace(' 1 a', ' 9999999999999 a')],
  ['negative size', good.replace(' 1 a', ' -1 a')],
  ['unknown kind', good.replace(/^f/m, 'd')],
  ['capital hash', good.replace(/a{64}/, hashOf('A'))],
  ['short hash', good.replace(/a{64}/, 'a'.repeat(63))],
  ['CRLF', good.replaceAll('\n', '\r\n')],
  ['empty line', good.replace('\nf', '\n\nf')],
  ['path that escapes', good.replace(' a\n', ' ../a\n')]
]

test('refuses every other text', () => {
  for (const [what, text] of BROKEN) {
    assert.throws(() => parseManifest(Buffer.from(text)), { name: 'ChasquiError' }, what)
  }
  assert.throws(() => parseManifest(Buffer.from([0xff, 0xfe])), { code: 'MANIFEST_INVALID' })
})

test('a flipped byte is refused or makes another manifest, never the same', () => {
  const bytes = Buffer.from(good)
  const root = manifestRoot(parseManifest(bytes))
  for (let i = 0; i < bytes.length; i++) {
    for (const bit of [1, 0x20, 0x80]) {
      const other = Buffer.from(bytes)
      other[i] = (other[i] as number) ^ bit
      try {
        assert.notEqual(manifestRoot(parseManifest(other)), root)
      } catch (error) {
        assert.ok(error instanceof ChasquiError, `byte ${i}: ${error}`)
      }
    }
  }
})

test('tells added, modified, deleted and renamed apart', () => {
  const before = makeManifest([
    file('keep'),
    file('edit', 'b'),
    file('gone', 'c'),
    file('old/name', 'd'),
    file('mode', 'e')
  ])
  const after = makeManifest([
    file('keep'),
    file('edit', 'f'),
    file('fresh', '1'),
    file('new/name', 'd'),
    file('mode', 'e', { executable: true })
  ])
  const diff = diffManifests(before, after)
  assert.deepEqual(
    diff.added.map((entry) => entry.path),
    ['fresh']
  )
  assert.deepEqual(
    diff.deleted.map((entry) => entry.path),
    ['gone']
  )
  assert.deepEqual(
    diff.modified.map(({ to }) => to.path),
    ['edit', 'mode']
  )
  assert.deepEqual(
    diff.renamed.map(({ from, to }) => [from.path, to.path]),
    [['old/name', 'new/name']]
  )
})
