import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkNext } from '../../src/release/next.ts'
import { choosePacks, keyframeDue, newestRelease, planPacks } from '../../src/release/plan.ts'
import {
  checkRelease,
  encodeRelease,
  parseRelease,
  type Release,
  releasePath
} from '../../src/release/release.ts'
import { cheapestPath } from '../../src/release/route.ts'

const hash = (text: string) => Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64)

function release(
  version: string,
  packs: Record<string, number> = { full: 1000 },
  more: object = {}
): Release {
  return checkRelease({
    schema: 1,
    module: 'pos_base',
    track: 'default',
    version,
    order: 'semver',
    created: '2026-01-02T03:04:05Z',
    severity: 'normal',
    kind: 'directory',
    files: { root: hash(version), count: 1, bytes: 10 },
    packs: Object.entries(packs).map(([base, bytes]) =>
      base === 'full'
        ? { sha256: hash(`${version}f`), bytes, kind: 'full' }
        : { sha256: hash(`${version}${base}`), bytes, kind: 'delta', base }
    ),
    ...more
  })
}

test('writes sorted JSON that reads back, with fields it does not know', () => {
  const made = release('1.0.0', { full: 5 }, { notes: '# New\n"quotes" ñ', zebra: { b: 1, a: [2] } })
  const text = Buffer.from(encodeRelease(made)).toString()
  assert.deepEqual(parseRelease(Buffer.from(text)), made)
  assert.ok(text.startsWith('{"created":"2026-01-02T03:04:05Z","files":{"bytes":10,"count":1,"root":"'))
  assert.ok(text.endsWith('"zebra":{"a":[2],"b":1}}'))
  assert.equal(releasePath('pos_base', 'default', '1.0.0'), 'releases/pos_base/default/1.0.0/release.json')
})

const BAD: [what: string, change: object][] = [
  ['schema 2', { schema: 2 }],
  ['module that escapes', { module: '../x' }],
  ['module with dots in a row', { module: 'a..b' }],
  ['track that escapes', { track: '..' }],
  ['version of another order', { version: '17.0.1.2.3' }],
  ['version that escapes', { version: '1.0.0/..' }],
  ['time with a fraction', { created: '2026-01-02T03:04:05.5Z' }],
  ['time with an offset', { created: '2026-01-02T03:04:05+01:00' }],
  ['no such day', { created: '2026-02-30T03:04:05Z' }],
  ['unknown severity', { severity: 'low' }],
  ['unknown kind', { kind: 'tree' }],
  ['short root', { files: { root: 'ab', count: 1, bytes: 1 } }],
  ['negative count', { files: { root: hash('r'), count: -1, bytes: 1 } }],
  ['too many files', { files: { root: hash('r'), count: 1e7, bytes: 1 } }],
  ['fraction of a byte', { files: { root: hash('r'), count: 1, bytes: 0.5 } }],
  ['unsafe number', { files: { root: hash('r'), count: 1, bytes: 2 ** 60 } }],
  ['no packs', { packs: [] }],
  ['delta without base', { packs: [{ sha256: hash('p'), bytes: 1, kind: 'delta' }] }],
  ['full with base', { packs: [{ sha256: hash('p'), bytes: 1, kind: 'full', base: '0.9.0' }] }],
  ['delta on itself', { packs: [{ sha256: hash('p'), bytes: 1, kind: 'delta', base: '1.0.0' }] }],
  ['two full packs', { packs: [1, 2].map(() => ({ sha256: hash('p'), bytes: 1, kind: 'full' })) }],
  ['requires a bad name', { requires: { '../x': '*' } }],
  ['steps with a command line', { steps: ['rm -rf /'] }],
  ['step that is no name', { steps: ['../x'] }],
  ['stepping stone of another order', { after: '2026-01-01' }],
  ['notes without end', { notes: 'x'.repeat(70_000) }]
]

test('refuses releases that break the format', () => {
  for (const [what, change] of BAD) {
    const json = { ...JSON.parse(Buffer.from(encodeRelease(release('1.0.0'))).toString()), ...change }
    assert.throws(() => parseRelease(Buffer.from(JSON.stringify(json))), { code: 'RELEASE_INVALID' }, what)
  }
  for (const text of ['', '[]', 'null', '{', '{"a":'.repeat(10_000), ' '.repeat(2_000_000), '\xff']) {
    assert.throws(
      () => parseRelease(Buffer.from(text, 'latin1')),
      { code: 'RELEASE_INVALID' },
      text.slice(0, 20)
    )
  }
})

const CHAIN = [
  release('1.0.0', { full: 100_000 }),
  release('1.1.0', { '1.0.0': 10_000 }),
  release('1.2.0', { '1.1.0': 10_000, '1.0.0': 15_000 }),
  release('1.3.0', { '1.2.0': 30_000, full: 120_000 }),
  release('1.4.0', { '1.3.0': 1_000 })
]

const ROUTES: [have: string | null, want: string, path: string[] | null, bytes: number][] = [
  ['1.4.0', '1.4.0', [], 0],
  [null, '1.0.0', ['1.0.0'], 100_000],
  ['1.0.0', '1.2.0', ['1.2.0'], 15_000],
  ['1.0.0', '1.4.0', ['1.2.0', '1.3.0', '1.4.0'], 46_000],
  ['1.3.0', '1.4.0', ['1.4.0'], 1_000],
  [null, '1.4.0', ['1.3.0', '1.4.0'], 121_000],
  ['1.4.0', '1.0.0', ['1.0.0'], 100_000],
  ['0.9.0', '1.1.0', ['1.0.0', '1.1.0'], 110_000],
  [null, '9.9.9', null, 0]
]

test('finds the cheapest path through keyframes and deltas', () => {
  for (const [have, want, path, bytes] of ROUTES) {
    const found = cheapestPath({ releases: CHAIN, have, want })
    assert.deepEqual(found?.steps.map((step) => step.version) ?? null, path, `${have} → ${want}`)
    if (found !== null) assert.equal(found.bytes, bytes)
  }
})

test('prefers packs that are here already', () => {
  const here = new Set([CHAIN[0]?.packs[0]?.sha256, CHAIN[1]?.packs[0]?.sha256, CHAIN[2]?.packs[0]?.sha256])
  const cost = (pack: { sha256: string; bytes: number }) => (here.has(pack.sha256) ? 0 : pack.bytes)
  const found = cheapestPath({ releases: CHAIN, have: null, want: '1.2.0', cost })
  assert.deepEqual([found?.steps.map((step) => step.version), found?.bytes], [['1.0.0', '1.1.0', '1.2.0'], 0])
})

test('plans deltas from the previous release and from what a channel points at', () => {
  assert.deepEqual(planPacks([], []), { deltasFrom: [], keyframe: true })
  assert.deepEqual(planPacks(CHAIN, ['1.0.0', '1.4.0', '1.2.0', '7.7.7', '1.0.0']), {
    deltasFrom: ['1.4.0', '1.2.0', '1.0.0'],
    keyframe: false
  })
  assert.equal(newestRelease(CHAIN.toReversed())?.version, '1.4.0')
})

test('a new keyframe is due when the chain costs more than half a keyframe', () => {
  const chain = CHAIN.slice(0, 3)
  assert.equal(keyframeDue(chain, 34_000), false)
  assert.equal(keyframeDue(chain, 41_000), true)
  assert.equal(keyframeDue(CHAIN, 1_000), false)
  assert.equal(keyframeDue([], 1), true)
  const orphan = [release('1.1.0', { '1.0.0': 10 })]
  assert.equal(planPacks(orphan, []).keyframe, true)
})

test('keeps only deltas that are smaller than the full pack beside them', () => {
  const { packs } = release('2.0.0', { full: 100, '1.0.0': 100, '1.1.0': 99 })
  assert.deepEqual(
    choosePacks(packs).map((pack) => pack.bytes),
    [100, 99]
  )
})

const root = hash('new')
const NEXT: [what: string, version: string, outcome: string][] = [
  ['higher', '1.5.0', 'new'],
  ['same version', '1.4.0', 'VERSION_EXISTS'],
  ['an older version that exists', '1.2.0', 'VERSION_EXISTS'],
  ['lower', '1.3.5', 'VERSION_LOWER'],
  ['pre-release of the last', '1.4.0-rc.1', 'VERSION_LOWER'],
  ['another order', '17.0.1.2.3', 'VERSION_ORDER_CHANGED'],
  ['no version', 'latest', 'VERSION_ORDER_CHANGED']
]

test('says whether a version may follow', () => {
  for (const [what, version, outcome] of NEXT) {
    const run = () => checkNext(CHAIN, { module: 'm', version, root })
    if (outcome === 'new') assert.equal(run().outcome, 'new', what)
    else assert.throws(run, { code: outcome }, what)
  }
  const first = checkNext([], { module: 'm', version: '17.0.1.0', root, order: 'odoo' })
  assert.deepEqual(first, { outcome: 'new', version: '17.0.1.0', order: 'odoo', previous: null })
  assert.throws(() => checkNext([], { module: 'm', version: 'x', root }), { code: 'VERSION_INVALID' })
})

test('the same content under the same version is nothing to do', () => {
  const same = { module: 'm', version: '1.4.0', root: hash('1.4.0') }
  assert.equal(checkNext(CHAIN, same).outcome, 'unchanged')
})

test('changed content under the same version becomes the next build when that is allowed', () => {
  const options = { allowSameVersion: true }
  const next = checkNext(CHAIN, { module: 'm', version: '1.4.0', root }, options)
  assert.equal(next.outcome === 'new' && next.version, '1.4.0+1')
  const rebuilt = [...CHAIN, release('1.4.0+1')]
  const again = checkNext(rebuilt, { module: 'm', version: '1.4.0', root }, options)
  assert.equal(again.outcome === 'new' && again.version, '1.4.0+2')
  const unchanged = checkNext(rebuilt, { module: 'm', version: '1.4.0', root: hash('1.4.0+1') }, options)
  assert.equal(unchanged.outcome, 'unchanged')
  assert.throws(() => checkNext(rebuilt, { module: 'm', version: '1.3.0', root }, options), {
    code: 'VERSION_EXISTS'
  })
})
