import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LinkPause } from '../../src/member/link-pause.ts'
import { LinkPolicy } from '../../src/member/link-policy.ts'
import { linksSchema } from '../../src/member/links-config.ts'
import type { LinkClass } from '../../src/net/peer.ts'
import type { StateStore } from '../../src/system/state.ts'

// noon of the machine, whatever its time zone
const NOON = new Date(2026, 0, 15, 12).getTime()
const HOUR = 3_600_000 // ms
const none = Number.POSITIVE_INFINITY

interface Row {
  name: string
  links?: object
  linkClass?: LinkClass
  used?: number
  pause?: { since: number; until: number | null }
  down?: number
  up?: number
  why?: { by: string; until: number | null }
}

const evening = { hours: '20:00-07:00' }
const rows: Row[] = [
  { name: 'no limits' },
  { name: 'a rate', links: { internet: { down: '2 Mbit/s' } }, down: 250_000 },
  { name: 'a metered link', linkClass: 'metered', why: { by: 'metered', until: null } },
  {
    name: 'outside the hours, with a rate for what is critical',
    links: { internet: { ...evening, up: '8 kbit/s' } },
    up: 1000,
    why: { by: 'hours', until: NOON + 8 * HOUR }
  },
  { name: 'outside the hours, on the LAN', links: { internet: evening }, linkClass: 'lan' },
  {
    name: 'a cap that is used up',
    links: { internet: { 'monthly-cap': '1 KiB' } },
    used: 1024,
    why: { by: 'monthly-cap', until: Date.UTC(2026, 1) }
  },
  { name: 'a cap that is not used up', links: { internet: { 'monthly-cap': '1 KiB' } }, used: 1023 },
  {
    name: 'a cap, on the LAN',
    links: { internet: { 'monthly-cap': '1 KiB' } },
    used: 1024,
    linkClass: 'lan'
  },
  {
    name: 'a rate of the hour, for the direction that it names',
    links: {
      internet: {
        down: '8 Mbit/s',
        up: '8 Mbit/s',
        rates: [
          { hours: '18:00-08:00', down: '80 Mbit/s' },
          { hours: '08:00-18:00', down: '800 kbit/s' },
          { hours: '10:00-14:00', up: '8 kbit/s' }
        ]
      }
    },
    down: 100_000,
    up: 1_000_000
  },
  {
    name: 'a rate of the hour, on the LAN',
    links: { lan: { rates: [{ hours: ['mon-fri 08:00-18:00'], up: '8 kbit/s' }] } },
    linkClass: 'lan',
    up: 1000
  },
  {
    name: 'a pause by command, which is told before all else',
    links: { internet: evening },
    pause: { since: 0, until: NOON + HOUR },
    why: { by: 'operator', until: NOON + HOUR }
  },
  {
    name: 'a pause by command holds the LAN too',
    linkClass: 'lan',
    pause: { since: 0, until: null },
    why: { by: 'operator', until: null }
  }
]

for (const { name, links = {}, linkClass = 'internet', used = 0, pause = null, ...is } of rows) {
  test(`what a link may carry: ${name}`, () => {
    const config = linksSchema.parse(links)
    const policy = new LinkPolicy({ links: () => config, usedThisMonth: () => used, paused: () => pause })
    const { down = none, up = none, why = null } = is
    assert.deepEqual(policy.whyPaused(linkClass, NOON), why)
    assert.deepEqual(policy.rates(linkClass, NOON), { down, up, isPaused: why !== null })
    assert.equal(policy.areAllPaused([linkClass], NOON), why !== null)
    assert.equal(policy.areAllPaused([], NOON), false, 'with nobody there nothing is paused')
  })
}

test('a pause outlives the program, and ends by itself or by command', async () => {
  const saved: Record<string, unknown> = {}
  const state: Partial<StateStore> = {
    get: async (key) => saved[key],
    put: async (changes) => void Object.assign(saved, changes)
  }
  const pause = { since: NOON, until: NOON + HOUR }
  await new LinkPause(state as StateStore).begin(pause)
  const again = new LinkPause(state as StateStore)
  await again.open()
  assert.deepEqual(again.at(NOON), pause)
  assert.equal(again.at(NOON + HOUR), null)
  assert.deepEqual(again.at(NOON - HOUR), pause, 'a clock that is set back a little')
  assert.equal(again.at(NOON - 48 * HOUR), null, 'it was made by a clock that was wrong')
  await again.end()
  assert.equal(again.at(NOON), null)
  assert.deepEqual(saved, { 'links-pause': null })
})
