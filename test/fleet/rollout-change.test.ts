// What a rollout leaves for those whom it does not reach, and that its phases stand still while it stands.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeChannels, type Pointer, parseChannels, type Rollout } from '../../src/fleet/channels.ts'
import { percentageAt } from '../../src/fleet/rollout.ts'
import { changeRollout, earlierVersion } from '../../src/fleet/rollout-change.ts'

const HOUR = 3_600_000
const START = Date.parse('2026-03-01T00:00:00Z')
const BASE: Rollout = { round: 0, status: 'active', started: '2026-03-01T00:00:00Z', from: '1.0.0' }
const PHASES = [
  { percentage: 5, soak: 24 },
  { percentage: 50, soak: 24 },
  { percentage: 100, soak: 0 }
]
const staged = (change: Partial<Rollout>, version = '3.0.0'): Pointer => ({
  version,
  rollout: { ...BASE, ...change }
})

describe('what those run whom a new rollout does not reach yet', () => {
  const NEXT = { version: '4.0.0', previous: '3.0.0' }
  const earlier = (before: Pointer | null, yanked: string[] = []) => {
    const isYanked = (version: string) => yanked.includes(version)
    return earlierVersion(before, { release: NEXT, isYanked, now: START + 100 * HOUR })
  }
  const cases: [what: string, before: Pointer | null, expected: string | null][] = [
    ['nothing was there', null, null],
    ['everybody had it at once', { version: '3.0.0' }, '3.0.0'],
    ['it has reached everybody', staged({ percentage: 100 }), '3.0.0'],
    ['its phases have reached everybody', staged({ phases: PHASES }), '3.0.0'],
    ['it has no limit', staged({ haltAfter: { failures: 1, percentage: 0 } }), '3.0.0'],
    ['everybody, and some named', staged({ branches: ['norte'], percentage: 100 }), '3.0.0'],
    ['groups that are none', staged({ groups: [] }), '3.0.0'],
    ['half of the fleet', staged({ percentage: 50 }), '1.0.0'],
    ['its phases are on their way', staged({ phases: [{ percentage: 5, soak: 1000 }] }), '1.0.0'],
    ['the whole of a group', staged({ groups: ['pilot'], percentage: 100 }), '1.0.0'],
    ['named branches only', staged({ branches: ['norte'] }), '1.0.0'],
    ['it was paused at the end', staged({ status: 'paused', percentage: 100 }), '1.0.0'],
    ['it was halted', staged({ status: 'halted', percentage: 100 }), '1.0.0'],
    ['the same release, which everybody had at once', { version: '4.0.0' }, '3.0.0'],
    ['the same release, which had reached everybody', staged({ percentage: 100 }, '4.0.0'), '1.0.0']
  ]
  for (const [what, before, expected] of cases) {
    it(`${expected}: ${what}`, () => assert.equal(earlier(before), expected))
  }

  it('is nothing that was withdrawn', () => {
    const reached = staged({ percentage: 100 })
    assert.equal(earlier(reached, ['3.0.0']), '1.0.0')
    assert.equal(earlier(reached, ['1.0.0', '3.0.0']), null)
    assert.equal(earlier({ version: '3.0.0' }, ['3.0.0']), null)
  })
})

describe('a rollout in phases that stands', () => {
  const reached = (rollout: Rollout, hour: number) => percentageAt(rollout, START + hour * HOUR)
  const change = (rollout: Rollout, action: 'pause' | 'resume' | 'halt', hour: number) =>
    changeRollout(rollout, action, START + hour * HOUR)

  for (const action of ['pause', 'halt'] as const) {
    it(`soaks nothing after a ${action}, and goes on from there when it is resumed`, () => {
      const stopped = change({ ...BASE, phases: PHASES }, action, 2)
      assert.equal(reached(stopped, 73), 5)
      const resumed = change(stopped, 'resume', 74)
      assert.deepEqual(
        [74, 95, 96, 119, 120].map((hour) => reached(resumed, hour)),
        [5, 5, 50, 50, 100]
      )
      assert.deepEqual([resumed.status, resumed.round, resumed.stopped], ['active', 1, undefined])
    })
  }

  it('stands since the first of several stops', () => {
    const twice = change(change({ ...BASE, phases: PHASES }, 'pause', 2), 'halt', 50)
    assert.equal(reached(change(twice, 'resume', 74), 74), 5)
  })

  it('is not moved by a resume of what was not stopped', () => {
    assert.equal(change({ ...BASE, phases: PHASES }, 'resume', 30).started, BASE.started)
  })

  it('keeps the moment of its stop through the bytes of channels.json', () => {
    const rollout = change({ ...BASE, phases: PHASES }, 'pause', 2)
    const channels = { stable: { shop: { default: { version: '2.0.0', rollout } } } }
    const file = { schema: 1 as const, channels, yanked: {}, downgrades: [] }
    assert.deepEqual(parseChannels(encodeChannels(file)), file)
  })
})
