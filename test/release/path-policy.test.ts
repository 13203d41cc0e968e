import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ErrorCode } from '../../src/errors.ts'
import { checkPath, checkPaths } from '../../src/release/path-policy.ts'

const ALLOWED = [
  'a',
  'a/b/c.txt',
  '.hidden',
  '.github/workflows/x.yml',
  'a b/c d.txt',
  'ñandú/ção.po',
  '日本語.txt',
  'é.txt',
  '😀.png',
  '__manifest__.py',
  '@scope/x',
  'a,b;c=d+e~',
  'backup~',
  'console.js',
  'com.txt',
  'com10',
  'nul-1.txt',
  'auxiliary',
  'a.b.c',
  '..a',
  '...a',
  'a..b',
  '-',
  '#',
  '%41',
  "it's",
  '(1)',
  '[x]{y}$',
  'a/.b/..c',
  'x'.repeat(200)
]

const REFUSED: [code: ErrorCode, path: string][] = [
  ['PATH_INVALID', ''],
  ['PATH_INVALID', '.'],
  ['PATH_INVALID', '..'],
  ['PATH_INVALID', '../x'],
  ['PATH_INVALID', 'a/../../x'],
  ['PATH_INVALID', 'a/./b'],
  ['PATH_INVALID', 'a/..'],
  ['PATH_INVALID', '/etc/passwd'],
  ['PATH_INVALID', '//server/share'],
  ['PATH_INVALID', 'a//b'],
  ['PATH_INVALID', 'a/'],
  ['PATH_INVALID', 'a\\b'],
  ['PATH_INVALID', '\\\\server\\share'],
  ['PATH_INVALID', 'C:\\x'],
  ['PATH_INVALID', 'a\0b'],
  ['PATH_INVALID', 'a\nb'],
  ['PATH_INVALID', 'a\x7fb'],
  ['PATH_INVALID', 'a\u0085b'],
  ['PATH_INVALID', 'a\u202egpj.exe'],
  ['PATH_INVALID', 'a\u200bb'],
  ['PATH_INVALID', '\ufeffa'],
  ['PATH_INVALID', 'a\ud800b'],
  ['PATH_INVALID', 'e\u0301.txt'], // NFD
  ['PATH_INVALID', '\u2126.txt'], // ohm sign: NFC makes it omega
  ['PATH_UNPORTABLE', 'C:x'],
  ['PATH_UNPORTABLE', 'C:/x'],
  ['PATH_UNPORTABLE', 'x:ads'],
  ['PATH_UNPORTABLE', 'x.txt::$DATA'],
  ['PATH_UNPORTABLE', 'a?'],
  ['PATH_UNPORTABLE', 'a*'],
  ['PATH_UNPORTABLE', 'a<b'],
  ['PATH_UNPORTABLE', 'a|b'],
  ['PATH_UNPORTABLE', 'a"b'],
  ['PATH_UNPORTABLE', 'a.'],
  ['PATH_UNPORTABLE', 'a./b'],
  ['PATH_UNPORTABLE', 'a '],
  ['PATH_UNPORTABLE', 'a /b'],
  ['PATH_UNPORTABLE', '. .'],
  ['PATH_UNPORTABLE', '.. '],
  ['PATH_UNPORTABLE', 'NUL'],
  ['PATH_UNPORTABLE', 'nul.txt'],
  ['PATH_UNPORTABLE', 'a/Con/b'],
  ['PATH_UNPORTABLE', 'aux.c.h'],
  ['PATH_UNPORTABLE', 'COM1'],
  ['PATH_UNPORTABLE', 'lpt9.log'],
  ['PATH_UNPORTABLE', 'com\u00b9.txt'],
  ['PATH_UNPORTABLE', 'CONIN$'],
  ['PATH_UNPORTABLE', 'nul .txt'],
  ['PATH_UNPORTABLE', 'PROGRA~1'],
  ['PATH_UNPORTABLE', 'git~1/hooks'],
  ['PATH_TOO_LONG', 'x'.repeat(201)],
  ['PATH_TOO_LONG', 'é'.repeat(101)],
  ['PATH_TOO_LONG', `${'a/'.repeat(125)}b`],
  ['PATH_TOO_LONG', `${'d/'.repeat(64)}f`]
]

test('allows honest paths', () => {
  for (const path of ALLOWED) assert.doesNotThrow(() => checkPath(path), JSON.stringify(path))
})

test('refuses paths that some system would refuse or reinterpret', () => {
  for (const [code, path] of REFUSED) assert.throws(() => checkPath(path), { code }, JSON.stringify(path))
})

const TOGETHER: [code: ErrorCode, paths: string[]][] = [
  ['PATH_COLLISION', ['Foo', 'foo']],
  ['PATH_COLLISION', ['a/Foo/x', 'a/foo/y']],
  ['PATH_COLLISION', ['straße', 'STRASSE']],
  ['PATH_COLLISION', ['ﬁle', 'file']],
  ['PATH_COLLISION', ['Σ', 'ς']],
  ['PATH_COLLISION', ['É', 'é']],
  ['PATH_COLLISION', ['a', 'a']],
  ['PATH_COLLISION', ['İ', 'i̇'.normalize('NFC')]],
  ['PATH_BENEATH_FILE', ['a', 'a/b']],
  ['PATH_BENEATH_FILE', ['a/b', 'a']],
  ['PATH_COLLISION', ['A', 'a/b']]
]

test('refuses paths that are one and the same somewhere', () => {
  for (const [code, paths] of TOGETHER) assert.throws(() => checkPaths(paths), { code }, paths.join(' '))
  assert.doesNotThrow(() => checkPaths(['a/b', 'a/c', 'a-b', 'ab/c', 'b']))
})

test('whatever passes has no segment that leads out and no character that Windows refuses', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '.', '/', '\\', ':', ' ', '~', '1', 'é', '\0', 'N', 'U', 'L'),
    maxLength: 12
  })
  fc.assert(
    fc.property(text, (path) => {
      try {
        checkPath(path)
      } catch {
        return
      }
      assert.ok(!/[\\:\0]/.test(path))
      for (const name of path.split('/'))
        assert.ok(name !== '' && name !== '.' && name !== '..' && !/[. ]$/.test(name))
    }),
    { numRuns: 2000 }
  )
})
