import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ErrorCode } from '../../src/errors.ts'
import { ChasquiError } from '../../src/errors.ts'
import { checkDependencies, readOdooIdentity } from '../../src/release/identity/odoo.ts'
import { parsePythonLiteral } from '../../src/release/identity/python-literal.ts'

const VALUES: [source: string, value: unknown][] = [
  ['{}', new Map()],
  ["{'a': 1,}", new Map([['a', 1]])],
  ['# comment\n{"a": "x" # another\n }\n# end', new Map([['a', 'x']])],
  ['"one" \'two\'\n', 'onetwo'],
  ['("one"\n "two")', 'onetwo'],
  ["'''a\nb'''", 'a\nb'],
  ["'''a\r\nb'''", 'a\nb'],
  ["r'a\\nb'", 'a\\nb'],
  ["u'ñ'", 'ñ'],
  ["'\\x41\\u00e9\\U0001F600\\101\\t\\q\\\\'", 'Aé😀A\t\\q\\'],
  ["'a\\\nb'", 'ab'],
  ["''", ''],
  ['[1, -2, +3, 0x1F, 0o17, 0b11, 1_000, 1.5, .5, 1e3]', [1, -2, 3, 31, 15, 3, 1000, 1.5, 0.5, 1000]],
  ['(True, False, None)', [true, false, null]],
  ['(1,)', [1]],
  ['()', []],
  ['(1)', 1],
  ["{'a': {'b': [{'c': ()}]}}", new Map([['a', new Map([['b', [new Map([['c', []]])]]])]])],
  ["{'a': 1, 'a': 2}", new Map([['a', 2]])],
  ["{'__proto__': 1}", new Map([['__proto__', 1]])],
  ['\ufeff{}', new Map()]
]

test('reads plain literals as Python would', () => {
  for (const [source, value] of VALUES) assert.deepEqual(parsePythonLiteral(source), value, source)
})

const HOSTILE = [
  '',
  '# nothing',
  'import os',
  '__import__("os").system("id")',
  '{"a": open("/etc/passwd").read()}',
  '{"a": x}',
  '{"a": 1 + 1}',
  '{"a": "x" + "y"}',
  '{"a": "x" % 1}',
  '{"a": f"{1}"}',
  '{"a": b"x"}',
  '{"a": rb"x"}',
  '{"a": [x for x in ()]}',
  '{"a": lambda: 1}',
  '{"a": 1 if 1 else 2}',
  '{"a": not 1}',
  '{"a": ~1}',
  '{"a": 1j}',
  '{"a": (yield)}',
  '{"a": ...}',
  '{"a": `1`}',
  '{**{}}',
  '{1: 2}',
  '[*[]]',
  '{"a": 1}; import os',
  '{"a": 1}\n{"b": 2}',
  '"""doc"""\n{"a": 1}',
  '{"a": 1,, "b": 2}',
  '{"a" 1}',
  '{"a": }',
  '{"a": 1',
  '["a"',
  '("a"',
  '[1 2]',
  '[,]',
  '(,)',
  '{"a": 1}}',
  '{"a": "x\ny"}',
  "{'a': 'unterminated}",
  "'\\x4'",
  "'\\N{BULLET}'",
  "'\\ud800'",
  "'\\U00110000'",
  '01',
  '1__0',
  '1e999',
  '0x',
  'a = {"a": 1}',
  '{"a": 1}\0',
  'True = 1',
  'return {}',
  `${'['.repeat(40)}${']'.repeat(40)}`,
  `${'['.repeat(100_000)}`,
  `${'{"a":'.repeat(50_000)}`,
  `[${'1,'.repeat(25_000)}]`,
  `"${'a'.repeat(300_000)}"`,
  `${'-'.repeat(1000)}1`,
  '{"a": "x" "y" f"z"}',
  '{"a": (1 for _ in ())}',
  '{"a": print}',
  '{"a": [1, 2][0]}',
  '{"a": "b".c}'
]

test('refuses whatever is not plain data, and runs nothing', () => {
  for (const source of HOSTILE) {
    assert.throws(() => parsePythonLiteral(source), { code: 'ODOO_MANIFEST_INVALID' }, source.slice(0, 60))
  }
})

test('any text is data or is refused', () => {
  const unit = fc.constantFrom(...'{}[](),:"\'\\ab1.- \n#ruf*+x'.split(''))
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (source) => {
      try {
        parsePythonLiteral(source)
      } catch (error) {
        assert.ok(error instanceof ChasquiError && error.code === 'ODOO_MANIFEST_INVALID', String(error))
      }
    }),
    { numRuns: 3000 }
  )
})

const read = (manifest: string, track?: string, migrations: string[] = []) =>
  readOdooIdentity(Buffer.from(manifest), { folder: 'pos_shop', track, migrations })

const IDENTITIES: [
  manifest: string,
  track: string | undefined,
  version: string | undefined,
  track: string | undefined
][] = [
  ["{'name': 'Shop', 'version': '17.0.1.2.3'}", undefined, '17.0.1.2.3', '17.0'],
  ["{'version': '1.2.3'}", '17.0', '17.0.1.2.3', '17.0'],
  ["{'version': '1.2'}", '14.0', '14.0.1.2', '14.0'],
  ["{'version': '17.0.1.0'}", '17.0', '17.0.1.0', '17.0'],
  ["{'version': '17.0.1.0.0'}", '17.0', '17.0.1.0.0', '17.0'],
  ["{'name': 'x'}", '17.0', undefined, undefined]
]

test('reads version and series of an addon', () => {
  for (const [manifest, given, version, track] of IDENTITIES) {
    const found = read(manifest, given)
    assert.deepEqual([found.module, found.version, found.track], ['pos_shop', version, track], manifest)
  }
})

const REFUSED: [code: ErrorCode, manifest: string, track: string | undefined, migrations: string[]][] = [
  ['ODOO_WRONG_SERIES', "{'version': '16.0.1.0.0'}", '17.0', []],
  ['ODOO_WRONG_SERIES', "{'version': '16.0.1.0'}", '17.0', []],
  ['VERSION_INVALID', "{'version': '1.0'}", undefined, []],
  ['VERSION_INVALID', "{'version': 'latest'}", '17.0', []],
  ['VERSION_INVALID', "{'version': ''}", '17.0', []],
  ['ODOO_MIGRATION_ABOVE', "{'version': '17.0.1.2.3'}", undefined, ['17.0.1.2.4']],
  ['ODOO_MIGRATION_ABOVE', "{'version': '17.0.1.2.3'}", undefined, ['1.3.0']],
  ['ODOO_MIGRATION_ABOVE', "{'version': '17.0.1.2.3'}", undefined, ['18.0.1.0.0']],
  ['ODOO_MANIFEST_INVALID', "{'version': 17.0}", undefined, []],
  ['ODOO_MANIFEST_INVALID', "{'depends': 'base'}", undefined, []],
  ['ODOO_MANIFEST_INVALID', "{'depends': [1]}", undefined, []],
  ['ODOO_MANIFEST_INVALID', '[]', undefined, []]
]

test('refuses the series, migrations and fields that would go wrong at the branch', () => {
  for (const [code, manifest, track, migrations] of REFUSED) {
    assert.throws(() => read(manifest, track, migrations), { code }, `${manifest} ${migrations}`)
  }
  const latin1 = Buffer.from("{'name': 'caf\xe9'}", 'latin1')
  assert.throws(() => readOdooIdentity(latin1, { folder: 'x' }), { code: 'ODOO_MANIFEST_INVALID' })
})

test('allows migrations up to the version, of older series, and the one for every update', () => {
  const found = read("{'version': '17.0.1.2.3'}", undefined, [
    '17.0.1.2.3',
    '1.2.3',
    '16.0.9.9.9',
    '0.0.0',
    'tests'
  ])
  assert.equal(found.version, '17.0.1.2.3')
})

test('names the dependencies that are missing', () => {
  assert.doesNotThrow(() => checkDependencies('a', ['base'], new Set(['base'])))
  assert.throws(() => checkDependencies('a', ['base', 'x'], new Set(['base'])), {
    code: 'ODOO_DEPENDENCY_MISSING',
    message: /depends on x/
  })
})
