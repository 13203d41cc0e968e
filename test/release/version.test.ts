import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { satisfies } from '../../src/release/range.ts'
import {
  compareVersions,
  detectOrder,
  isVersion,
  nextBuild,
  type VersionOrder
} from '../../src/release/version.ts'

const DETECTED: [version: string, order: VersionOrder][] = [
  ['1.2.3', 'semver'],
  ['0.0.1-alpha.1', 'semver'],
  ['1.2.3+7', 'semver'],
  ['2026.5.1', 'semver'],
  ['17.0.1.2.3', 'odoo'],
  ['14.0.1.0.0+2', 'odoo'],
  ['1.0.0.5', 'four-part'],
  ['1.0', 'four-part'],
  ['17.0.1.0', 'four-part'],
  ['2026-05-01', 'date'],
  ['2026.05.01', 'date'],
  ['20260501', 'date'],
  ['2026-05-01.2', 'date'],
  ['2024-02-29', 'date']
]

test('detects the version order', () => {
  for (const [version, order] of DETECTED) assert.equal(detectOrder(version), order, version)
})

const NOT_VERSIONS = [
  '',
  'v1',
  '1',
  '1.',
  '.1',
  '1.2.3-',
  '1.2.3-01',
  '1.2.3+',
  '1.2.3.4.5',
  '1..2',
  '-1.2.3',
  '1.2.3 ',
  ' 1.2.3',
  '1.2.3\n',
  '1,2,3',
  '2026-13-01',
  '2023-02-29',
  '2026-00-10',
  '1969-01-01',
  '١.٢.٣',
  '1.2.3/..',
  '../1.2.3',
  '9999999999.0.0',
  '1e3.0.0',
  '0x1.0.0',
  `1.2.${'3'.repeat(80)}`,
  '1.2.3-ä',
  '17.1.1.2.3',
  '007.1.2.3'
]

test('refuses what is no version', () => {
  for (const text of NOT_VERSIONS) {
    assert.throws(() => detectOrder(text), { code: 'VERSION_INVALID' }, JSON.stringify(text))
  }
})

/** Each list from oldest to newest. */
const ORDERS: [VersionOrder, string[]][] = [
  // the example of semver 11.4, with more around it
  [
    'semver',
    [
      '0.9.9',
      '1.0.0-0',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.0+1',
      '1.0.0+2',
      '1.0.0+10',
      '1.0.1',
      '1.2.0',
      '1.10.0',
      '2.0.0'
    ]
  ],
  [
    'odoo',
    [
      '9.0.1.0.0',
      '16.0.9.9.9',
      '17.0.1.0',
      '17.0.1.0.1',
      '17.0.1.2.3',
      '17.0.1.2.3+1',
      '17.0.1.10.0',
      '17.0.2.0.0',
      '18.0.0.0.1'
    ]
  ],
  ['four-part', ['0.0.0.1', '1.0', '1.0.0.5', '1.0.0.10', '1.0.1', '1.0.1.0+1', '2.0', '10.0']],
  ['date', ['2025-12-31', '20260101', '2026-01-01.1', '2026-01-01.10', '2026.01.02', '2026-01-10']]
]

test('orders versions', () => {
  for (const [order, versions] of ORDERS) {
    for (const [i, a] of versions.entries()) {
      for (const [j, b] of versions.entries()) {
        assert.equal(compareVersions(order, a, b), Math.sign(i - j), `${order}: ${a} and ${b}`)
      }
    }
  }
})

test('any two versions compare the same from both sides, and three are never in a circle', () => {
  const part = fc.nat({ max: 30 }).map(String)
  const version = fc
    .tuple(
      fc.array(part, { minLength: 3, maxLength: 3 }),
      fc.constantFrom('', '-a', '-1', '-a.1', '+1', '+2')
    )
    .map(([numbers, suffix]) => numbers.join('.') + suffix)
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const compare = (x: string, y: string): number => compareVersions('semver', x, y)
      assert.equal(compare(a, b) + compare(b, a), 0)
      if (compare(a, b) <= 0 && compare(b, c) <= 0) assert.ok(compare(a, c) <= 0)
    })
  )
})

test('raises the build number', () => {
  assert.equal(nextBuild('odoo', '17.0.1.0.0'), '17.0.1.0.0+1')
  assert.equal(nextBuild('semver', '1.2.3-rc.1+9'), '1.2.3-rc.1+10')
  assert.throws(() => nextBuild('semver', '1.2.3+abc'), { code: 'VERSION_INVALID' })
})

const RANGES: [VersionOrder, range: string, inside: string[], outside: string[]][] = [
  ['semver', '*', ['0.0.0', '9.9.9-a'], []],
  ['semver', '1.2.3', ['1.2.3'], ['1.2.4', '1.2.3-a']],
  ['semver', '>=1.2.0 <2.0.0', ['1.2.0', '1.9.9'], ['1.1.9', '2.0.0']],
  ['semver', '>=1.2 <2', ['1.2.0', '1.9.9'], ['1.1.9', '2.0.0']],
  ['semver', '^1.2.3', ['1.2.3', '1.9.0'], ['2.0.0', '1.2.2']],
  ['semver', '^0.2.3', ['0.2.9'], ['0.3.0']],
  ['semver', '^0.0.3', ['0.0.3'], ['0.0.4']],
  ['semver', '~1.2.3', ['1.2.9'], ['1.3.0']],
  ['semver', '<1.0.0 || >=2.0.0', ['0.9.0', '2.0.0'], ['1.5.0']],
  ['odoo', '^17.0.1.2.3', ['17.0.1.9.0'], ['17.0.2.0.0', '18.0.1.2.3']],
  ['odoo', '~17.0.1.2.3', ['17.0.1.2.9'], ['17.0.1.3.0', '18.0.1.2.3']],
  ['four-part', '>1.0.0.5', ['1.0.0.6'], ['1.0.0.5']],
  ['date', '>=2026-01-01', ['20260101', '2026-05-01'], ['2025-12-31']]
]

test('holds versions against ranges', () => {
  for (const [order, range, inside, outside] of RANGES) {
    for (const version of inside)
      assert.equal(satisfies(order, version, range), true, `${version} in ${range}`)
    for (const version of outside)
      assert.equal(satisfies(order, version, range), false, `${version} not in ${range}`)
  }
})

test('refuses what is no range', () => {
  for (const range of ['', ' ', '>', '>=', '1.x', '>= 1.2.3', '||', '1.2.3 ||', `>=${'1'.repeat(300)}`]) {
    assert.throws(() => satisfies('semver', '1.0.0', range), { code: 'VERSION_RANGE_INVALID' }, range)
  }
})

test('a text is a version of an order or not, and never anything else', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      for (const order of ['semver', 'odoo', 'four-part', 'date'] as const) {
        assert.equal(typeof isVersion(order, text), 'boolean')
      }
    })
  )
})
