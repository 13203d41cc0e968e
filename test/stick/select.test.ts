// Which releases and blocks a filter takes: the fleet is a stand-in, the rules are real.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { BlockRange, FeedSnapshot } from '../../src/feed/types.ts'
import { type Channels, emptyChannels, withPointer } from '../../src/fleet/channels.ts'
import type { VerifiedRecord } from '../../src/fleet/record.ts'
import { encodeReportHeader } from '../../src/fleet/report.ts'
import { encodeRelease, packPath, type Release, releasePath } from '../../src/release/release.ts'
import type { StickFilter } from '../../src/stick/home.ts'
import { type SelectionSource, selectReleases } from '../../src/stick/select.ts'
import type { Trust } from '../../src/trust/trust.ts'

const sha = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex')
const packOf = (module: string, version: string, base?: string) => sha(`${module} ${base ?? ''} ${version}`)

/** A release with a keyframe (when `full`) and a delta from `base`. */
function release(module: string, version: string, options: { base?: string; full?: boolean }): Release {
  const { base, full } = options
  return {
    schema: 1,
    module,
    track: 'default',
    version,
    order: 'semver',
    created: '2026-01-02T03:04:05Z',
    severity: 'normal',
    kind: 'directory',
    files: { root: sha(module), count: 1, bytes: 1 },
    packs: [
      ...(full ? [{ sha256: packOf(module, version), bytes: 1000, kind: 'full' as const }] : []),
      ...(base === undefined
        ? []
        : [{ sha256: packOf(module, version, base), bytes: 10, kind: 'delta' as const, base }])
    ]
  }
}

const releases = [
  release('pos', '1.0.0', { full: true }),
  release('pos', '1.1.0', { base: '1.0.0' }),
  release('pos', '1.2.0', { base: '1.1.0' }),
  release('stock', '1.0.0', { full: true }),
  release('stock', '2.0.0', { base: '1.0.0', full: true })
]

/** Every file of the feed has one block; its place in this list is the block's number. */
const files = [
  '/channels.json',
  ...releases.map(({ module, track, version }) => `/${releasePath(module, track, version)}`),
  ...releases.flatMap(({ packs }) => packs.map(({ sha256 }) => `/${packPath(sha256)}`))
]

const snapshot = {
  list: async () => files,
  blocks: async (path: string) => ({ offset: files.indexOf(path), length: 1 }),
  read: async (path: string) => {
    const found = releases.find(
      ({ module, track, version }) => path === `/${releasePath(module, track, version)}`
    )
    return found === undefined ? null : encodeRelease(found)
  }
} as unknown as FeedSnapshot

const trust = {
  listReleases: async () =>
    releases.map((found) => {
      const bytes = encodeRelease(found)
      const { module, track, version } = found
      const path = releasePath(module, track, version)
      return { module, track, version, path, length: bytes.length, sha256: sha(bytes), hashes: {}, role: 'm' }
    })
} as unknown as Trust

function report(
  name: string,
  installed: Record<string, string>,
  modules = ['*'],
  wants?: string[],
  other: Record<string, string> = {}
): VerifiedRecord {
  const header = encodeReportHeader({
    schema: 1,
    feed: { key: '00'.repeat(32), db: 1, blobs: 1 },
    apps: { shop: installed, storeroom: other },
    outcomes: [],
    stale: false,
    ...(wants === undefined ? {} : { wants })
  })
  const member = { node: sha(name), name, invite: '', groups: [], modules, role: 'branch' as const }
  return { header, member } as unknown as VerifiedRecord
}

const pointed = (module: string, version: string, channels = emptyChannels()) =>
  withPointer(channels, { channel: 'stable', module, track: 'default' }, { version })

const source: SelectionSource = {
  snapshot,
  trust,
  channels: pointed('pos', '1.2.0', pointed('stock', '2.0.0')),
  reports: [
    report('Norte', { pos: 'default@1.1.0', stock: 'default@2.0.0' }),
    report('Sur', { pos: 'default@1.0.0' }, ['pos']),
    report('Nueva', {}),
    report('Centro', { pos: 'default@1.2.0' }, ['*'], ['pos*', 'sto*']),
    report('Caja', { pos: 'default@1.2.0' }, ['*'], ['pos*']),
    report('Sin', { pos: 'default@1.2.0' }, ['pos'], ['*']),
    report('Dos', { pos: 'default@1.0.0' }, ['pos'], ['pos'], { pos: 'default@1.2.0' }),
    report('Vuelta', { pos: 'default@1.2.0' }, ['pos'], ['pos'], { pos: 'default@1.0.0' }),
    report('Doble', {}),
    report('Doble', { pos: 'default@1.0.0' })
  ],
  invited: [
    { name: 'Isla', modules: ['stock'] },
    { name: 'Norte', modules: ['*'] }
  ]
}

const all: StickFilter = { modules: [], channel: null, branches: [], latest: false }

/** Packs that a filter takes, as `module base→version`. */
async function packsOf(filter: Partial<StickFilter>, from = source): Promise<string[]> {
  const { blocks } = await selectReleases(from, { ...all, ...filter })
  return namesOf(blocks)
}

function namesOf(blocks: readonly BlockRange[]): string[] {
  const taken = blocks.flatMap(({ offset, length }) =>
    Array.from({ length }, (_, i) => files[offset + i] ?? '')
  )
  const names = releases.flatMap(({ module, version, packs }) =>
    packs.map(({ sha256, base }) => ({
      path: `/${packPath(sha256)}`,
      name: `${module} ${base ?? ''}→${version}`
    }))
  )
  return names.filter(({ path }) => taken.includes(path)).map(({ name }) => name)
}

const cases: { name: string; filter: Partial<StickFilter>; packs: string[] }[] = [
  {
    name: 'a module: every release of it',
    filter: { modules: ['p*'] },
    packs: ['pos →1.0.0', 'pos 1.0.0→1.1.0', 'pos 1.1.0→1.2.0']
  },
  {
    name: 'the latest: what leads to it from nothing, and its own deltas',
    filter: { latest: true },
    packs: ['pos →1.0.0', 'pos 1.0.0→1.1.0', 'pos 1.1.0→1.2.0', 'stock 1.0.0→2.0.0', 'stock →2.0.0']
  },
  {
    name: 'a branch that is one release behind: one delta',
    filter: { branches: ['Norte'] },
    packs: ['pos 1.1.0→1.2.0']
  },
  {
    name: 'a branch that may have one module only: no other',
    filter: { branches: ['Sur'] },
    packs: ['pos 1.0.0→1.1.0', 'pos 1.1.0→1.2.0']
  },
  {
    name: 'a branch without anything: what leads there from nothing',
    filter: { branches: ['Nueva'] },
    packs: ['pos →1.0.0', 'pos 1.0.0→1.1.0', 'pos 1.1.0→1.2.0', 'stock →2.0.0']
  },
  {
    name: 'a branch whose apps want a module that it does not have yet: that too',
    filter: { branches: ['Centro'] },
    packs: ['stock →2.0.0']
  },
  { name: 'a branch whose apps do not want a module: none of it', filter: { branches: ['Caja'] }, packs: [] },
  { name: 'a branch that wants what it may not have: none of it', filter: { branches: ['Sin'] }, packs: [] },
  {
    name: 'a branch that was invited and never heard of: what it may have, from nothing',
    filter: { branches: ['Isla'] },
    packs: ['stock →2.0.0']
  },
  ...['Dos', 'Vuelta'].map((name) => ({
    name: `a branch of which one app is behind and one is not (${name}): what the one lacks`,
    filter: { branches: [name] },
    packs: ['pos 1.0.0→1.1.0', 'pos 1.1.0→1.2.0']
  })),
  {
    name: 'two branches: what either lacks',
    filter: { branches: ['Norte', 'Sur'] },
    packs: ['pos 1.0.0→1.1.0', 'pos 1.1.0→1.2.0']
  },
  {
    name: 'a branch that runs the newest of a module: none of it',
    filter: { branches: ['Norte'], modules: ['stock'] },
    packs: []
  }
]

for (const { name, filter, packs } of cases) {
  test(`takes for ${name}`, async () => {
    assert.deepEqual((await packsOf(filter)).sort(), packs.sort())
  })
}

test('a branch whose files drifted gets the keyframe', async () => {
  const drifted = { ...source, needsKeyframe: (_node: string, module: string) => module === 'pos' }
  assert.deepEqual((await packsOf({ branches: ['Norte'] }, drifted)).sort(), [
    'pos 1.0.0→1.1.0',
    'pos 1.1.0→1.2.0',
    'pos →1.0.0'
  ])
})

const back = pointed('pos', '1.2.0', pointed('stock', '1.0.0'))
const yanked = {
  stock: { default: { '2.0.0': { at: '2026-01-02T03:04:05Z', reason: 'it does not start' } } }
}
const beta = withPointer(back, { channel: 'beta', module: 'stock', track: 'default' }, { version: '2.0.0' })
const rollout = { round: 1, status: 'active' as const, started: '2026-01-02T03:04:05Z', from: '1.0.0' }
const reaching = withPointer(
  back,
  { channel: 'stable', module: 'stock', track: 'default' },
  { version: '2.0.0', rollout: { ...rollout, percentage: 10 } }
)
const both = ['stock →1.0.0', 'stock 1.0.0→2.0.0', 'stock →2.0.0']
const latest: { name: string; channels: Channels; packs: string[] }[] = [
  {
    name: 'is withdrawn: what the channel went back to',
    channels: { ...back, yanked },
    packs: ['stock →1.0.0']
  },
  { name: 'is on another channel only: what either points at', channels: beta, packs: both },
  { name: 'has reached a few: what the others run too', channels: reaching, packs: both }
]

for (const { name, channels, packs } of latest) {
  test(`the latest, where the newest ${name}`, async () => {
    const taken = await packsOf({ latest: true, modules: ['stock'] }, { ...source, channels })
    assert.deepEqual(taken.sort(), [...packs].sort())
  })
}

test('a branch that may go down gets the older release, others do not', async () => {
  const statement = {
    fleet: 'f1'.repeat(32),
    channel: 'stable',
    module: 'stock',
    track: 'default',
    version: '1.0.0',
    created: '2026-01-02T03:04:05Z'
  }
  const allowed = { ...back, downgrades: [{ statement, signatures: [] }] }
  const filter = { branches: ['Norte'], modules: ['stock'] }
  assert.deepEqual(await packsOf(filter, { ...source, channels: allowed }), ['stock →1.0.0'])
  assert.deepEqual(await packsOf(filter, { ...source, channels: back }), [])
})

const refusals = [
  { name: 'an unknown branch', filter: { branches: ['Oeste'] }, code: 'STICK_BRANCH_UNKNOWN' },
  { name: 'a name that two branches have', filter: { branches: ['Doble'] }, code: 'STICK_BRANCH_UNKNOWN' },
  { name: 'a module that is not there', filter: { modules: ['crm'] }, code: 'STICK_NOTHING_SELECTED' },
  {
    name: 'a pattern that fits no module, beside one that does',
    filter: { modules: ['pos', 'nosuch*'] },
    code: 'STICK_NOTHING_SELECTED'
  },
  {
    name: 'a pattern that fits no module, for a branch',
    filter: { branches: ['Norte'], modules: ['nosuch*'] },
    code: 'STICK_NOTHING_SELECTED'
  },
  { name: 'a channel that points at nothing', filter: { channel: 'beta' }, code: 'STICK_NOTHING_SELECTED' }
]

for (const { name, filter, code } of refusals) {
  test(`refuses ${name}`, async () => {
    await assert.rejects(selectReleases(source, { ...all, ...filter }), { code })
  })
}

const kept = [
  { branches: ['Norte', 'Oeste', 'Doble'], packs: ['pos 1.1.0→1.2.0'] },
  { branches: ['Oeste', 'Doble'], packs: [] }
]

for (const { branches, packs } of kept) {
  test(`of ${branches.join(', ')} skips whom it does not know, and says so`, async () => {
    const found = await selectReleases(source, { ...all, branches }, { skipUnknown: true })
    assert.deepEqual(namesOf(found.blocks), packs)
    assert.deepEqual(found.skipped, [
      'STICK_BRANCH_UNKNOWN: there is no branch named Oeste',
      'STICK_BRANCH_UNKNOWN: 2 branches are named Doble'
    ])
  })
}

test('without a filter names every release and leaves the choice of blocks to what is here', async () => {
  const { releases: named, blocks } = await selectReleases(source, null)
  assert.deepEqual([named.length, blocks], [5, []])
})
