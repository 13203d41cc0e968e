import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Channels,
  emptyChannels,
  type Pointer,
  withPointer,
  type Yanks
} from '../../src/fleet/channels.ts'
import { plan } from '../../src/fleet/plan.ts'
import type { PlanApp, PlanInput } from '../../src/fleet/plan-input.ts'
import type { Release } from '../../src/release/release.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')

function release(module: string, version: string, more: Partial<Release> = {}): Release {
  return {
    schema: 1,
    module,
    track: 'default',
    version,
    order: 'semver',
    created: '2026-01-01T00:00:00Z',
    severity: 'normal',
    kind: 'directory',
    files: { root: 'a'.repeat(64), count: 1, bytes: 1 },
    packs: [{ sha256: 'b'.repeat(64), bytes: 100, kind: 'full' }],
    ...more
  }
}

interface Scene {
  releases?: Release[]
  /** module → pointer on stable; a text is a version */
  stable?: Record<string, string | Pointer>
  /** module → version */
  installed?: Record<string, string>
  app?: Partial<PlanApp>
  input?: Partial<PlanInput>
  track?: string
}

function scene(given: Scene): PlanInput {
  const track = given.track ?? 'default'
  const installed = Object.entries(given.installed ?? {})
  let channels: Channels = emptyChannels()
  for (const [module, to] of Object.entries(given.stable ?? {})) {
    const pointer = typeof to === 'string' ? { version: to } : to
    channels = withPointer(channels, { channel: 'stable', module, track }, pointer)
  }
  const app: PlanApp = {
    name: 'shop',
    channel: 'stable',
    modules: ['*'],
    tracks: [],
    auto: 'all',
    window: { text: null, closed: null },
    holds: [],
    platforms: ['linux', 'linux-x64'],
    appVersion: null,
    installed: new Map(installed.map(([module, version]) => [module, { track, version }])),
    floor: () => null,
    declined: () => false,
    provides: () => false,
    ...given.app
  }
  return {
    now: NOW,
    mode: 'automatic',
    branch: { node: 'ab'.repeat(32), name: 'norte', groups: [] },
    entitled: [],
    apps: [app],
    channels,
    yanks: {},
    releases: (module, of) =>
      (given.releases ?? []).filter((one) => one.module === module && one.track === of),
    quarantined: () => false,
    triedTogether: () => false,
    halted: () => null,
    downgradeAllowed: () => false,
    stale: null,
    ...given.input
  }
}

/** `pos 1.0.0>2.0.0` for what runs, `pos 1.0.0>2.0.0 PLAN_HELD` for what does not. */
function outline(input: PlanInput): string[] {
  return plan(input).map((transaction) => {
    const releases = transaction.releases.map((one) => `${one.module} ${one.from ?? '-'}>${one.to}`)
    return releases.join(', ') + (transaction.blocked === null ? '' : ` ${transaction.blocked.code}`)
  })
}

const TWO = [release('pos', '1.0.0'), release('pos', '2.0.0')]
const OLD = { created: '2026-01-02T00:00:00Z' }
const LATE = { created: '2026-02-02T00:00:00Z' }
const STAGED = { round: 0, status: 'active' as const, started: '2026-03-01T00:00:00Z', from: '1.0.0' }
const YANKS: Yanks = { pos: { default: { '2.0.0': { at: '2026-01-01T00:00:00Z', reason: 'loses sales' } } } }

const update: Scene = { releases: TWO, stable: { pos: '2.0.0' }, installed: { pos: '1.0.0' } }

/** Four modules, each at 1.0.0 with 2.0.0 on the channel. */
function four(more: Record<string, Partial<Release>>): Release[] {
  return ['a', 'b', 'c', 'd'].flatMap((module) => [
    release(module, '1.0.0'),
    release(module, '2.0.0', more[module] ?? {})
  ])
}

const FOUR: Scene = {
  releases: four({}),
  stable: { a: '2.0.0', b: '2.0.0', c: '2.0.0', d: '2.0.0' },
  installed: { a: '1.0.0', b: '1.0.0', c: '1.0.0', d: '1.0.0' }
}

function failedTogether(...modules: string[]): PlanInput['triedTogether'] {
  return (_app, { module }) => modules.includes(module)
}

const CLOSED = { code: 'PLAN_WINDOW', reason: 'outside' } as const

const cases: [what: string, scene: Scene, expected: string[]][] = [
  ['installs what the channel points at', { ...update, installed: {} }, ['pos ->2.0.0']],
  ['updates', update, ['pos 1.0.0>2.0.0']],
  ['has nothing to do', { ...update, installed: { pos: '2.0.0' } }, []],
  ['leaves modules of others alone', { ...update, installed: {}, app: { modules: ['web_*'] } }, []],
  ['leaves what is on no channel alone', { ...update, stable: {} }, []],
  [
    'goes on updating what is installed, whatever the patterns say',
    { ...update, app: { modules: [] } },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'does not install what the licence does not name',
    { ...update, input: { entitled: ['web_*'] } },
    ['pos 1.0.0>2.0.0 PLAN_NOT_ENTITLED']
  ],
  ['installs what the licence names', { ...update, input: { entitled: ['p?s'] } }, ['pos 1.0.0>2.0.0']],
  ['respects a hold', { ...update, app: { holds: ['pos'] } }, ['pos 1.0.0>2.0.0 PLAN_HELD']],
  [
    'never applies what was withdrawn',
    { ...update, input: { yanks: YANKS } },
    ['pos 1.0.0>2.0.0 PLAN_YANKED']
  ],
  [
    'does not try again what failed here',
    { ...update, input: { quarantined: () => true } },
    ['pos 1.0.0>2.0.0 PLAN_QUARANTINED']
  ],
  [
    'stops at a halt',
    { ...update, input: { halted: () => 'three branches failed' } },
    ['pos 1.0.0>2.0.0 PLAN_HALTED']
  ],
  [
    'says when the release is not signed',
    { ...update, releases: [] },
    ['pos 1.0.0>2.0.0 PLAN_RELEASE_MISSING']
  ],
  [
    'waits for the window',
    { ...update, app: { window: { text: '02:00-06:00', closed: CLOSED } } },
    ['pos 1.0.0>2.0.0 PLAN_WINDOW']
  ],
  [
    'does not wait when asked for now',
    { ...update, app: { window: { text: 'x', closed: CLOSED } }, input: { mode: 'now' } },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'holds when the news are too old',
    { ...update, input: { stale: 'signed 40 days ago' } },
    ['pos 1.0.0>2.0.0 PLAN_STALE']
  ],
  ['waits for a person', { ...update, app: { auto: 'none' } }, ['pos 1.0.0>2.0.0 PLAN_MANUAL']],
  [
    'applies when a person asks',
    { ...update, app: { auto: 'none' }, input: { mode: 'manual' } },
    ['pos 1.0.0>2.0.0']
  ],
  ['takes critical releases only', { ...update, app: { auto: 'critical' } }, ['pos 1.0.0>2.0.0 PLAN_MANUAL']],
  [
    'takes a critical release',
    {
      ...update,
      releases: [release('pos', '1.0.0'), release('pos', '2.0.0', { severity: 'critical' })],
      app: { auto: 'critical' }
    },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'does not take a major one as minor',
    { ...update, app: { auto: 'minor' } },
    ['pos 1.0.0>2.0.0 PLAN_MANUAL']
  ],
  [
    'takes a minor one',
    {
      releases: [release('pos', '1.0.0'), release('pos', '1.4.0')],
      stable: { pos: '1.4.0' },
      installed: { pos: '1.0.0' },
      app: { auto: 'minor' }
    },
    ['pos 1.0.0>1.4.0']
  ],
  [
    'knows where the major number of Odoo versions is',
    {
      releases: [
        release('pos', '17.0.1.2.0', { order: 'odoo' }),
        release('pos', '17.0.2.0.0', { order: 'odoo' })
      ],
      stable: { pos: '17.0.2.0.0' },
      installed: { pos: '17.0.1.2.0' },
      app: { auto: 'minor' }
    },
    ['pos 17.0.1.2.0>17.0.2.0.0 PLAN_MANUAL']
  ],
  [
    'refuses another platform',
    { ...update, releases: [release('pos', '2.0.0', { compat: { platform: ['win-x64'] } })] },
    ['pos 1.0.0>2.0.0 PLAN_INCOMPATIBLE']
  ],
  [
    'accepts a platform family',
    { ...update, releases: [release('pos', '2.0.0', { compat: { platform: ['win', 'linux'] } })] },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'refuses another version of the application',
    {
      ...update,
      releases: [release('pos', '2.0.0', { compat: { app: '>=3.0' } })],
      app: { appVersion: '2.9' }
    },
    ['pos 1.0.0>2.0.0 PLAN_INCOMPATIBLE']
  ],

  [
    'does not go down by itself',
    { ...update, stable: { pos: '1.0.0' }, installed: { pos: '2.0.0' } },
    ['pos 2.0.0>1.0.0 PLAN_DOWNGRADE']
  ],
  [
    'goes down when the release key allows it',
    {
      ...update,
      stable: { pos: '1.0.0' },
      installed: { pos: '2.0.0' },
      input: { downgradeAllowed: () => true }
    },
    ['pos 2.0.0>1.0.0']
  ],
  [
    'asks for leave to go down from what is installed',
    {
      ...update,
      releases: [release('pos', '1.0.0'), release('pos', '2.0.0', OLD), release('pos', '3.0.0', LATE)],
      stable: { pos: '1.0.0' },
      installed: { pos: '2.0.0' },
      input: { downgradeAllowed: (_channel, _release, from) => from === Date.parse(OLD.created) }
    },
    ['pos 2.0.0>1.0.0']
  ],
  [
    'asks for leave to go down from what passed its checks here, or the first above it that is left',
    {
      ...update,
      releases: [release('pos', '1.0.0'), release('pos', '2.0.0', OLD), release('pos', '4.0.0', LATE)],
      stable: { pos: '1.0.0' },
      installed: { pos: '2.0.0' },
      app: { floor: () => '3.0.0' },
      input: { downgradeAllowed: (_channel, _release, from) => from === Date.parse(LATE.created) }
    },
    ['pos 2.0.0>1.0.0']
  ],
  [
    'does not go down from what nobody knows any more',
    {
      ...update,
      stable: { pos: '1.0.0' },
      installed: { pos: '3.0.0' },
      input: { downgradeAllowed: (_channel, _release, from) => from !== null }
    },
    ['pos 3.0.0>1.0.0 PLAN_DOWNGRADE']
  ],
  [
    'does not go below what once passed its checks here, after a rollback',
    { ...update, installed: { pos: '1.0.0' }, app: { floor: () => '3.0.0' } },
    ['pos 1.0.0>2.0.0 PLAN_DOWNGRADE']
  ],
  [
    'goes back up after a rollback',
    { ...update, installed: { pos: '1.0.0' }, app: { floor: () => '2.0.0' } },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'leaves what was rolled back by hand to a person',
    { ...update, app: { declined: () => true } },
    ['pos 1.0.0>2.0.0 PLAN_MANUAL']
  ],
  [
    'takes what the application brings itself as there',
    {
      releases: [release('a', '1.0.0', { requires: { base: '*' } })],
      stable: { a: '1.0.0' },
      app: { provides: (module) => module === 'base' }
    },
    ['a ->1.0.0']
  ],
  [
    'does not go down to what was withdrawn',
    {
      ...update,
      stable: { pos: '2.0.0' },
      releases: [...TWO, release('pos', '3.0.0')],
      installed: { pos: '3.0.0' },
      input: { downgradeAllowed: () => true, yanks: YANKS }
    },
    ['pos 3.0.0>2.0.0 PLAN_YANKED']
  ],

  [
    'waits for its turn in a rollout',
    { ...update, stable: { pos: { version: '2.0.0', rollout: { ...STAGED, percentage: 0 } } } },
    ['pos 1.0.0>2.0.0 PLAN_ROLLOUT']
  ],
  [
    'takes its turn in a rollout',
    { ...update, stable: { pos: { version: '2.0.0', rollout: { ...STAGED, branches: ['norte'] } } } },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'installs the earlier release until its turn comes',
    {
      ...update,
      installed: {},
      stable: { pos: { version: '2.0.0', rollout: { ...STAGED, percentage: 0 } } }
    },
    ['pos ->1.0.0']
  ],
  [
    'stays where it is when a rollout is narrowed',
    {
      ...update,
      releases: [...TWO, release('pos', '1.5.0')],
      installed: { pos: '1.5.0' },
      stable: { pos: { version: '2.0.0', rollout: { ...STAGED, percentage: 0 } } }
    },
    []
  ],
  [
    'stops with a halted rollout',
    { ...update, stable: { pos: { version: '2.0.0', rollout: { ...STAGED, status: 'halted' } } } },
    ['pos 1.0.0>2.0.0 PLAN_HALTED']
  ],

  [
    'tries apart what failed together, and the rest after it',
    { ...FOUR, input: { triedTogether: failedTogether('a', 'b', 'c') } },
    ['a 1.0.0>2.0.0', 'b 1.0.0>2.0.0', 'c 1.0.0>2.0.0', 'd 1.0.0>2.0.0']
  ],
  [
    'tries apart with what cannot be left out',
    {
      ...FOUR,
      releases: [
        ...four({ a: { requires: { c: '>=2.0.0' } }, c: { requires: { a: '>=2.0.0' } } }),
        release('b', '1.0.0', { requires: { d: '<2.0.0' } })
      ],
      input: { triedTogether: failedTogether('a', 'b', 'c', 'd') }
    },
    ['c 1.0.0>2.0.0, a 1.0.0>2.0.0', 'b 1.0.0>2.0.0', 'd 1.0.0>2.0.0']
  ],
  [
    'tries apart in the order of need',
    {
      ...FOUR,
      releases: four({ a: { requires: { b: '>=2.0.0' } } }),
      input: { triedTogether: failedTogether('a', 'b') }
    },
    ['b 1.0.0>2.0.0', 'a 1.0.0>2.0.0', 'c 1.0.0>2.0.0, d 1.0.0>2.0.0']
  ],
  [
    'tries a critical release first, with what it needs',
    {
      ...FOUR,
      releases: four({ c: { severity: 'critical', requires: { b: '>=2.0.0' } } }),
      input: { triedTogether: failedTogether('a', 'b', 'c') }
    },
    ['b 1.0.0>2.0.0, c 1.0.0>2.0.0', 'a 1.0.0>2.0.0', 'd 1.0.0>2.0.0']
  ],
  [
    'lets through what needs nothing of the culprit once it is found',
    {
      ...FOUR,
      releases: four({ a: { requires: { b: '>=2.0.0' } } }),
      input: { triedTogether: failedTogether('a', 'c'), quarantined: (_app, { module }) => module === 'b' }
    },
    ['c 1.0.0>2.0.0', 'd 1.0.0>2.0.0', 'a 1.0.0>2.0.0 PLAN_REQUIRES', 'b 1.0.0>2.0.0 PLAN_QUARANTINED']
  ],

  [
    'passes a stepping stone first',
    {
      releases: [
        release('pos', '1.0.0'),
        release('pos', '2.0.0'),
        release('pos', '3.0.0', { after: '2.0.0' })
      ],
      stable: { pos: '3.0.0' },
      installed: { pos: '1.0.0' }
    },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'passes the stone of a release in between',
    {
      releases: [
        release('pos', '1.0.0'),
        release('pos', '2.0.0'),
        release('pos', '3.0.0', { after: '2.0.0' }),
        release('pos', '4.0.0')
      ],
      stable: { pos: '4.0.0' },
      installed: { pos: '1.0.0' }
    },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'needs no stone that was passed',
    {
      releases: [release('pos', '2.0.0'), release('pos', '3.0.0', { after: '2.0.0' })],
      stable: { pos: '3.0.0' },
      installed: { pos: '2.0.0' }
    },
    ['pos 2.0.0>3.0.0']
  ],
  [
    'needs no stone for a first installation',
    {
      releases: [release('pos', '2.0.0'), release('pos', '3.0.0', { after: '2.0.0' })],
      stable: { pos: '3.0.0' }
    },
    ['pos ->3.0.0']
  ],
  [
    'says when a stone is not there',
    {
      releases: [release('pos', '1.0.0'), release('pos', '3.0.0', { after: '2.0.0' })],
      stable: { pos: '3.0.0' },
      installed: { pos: '1.0.0' }
    },
    ['pos 1.0.0>2.0.0 PLAN_STEPPING_STONE']
  ],

  [
    'applies what is needed first',
    {
      releases: [release('a', '1.0.0', { requires: { b: '>=1.0.0' } }), release('b', '1.0.0')],
      stable: { a: '1.0.0', b: '1.0.0' }
    },
    ['b ->1.0.0, a ->1.0.0']
  ],
  [
    'applies circles by name',
    {
      releases: [
        release('a', '1.0.0', { requires: { b: '*' } }),
        release('b', '1.0.0', { requires: { a: '*' } })
      ],
      stable: { a: '1.0.0', b: '1.0.0' }
    },
    ['b ->1.0.0, a ->1.0.0']
  ],
  [
    'blocks what needs something that is not there',
    { releases: [release('a', '1.0.0', { requires: { b: '>=1.0.0' } })], stable: { a: '1.0.0' } },
    ['a ->1.0.0 PLAN_REQUIRES']
  ],
  [
    'blocks a chain when its end is blocked',
    {
      releases: [
        release('a', '1.0.0', { requires: { b: '*' } }),
        release('b', '1.0.0', { requires: { c: '*' } }),
        release('c', '1.0.0'),
        release('d', '1.0.0')
      ],
      stable: { a: '1.0.0', b: '1.0.0', c: '1.0.0', d: '1.0.0' },
      app: { holds: ['c'] }
    },
    ['d ->1.0.0', 'a ->1.0.0 PLAN_REQUIRES', 'b ->1.0.0 PLAN_REQUIRES', 'c ->1.0.0 PLAN_HELD']
  ],
  [
    'blocks what would break an installed module',
    {
      releases: [
        release('a', '1.0.0', { requires: { b: '<2.0.0' } }),
        release('b', '1.0.0'),
        release('b', '2.0.0')
      ],
      stable: { b: '2.0.0' },
      installed: { a: '1.0.0', b: '1.0.0' }
    },
    ['b 1.0.0>2.0.0 PLAN_REQUIRES']
  ],
  [
    'takes along what a critical release needs',
    {
      releases: [
        release('a', '2.0.0', { requires: { b: '>=2.0.0' }, severity: 'critical' }),
        release('b', '2.0.0'),
        release('c', '2.0.0')
      ],
      stable: { a: '2.0.0', b: '2.0.0', c: '2.0.0' },
      installed: { a: '1.0.0', b: '1.0.0', c: '1.0.0' },
      app: { auto: 'critical' }
    },
    ['b 1.0.0>2.0.0, a 1.0.0>2.0.0', 'c 1.0.0>2.0.0 PLAN_MANUAL']
  ],

  [
    'follows the track that is installed',
    { ...update, track: '17.0', releases: TWO.map((one) => ({ ...one, track: '17.0' })) },
    ['pos 1.0.0>2.0.0']
  ],
  [
    'follows the track that the app names',
    {
      ...update,
      track: '17.0',
      releases: TWO.map((one) => ({ ...one, track: '17.0' })),
      app: { tracks: ['17.0'] },
      installed: {}
    },
    ['pos ->2.0.0']
  ],
  [
    'leaves modules of another series alone',
    { ...update, track: '16.0', installed: {}, app: { tracks: ['17.0'] } },
    []
  ]
]

describe('the plan', () => {
  for (const [what, given, expected] of cases) {
    it(what, () => assert.deepEqual(outline(scene(given)), expected))
  }

  it('asks which track, when there are several and nothing decides', () => {
    const input = scene(update)
    const two = withPointer(
      input.channels,
      { channel: 'stable', module: 'x', track: '16.0' },
      { version: '1.0.0' }
    )
    const channels = withPointer(two, { channel: 'stable', module: 'x', track: '17.0' }, { version: '1.0.0' })
    assert.equal(plan({ ...input, channels })[1]?.blocked?.code, 'PLAN_TRACK')
  })

  it('finds what another app of the branch provides', () => {
    const base = scene({
      releases: [release('a', '1.0.0', { requires: { b: '*' } })],
      stable: { a: '1.0.0' }
    })
    const other = {
      ...(base.apps[0] as PlanApp),
      name: 'other',
      modules: ['b'],
      installed: new Map([['b', { track: 'default', version: '1.0.0' }]])
    }
    const own = { ...(base.apps[0] as PlanApp), modules: ['a'] }
    assert.deepEqual(outline({ ...base, apps: [own, other] }), ['a ->1.0.0'])
  })

  it('is not confused by names that every object has', () => {
    const input = scene({ app: { channel: 'constructor' } })
    assert.deepEqual(plan(input), [])
  })
})
