import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  emptyChannels,
  encodeChannels,
  mergeYanks,
  parseChannels,
  pointerOf,
  type Rollout,
  tracksOf,
  withPointer,
  withYank,
  yankOf
} from '../../src/fleet/channels.ts'
import { cohortOf, haltVerdict, percentageAt, reachOf } from '../../src/fleet/rollout.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const BASE: Rollout = { round: 0, status: 'active', started: '2026-03-01T00:00:00Z', from: '1.0.0' }
const RELEASE = { module: 'pos', track: 'default', version: '2.0.0' }

function bytes(change: (raw: Record<string, unknown>) => void): Uint8Array {
  const raw = structuredClone(emptyChannels()) as Record<string, unknown>
  change(raw)
  return Buffer.from(JSON.stringify(raw))
}

describe('channels.json', () => {
  it('keeps pointers, rollouts and yanks through its bytes', () => {
    const at = { channel: 'stable', module: 'pos', track: '17.0' }
    const pointed = withPointer(emptyChannels(), at, {
      version: '17.0.1.0.0',
      rollout: { ...BASE, percentage: 12.5 }
    })
    const yanked = withYank(
      pointed,
      { module: 'pos', track: '17.0', version: '17.0.0.9.0' },
      {
        at: '2026-03-01T00:00:00Z',
        reason: 'loses\nsales'
      }
    )
    const read = parseChannels(encodeChannels(yanked))
    assert.deepEqual(read, yanked)
    assert.equal(pointerOf(read, 'stable', 'pos', '17.0')?.version, '17.0.1.0.0')
    assert.equal(yankOf(read.yanked, 'pos', '17.0', '17.0.0.9.0')?.reason, 'loses\nsales')
    assert.deepEqual(tracksOf(read, 'stable', 'pos'), ['17.0'])
  })

  it('answers null for names that are not there, also for those that every object has', () => {
    for (const name of ['pos', 'constructor', 'toString', '__proto__']) {
      assert.equal(pointerOf(emptyChannels(), name, name, name), null)
      assert.equal(yankOf({}, name, name, name), null)
      assert.deepEqual(tracksOf(emptyChannels(), name, name), [])
    }
  })

  it('ignores fields that a later version added', () => {
    const read = parseChannels(bytes((raw) => Object.assign(raw, { later: { anything: 1 } })))
    assert.deepEqual(read, emptyChannels())
  })

  const bad: [what: string, Uint8Array][] = [
    ['no JSON', Buffer.from('{')],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a later schema', bytes((raw) => Object.assign(raw, { schema: 2 }))],
    [
      'a module that cannot be one',
      bytes((raw) => Object.assign(raw, { channels: { stable: { 'A B': {} } } }))
    ],
    [
      'a pointer without a version',
      bytes((raw) => Object.assign(raw, { channels: { stable: { a: { t: {} } } } }))
    ],
    [
      'a date that does not exist',
      bytes((raw) =>
        Object.assign(raw, { yanked: { a: { t: { '1': { at: '2026-02-30T00:00:00Z', reason: '' } } } } })
      )
    ],
    [
      'more than 100 percent',
      bytes((raw) =>
        Object.assign(raw, {
          channels: { s: { a: { t: { version: '1', rollout: { ...BASE, percentage: 101 } } } } }
        })
      )
    ],
    ['downgrades that are no list', bytes((raw) => Object.assign(raw, { downgrades: {} }))]
  ]
  for (const [what, given] of bad) {
    it(`refuses ${what}`, () => assert.throws(() => parseChannels(given), { code: 'CHANNELS_INVALID' }))
  }

  it('only ever grows what is withdrawn', () => {
    const one = { pos: { t: { '1.0.0': { at: '2026-01-01T00:00:00Z', reason: 'first' } } } }
    const other = {
      pos: {
        t: {
          '1.0.0': { at: '2027-01-01T00:00:00Z', reason: 'later' },
          '1.1.0': { at: '2027-01-01T00:00:00Z', reason: 'x' }
        }
      }
    }
    const merged = mergeYanks(one, other)
    assert.equal(yankOf(merged, 'pos', 't', '1.0.0')?.reason, 'first')
    assert.equal(yankOf(merged, 'pos', 't', '1.1.0')?.reason, 'x')
    assert.deepEqual(mergeYanks(merged, {}), merged)
    assert.deepEqual(Object.keys(one.pos.t), ['1.0.0'], 'the given one is not changed')
  })
})

describe('rollouts', () => {
  const branch = { node: 'ab'.repeat(32), name: 'norte', groups: ['pilot'] }

  it('spreads branches evenly and gives a branch the same place every time', () => {
    const reached = Array.from({ length: 2000 }, (_, i) => cohortOf(String(i), RELEASE)).filter(
      (n) => n < 1000
    )
    assert.ok(reached.length > 150 && reached.length < 250, `${reached.length} of 2000 in the first tenth`)
    assert.equal(cohortOf(branch.node, RELEASE), cohortOf(branch.node, RELEASE))
    assert.notEqual(cohortOf(branch.node, RELEASE), cohortOf(branch.node, { ...RELEASE, version: '2.0.1' }))
  })

  const cases: [what: string, Partial<Rollout> | undefined, expected: string][] = [
    ['no rollout', undefined, 'reached'],
    ['no limit', {}, 'reached'],
    ['0 percent', { percentage: 0 }, 'later'],
    ['100 percent', { percentage: 100 }, 'reached'],
    ['its group', { groups: ['pilot'] }, 'reached'],
    ['another group', { groups: ['coast'] }, 'later'],
    ['0 percent of its group', { groups: ['pilot'], percentage: 0 }, 'later'],
    ['its name', { branches: ['norte'] }, 'reached'],
    ['its node id', { branches: [branch.node] }, 'reached'],
    ['another name', { branches: ['sur'] }, 'later'],
    ['another name and 100 percent of the rest', { branches: ['sur'], percentage: 100 }, 'reached'],
    ['its name, whatever the percentage', { branches: ['norte'], percentage: 0 }, 'reached'],
    ['paused', { status: 'paused', percentage: 100 }, 'paused'],
    ['halted', { status: 'halted', branches: ['norte'] }, 'halted']
  ]
  for (const [what, change, expected] of cases) {
    it(`${expected}: ${what}`, () => {
      const rollout = change === undefined ? undefined : { ...BASE, ...change }
      assert.equal(reachOf(rollout, RELEASE, branch, NOW), expected)
    })
  }

  it('goes from phase to phase after each soak', () => {
    const phases = [
      { percentage: 1, soak: 6 },
      { percentage: 10, soak: 12 },
      { percentage: 100, soak: 0 }
    ]
    const at = (hours: number) =>
      percentageAt({ ...BASE, phases }, Date.parse(BASE.started) + hours * 3_600_000)
    assert.deepEqual([-1, 0, 5.9, 6, 17.9, 18, 1000].map(at), [0, 1, 1, 10, 10, 100, 100])
  })

  it('halts at the signed threshold, counting each invite once and only this round', () => {
    const rollout = { ...BASE, round: 1, haltAfter: { failures: 2, percentage: 50 } }
    const failed = (invite: string, round = 1) => ({ invite, round, failed: true })
    const fine = (invite: string) => ({ invite, round: 1, failed: false })
    const halted = (...outcomes: Parameters<typeof haltVerdict>[1][]) =>
      haltVerdict(
        rollout,
        outcomes.flatMap((one) => [...one])
      ).halted
    assert.equal(halted([failed('a')]), false)
    assert.equal(halted([failed('a'), failed('a')]), false, 'a clone of an invite is one voice')
    assert.equal(halted([failed('a'), failed('b', 0)]), false, 'an earlier round does not count')
    assert.equal(halted([failed('a'), failed('b')]), true)
    assert.equal(halted([failed('a'), failed('b'), fine('c'), fine('d')]), true)
    assert.equal(halted([failed('a'), failed('b'), fine('c'), fine('d'), fine('e')]), false)
    assert.equal(haltVerdict(BASE, [failed('a'), failed('b')]).halted, false, 'no policy, no halt')
  })
})
