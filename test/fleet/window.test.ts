import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decideTiming, type TimingQuestion } from '../../src/fleet/timing.ts'
import { isOpen, nextOpening, parseMissedPolicy, parseWindows } from '../../src/fleet/window.ts'

const at = (text: string) => Date.parse(text)

describe('windows', () => {
  const rows: { window: string; zone: string; time: string; open: boolean; why: string }[] = [
    {
      window: '02:00-06:00',
      zone: 'UTC',
      time: '2026-01-05T02:00:00Z',
      open: true,
      why: 'opens on the minute'
    },
    {
      window: '02:00-06:00',
      zone: 'UTC',
      time: '2026-01-05T05:59:59Z',
      open: true,
      why: 'until the last second'
    },
    {
      window: '02:00-06:00',
      zone: 'UTC',
      time: '2026-01-05T06:00:00Z',
      open: false,
      why: 'the end is outside'
    },
    { window: '22:00-05:00', zone: 'UTC', time: '2026-01-05T23:30:00Z', open: true, why: 'before midnight' },
    { window: '22:00-05:00', zone: 'UTC', time: '2026-01-05T04:30:00Z', open: true, why: 'after midnight' },
    {
      window: 'fri 22:00-05:00',
      zone: 'UTC',
      time: '2026-01-10T04:30:00Z',
      open: true,
      why: 'Saturday morning belongs to Friday'
    },
    {
      window: 'fri 22:00-05:00',
      zone: 'UTC',
      time: '2026-01-09T04:30:00Z',
      open: false,
      why: 'Friday morning belongs to Thursday'
    },
    {
      window: 'mon-fri 08:00-18:00',
      zone: 'UTC',
      time: '2026-01-10T12:00:00Z',
      open: false,
      why: 'Saturday'
    },
    {
      window: 'sat,sun 00:00-24:00',
      zone: 'UTC',
      time: '2026-01-10T23:59:00Z',
      open: true,
      why: 'a whole day'
    },
    {
      window: 'sat-mon 00:00-24:00',
      zone: 'UTC',
      time: '2026-01-12T12:00:00Z',
      open: true,
      why: 'days go round the week'
    },
    {
      window: '02:00-06:00',
      zone: 'America/Lima',
      time: '2026-01-05T08:00:00Z',
      open: true,
      why: 'three in Lima'
    },
    {
      window: '02:00-06:00',
      zone: 'Asia/Kolkata',
      time: '2026-01-04T20:45:00Z',
      open: true,
      why: 'half-hour zones'
    },
    {
      window: '02:00-03:00',
      zone: 'Europe/Berlin',
      time: '2026-10-25T00:30:00Z',
      open: true,
      why: 'the hour that comes twice, first'
    },
    {
      window: '02:00-03:00',
      zone: 'Europe/Berlin',
      time: '2026-10-25T01:30:00Z',
      open: true,
      why: 'the hour that comes twice, second'
    },
    {
      window: '02:00-03:00',
      zone: 'Europe/Berlin',
      time: '2026-03-29T01:00:00Z',
      open: false,
      why: 'the hour that is skipped'
    }
  ]
  for (const { window, zone, time, open, why } of rows) {
    test(`${window} in ${zone} at ${time}: ${why}`, () => {
      assert.equal(isOpen(parseWindows([window]), at(time), zone), open)
    })
  }

  test('no window is always open', () => assert.equal(isOpen(undefined, 0), true))

  test('says when it next opens, over a day that is skipped', () => {
    const windows = parseWindows(['mon-fri 02:00-06:00'])
    assert.equal(nextOpening(windows, at('2026-01-09T07:00:00Z'), 'UTC'), at('2026-01-12T02:00:00Z'))
  })

  test('a window inside the hour that a spring day skips opens the day after', () => {
    const windows = parseWindows(['02:10-02:50'])
    const next = nextOpening(windows, at('2026-03-28T12:00:00Z'), 'Europe/Berlin')
    assert.equal(next, at('2026-03-30T00:10:00Z'))
  })

  for (const bad of [
    '2:00-6:00',
    '25:00-26:00',
    '02:00-02:00',
    '02:60-03:00',
    'someday 02:00-03:00',
    'mon- 02:00-03:00',
    ''
  ]) {
    test(`refuses "${bad}"`, () => assert.throws(() => parseWindows([bad]), /expected a window/))
  }

  test('policies for missed windows', () => {
    assert.deepEqual(parseMissedPolicy('after 3 days'), { kind: 'after', days: 3 })
    assert.equal(parseMissedPolicy('after 0 days'), undefined)
    assert.equal(parseMissedPolicy('whenever'), undefined)
  })
})

describe('timing', () => {
  const base: TimingQuestion = {
    windows: parseWindows(['02:00-06:00']),
    timeZone: 'UTC',
    missed: { kind: 'at-boot' },
    now: at('2026-01-05T09:00:00Z'),
    timeFloor: at('2026-01-01T00:00:00Z'),
    availableSince: at('2026-01-04T12:00:00Z'),
    off: [{ from: at('2026-01-04T20:00:00Z'), to: at('2026-01-05T08:59:00Z') }],
    isForced: false
  }
  const rows: { name: string; change: Partial<TimingQuestion>; when: string; why: string }[] = [
    { name: 'off all night: at boot', change: {}, when: 'now', why: 'missed' },
    { name: 'off all night: ask', change: { missed: { kind: 'ask' } }, when: 'ask', why: 'missed' },
    {
      name: 'off all night: not yet after N days',
      change: { missed: { kind: 'after', days: 3 } },
      when: 'later',
      why: 'closed'
    },
    {
      name: 'off for nights: after N days',
      change: { missed: { kind: 'after', days: 3 }, availableSince: at('2026-01-01T12:00:00Z') },
      when: 'now',
      why: 'missed'
    },
    {
      name: 'it came after the window',
      change: { availableSince: at('2026-01-05T07:00:00Z') },
      when: 'later',
      why: 'closed'
    },
    { name: 'on all night', change: { off: [] }, when: 'later', why: 'closed' },
    {
      name: 'started again in the morning, after a night in which it ran',
      change: { off: [{ from: at('2026-01-05T08:58:00Z'), to: at('2026-01-05T08:59:00Z') }] },
      when: 'later',
      why: 'closed'
    },
    {
      name: 'off all night, and started once more since',
      change: {
        off: [
          { from: at('2026-01-04T20:00:00Z'), to: at('2026-01-05T08:30:00Z') },
          { from: at('2026-01-05T08:58:00Z'), to: at('2026-01-05T08:59:00Z') }
        ]
      },
      when: 'now',
      why: 'missed'
    },
    { name: 'in the window', change: { now: at('2026-01-05T03:00:00Z') }, when: 'now', why: 'open' },
    {
      name: 'a clock behind the floor is not believed',
      change: { timeFloor: at('2026-02-01T00:00:00Z') },
      when: 'later',
      why: 'clock-behind'
    },
    {
      name: 'an operator asks for it',
      change: { timeFloor: at('2026-02-01T00:00:00Z'), isForced: true },
      when: 'now',
      why: 'forced'
    },
    { name: 'no window', change: { windows: undefined }, when: 'now', why: 'no-window' }
  ]
  for (const { name, change, when, why } of rows) {
    test(name, () => {
      const found = decideTiming({ ...base, ...change })
      assert.deepEqual([found.when, found.why], [when, why])
    })
  }
})
