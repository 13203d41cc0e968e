// Zero ways to a permanent lockout: every accident of keys, clocks and disks ends with a branch that takes an update.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTime, sha256Hex, toHex } from '../../src/trust/bytes.ts'
import {
  replaceEnrolment,
  replaceFeed,
  replaceReleaseKey,
  setReleaseSigners,
  setRootSigners
} from '../../src/trust/ceremony.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import {
  addSignatures,
  decodeEnvelope,
  encodeEnvelope,
  type SnapshotPart,
  type TargetsPart,
  type TimestampPart
} from '../../src/trust/envelope.ts'
import { openGrant, readGrant } from '../../src/trust/grant.ts'
import { CHASQUI_PROFILE } from '../../src/trust/profile.ts'
import { refreshTrust } from '../../src/trust/refresh.ts'
import { judgeFreshness } from '../../src/trust/trust.ts'
import {
  type Branch,
  DAY,
  MemoryStore,
  pair,
  publicKey,
  START,
  setup,
  signer,
  TestFleet
} from './test-fleet.ts'
import { grantOf } from './test-members.ts'

const YEAR = 365 * DAY

/** A fleet with one release and a branch that has it. */
async function following(): Promise<{ fleet: TestFleet; branch: Branch }> {
  const fleet = new TestFleet()
  await fleet.release('shop', '1.0.0')
  const branch = fleet.branch()
  await branch.refresh(START)
  return { fleet, branch }
}

/** The branch finds a release at its own idea of the time. */
async function assertArrives(branch: Branch, version: string, now = START) {
  const trust = await branch.refresh(now)
  assert.notEqual(await trust.findRelease('shop', 'default', version), null, `shop@${version} must arrive`)
  return trust
}

/** What a thief of the online key can write: timestamp and snapshot with any versions, times and listings. */
function forge(
  fleet: TestFleet,
  forged: { version?: number; signed?: number; edit?(meta: SnapshotPart['meta']): void }
): void {
  const last = newest(fleet, 'snapshot')
  const thief = [signer('online')]
  const keyids = thief.map((key) => key.keyid)
  const snapshot = decodeEnvelope<SnapshotPart>(last.bytes)
  const version = forged.version ?? snapshot.signed.version + 1
  const time = forged.signed ?? START
  snapshot.signed.version = version
  forged.edit?.(snapshot.signed.meta)
  snapshot.signatures = []
  const bytes = encodeEnvelope(addSignatures(snapshot, keyids, thief))
  const timestamp = decodeEnvelope<TimestampPart>(fleet.files.get('timestamp.json') as Uint8Array)
  timestamp.signatures = []
  timestamp.signed.version = forged.version ?? timestamp.signed.version + 1
  timestamp.signed.expires = formatTime(time + YEAR)
  timestamp.signed['x-chasqui'].signed = formatTime(time)
  const hashes = { sha256: sha256Hex(bytes) }
  timestamp.signed.meta['snapshot.json'] = { version, length: bytes.length, hashes }
  fleet.files.delete(last.name)
  fleet.files.set(`${version}.snapshot.json`, bytes)
  fleet.files.set('timestamp.json', encodeEnvelope(addSignatures(timestamp, keyids, thief)))
}

function newest(fleet: TestFleet, role: string): { name: string; bytes: Uint8Array } {
  const found = [...fleet.files].find(([name]) => name.replace(/^\d+\./, '') === `${role}.json`)
  if (found === undefined) throw new Error(`no ${role}`)
  return { name: found[0], bytes: found[1] }
}

/** With the key of a role as well: that role at any version, in place of the publisher's. */
function forgeRole(fleet: TestFleet, role: string, key: string, version: number): void {
  const { name, bytes } = newest(fleet, role)
  const envelope = decodeEnvelope<TargetsPart>(bytes)
  envelope.signed.version = version
  envelope.signatures = []
  const thief = signer(key)
  fleet.files.delete(name)
  fleet.files.set(`${version}.${role}.json`, encodeEnvelope(addSignatures(envelope, [thief.keyid], [thief])))
  forge(fleet, { edit: (meta) => Object.assign(meta, { [`${role}.json`]: { version } }) })
}

/** Root replaces the online keys, by what the publisher remembers or, after a loss, by what is left. */
async function rotateOnline(fleet: TestFleet, memory: 'remembers' | 'was restored'): Promise<void> {
  const current = await fleet.salvaged(memory === 'remembers' ? fleet.own : new Map())
  const draft = new FleetDraft(current, START, { clockIsRight: true })
  setRootSigners(draft, 'online', setup(['online 2']))
  fleet.apply(draft.finish(['root', 'targets', 'online 2'].map(signer)))
}

for (const [name, now] of [
  ['1970', 0],
  ['2099', Date.parse('2099-01-01T00:00:00Z')],
  ['a year behind', START - YEAR]
] as const) {
  test(`a branch whose clock says ${name} updates and says what it thinks of the time`, async () => {
    const { fleet, branch } = await following()
    await fleet.release('shop', '2.0.0')
    const { freshness } = await assertArrives(branch, '2.0.0', now)
    assert.equal(freshness.clockBehind, now < START)
    assert.equal(freshness.stale, now > START)
    assert.equal(judgeFreshness(freshness, 'warn'), now > START ? 'stale' : 'fresh')
    assert.equal(judgeFreshness(freshness, 'hold'), now > START ? 'held' : 'fresh')
  })
}

test('a clock that runs backwards between refreshes does no harm', async () => {
  const { fleet, branch } = await following()
  await branch.refresh(START + YEAR)
  await fleet.release('shop', '2.0.0')
  await assertArrives(branch, '2.0.0', START - YEAR)
})

test('a branch that was silent for twenty years is stale and updates', async () => {
  const { fleet, branch } = await following()
  fleet.now = START + DAY
  await fleet.release('shop', '2.0.0')
  const { freshness } = await assertArrives(branch, '2.0.0', START + 20 * YEAR)
  assert.deepEqual(
    freshness.expired.map(({ role }) => role),
    ['root', 'timestamp', 'snapshot', 'targets', 'm.shop']
  )
})

test('under the strict profile the same branch waits, and goes on when newer metadata comes', async () => {
  const { fleet, branch } = await following()
  const strict = { ...CHASQUI_PROFILE, expiry: 'strict' } as const
  await assert.rejects(branch.refresh(START + 60 * DAY, strict), { code: 'TUF_EXPIRED' })
  fleet.now = START + 60 * DAY
  await fleet.release('shop', '2.0.0')
  const trust = await branch.refresh(START + 60 * DAY, strict)
  assert.notEqual(await trust.findRelease('shop', 'default', '2.0.0'), null)
})

test('a fleet that was made with a clock of 1970 goes on once the clock is right', async () => {
  const fleet = new TestFleet()
  fleet.now = 0
  const early = new FleetDraft(await fleet.current(), 0, { clockIsRight: true })
  fleet.apply(early.finish([signer('online')]))
  const branch = fleet.branch()
  await branch.refresh(START)
  fleet.now = START
  await fleet.release('shop', '1.0.0')
  assert.equal((await assertArrives(branch, '1.0.0')).freshness.stale, false)
})

test('the publisher signed in 2030 by a wrong clock: it is told, says that the clock is right now, and goes on', async () => {
  const { fleet, branch } = await following()
  fleet.now = START + 4 * YEAR
  await fleet.release('shop', '1.1.0')
  await assertArrives(branch, '1.1.0')
  fleet.now = START
  await assert.rejects(fleet.release('shop', '2.0.0'), { code: 'CLOCK_BEHIND' })
  const draft = new FleetDraft(await fleet.current(), START, { clockIsRight: true })
  fleet.apply(draft.finish([signer('online')]))
  await fleet.release('shop', '2.0.0')
  const { freshness } = await assertArrives(branch, '2.0.0')
  assert.deepEqual(
    [freshness.clockBehind, freshness.stale],
    [false, false],
    'the time floor has come down again'
  )
})

for (const version of [1_000_000, Number.MAX_SAFE_INTEGER]) {
  test(`a stolen online key signs version ${version} of the year 2099: root rotates it, the floor falls, updates flow`, async () => {
    const { fleet, branch } = await following()
    forge(fleet, { version, signed: Date.parse('2099-01-01T00:00:00Z') })
    const robbed = await assertArrives(branch, '1.0.0')
    assert.ok(robbed.freshness.clockBehind)
    await rotateOnline(fleet, 'remembers')
    await fleet.release('shop', '2.0.0', ['release', 'online 2'])
    const { freshness } = await assertArrives(branch, '2.0.0')
    assert.deepEqual([freshness.clockBehind, freshness.stale], [false, false])
    await assertArrives(fleet.branch(), '2.0.0')
  })
}

const MAX = Number.MAX_SAFE_INTEGER
const THEFTS: [name: string, rob: (fleet: TestFleet) => void, more?: readonly ('release' | 'targets')[]][] = [
  ...['targets', 'channels', 'm.shop'].flatMap((role): [string, (fleet: TestFleet) => void][] => [
    [
      `lists a version of ${role} that nobody has`,
      (fleet) => forge(fleet, { edit: (meta) => Object.assign(meta, { [`${role}.json`]: { version: 9 } }) })
    ],
    [
      `lists ${role} at version 2^53-1`,
      (fleet) => forge(fleet, { edit: (meta) => Object.assign(meta, { [`${role}.json`]: { version: MAX } }) })
    ],
    [
      `lists a wrong hash of ${role}`,
      (fleet) =>
        forge(fleet, {
          edit(meta) {
            const { version } = meta[`${role}.json`] as { version: number }
            const hashes = { sha256: '00'.repeat(32) }
            Object.assign(meta, { [`${role}.json`]: { version, hashes } })
          }
        })
    ]
  ]),
  [
    'lists 20,000 roles that there are not',
    (fleet) =>
      forge(fleet, {
        edit(meta) {
          for (let i = 0; i < 20_000; i++) meta[`m.x${i}.json`] = { version: 1 }
        }
      })
  ],
  ['no longer lists m.shop', (fleet) => forge(fleet, { edit: (meta) => delete meta['m.shop.json'] })],
  ['signs channels at version 2^53-1', (fleet) => forgeRole(fleet, 'channels', 'online', MAX)],
  ['signs channels at version 900', (fleet) => forgeRole(fleet, 'channels', 'online', 900)],
  [
    'overwrites the file of m.shop',
    (fleet) => {
      forge(fleet, {})
      fleet.files.set(newest(fleet, 'm.shop').name, new Uint8Array(Buffer.from('{}')))
    }
  ],
  ...[900, MAX].flatMap((version): typeof THEFTS => [
    [
      `signs m.shop at version ${version} with a stolen release key`,
      (fleet) => forgeRole(fleet, 'm.shop', 'release', version),
      ['release']
    ],
    [
      `signs targets at version ${version} with a stolen targets key`,
      (fleet) => forgeRole(fleet, 'targets', 'targets', version),
      ['targets']
    ]
  ])
]

for (const memory of ['remembers', 'was restored'] as const) {
  for (const [name, rob, more = []] of THEFTS) {
    test(`a thief of the online key ${name}: rotated by a publisher that ${memory}, updates flow`, async () => {
      const { fleet, branch } = await following()
      rob(fleet)
      await branch.refresh(START).catch(() => undefined)
      await rotateOnline(fleet, memory)
      const keys = { targets: 'targets', release: 'release' }
      for (const role of more) {
        keys[role] = `${role} 2`
        const current = await fleet.salvaged(memory === 'remembers' ? fleet.own : new Map())
        const draft = new FleetDraft(current, START, { clockIsRight: true })
        if (role === 'targets') setRootSigners(draft, 'targets', setup(['targets 2']))
        else replaceReleaseKey(draft, publicKey('release'), publicKey('release 2'))
        fleet.apply(draft.finish(['root', keys.targets, keys.release, 'online 2'].map(signer)))
      }
      await fleet.release('shop', '2.0.0', [keys.targets, keys.release, 'online 2'])
      await assertArrives(branch, '2.0.0')
      const fresh = await assertArrives(fleet.branch(), '2.0.0')
      assert.notEqual(await fresh.role('channels'), null)
      if (memory === 'remembers') await assertArrives(branch, '1.0.0')
    })
  }
}

test('the online key is lost: root names another one', async () => {
  const { fleet, branch } = await following()
  const draft = new FleetDraft(await fleet.current(), START)
  setRootSigners(draft, 'online', setup(['online 2']))
  fleet.apply(draft.finish(['root', 'targets', 'online 2'].map(signer)))
  await fleet.release('shop', '2.0.0', ['release', 'online 2'])
  await assertArrives(branch, '2.0.0')
})

test('the release key is lost or stolen: targets puts another in its place for every module', async () => {
  const { fleet, branch } = await following()
  await fleet.release('till', '1.0.0')
  const draft = new FleetDraft(await fleet.current(['channels', 'm.shop', 'm.till']), START)
  assert.deepEqual(replaceReleaseKey(draft, publicKey('release'), publicKey('release 2')), [
    'm.shop',
    'm.till'
  ])
  fleet.apply(draft.finish(['targets', 'release 2', 'online'].map(signer)))
  await assert.rejects(fleet.release('shop', '2.0.0', ['release', 'online']), { code: 'SIGNATURES_MISSING' })
  await fleet.release('shop', '2.0.0', ['release 2', 'online'])
  await assertArrives(branch, '2.0.0')
})

test('the targets key is lost: root names another one', async () => {
  const { fleet, branch } = await following()
  const draft = new FleetDraft(await fleet.current(), START)
  setRootSigners(draft, 'targets', setup(['targets 2']))
  fleet.apply(draft.finish(['root', 'targets 2', 'online'].map(signer)))
  await fleet.release('new', '1.0.0', ['targets 2', 'release', 'online'])
  await fleet.release('shop', '2.0.0', ['release', 'online'])
  await assertArrives(branch, '2.0.0')
})

test('one of two root keys is lost: the other names a new pair', async () => {
  const fleet = new TestFleet({ root: setup(['root', 'root b']) }, ['root', 'targets', 'online'])
  const branch = fleet.branch()
  await branch.refresh(START)
  const draft = new FleetDraft(await fleet.current(), START)
  setRootSigners(draft, 'root', setup(['root b', 'root c'], 2))
  fleet.apply(draft.finish(['root b', 'root c', 'online'].map(signer)))
  await fleet.release('shop', '1.0.0', ['targets', 'release', 'online'])
  await assertArrives(branch, '1.0.0')
})

test('every root key is lost: releases, channels and new modules go on all the same', async () => {
  const { fleet, branch } = await following()
  await fleet.release('new', '1.0.0', ['targets', 'release', 'online'])
  await fleet.release('shop', '2.0.0', ['release', 'online'])
  await assertArrives(branch, '2.0.0')
})

test('a module gets two signers, then one again', async () => {
  const { fleet, branch } = await following()
  for (const [keys, threshold] of [
    [['release', 'second'], 2],
    [['second'], 1]
  ] as const) {
    const draft = new FleetDraft(await fleet.current(['channels', 'm.shop']), START)
    setReleaseSigners(draft, 'm.shop', setup([...keys], threshold))
    fleet.apply(draft.finish(['targets', ...keys, 'online'].map(signer)))
    await fleet.release('shop', `${threshold}.5.0`, [...keys, 'online'])
    await assertArrives(branch, `${threshold}.5.0`)
  }
})

test('the feed is lost: the root chain alone names the next one, and a grant opens it', async () => {
  const { fleet, branch } = await following()
  const draft = new FleetDraft(await fleet.current(), START)
  const generation = replaceFeed(draft, publicKey('feed 2'))
  const next = draft.finish(['root', 'online'].map(signer))
  fleet.apply(next)
  // a neighbour or a stick hands over root version 2 and nothing else
  const before = branch.files
  branch.files = new Map([...branch.files, ['2.root.json', next.files.get('2.root.json') as Uint8Array]])
  const trust = await branch.refresh(START)
  assert.deepEqual(trust.fleet.feed, { key: toHex(publicKey('feed 2')), generation: 2 })
  const grant = readGrant(grantOf({ generation, feed: publicKey('feed 2') }), [publicKey('enrolment')])
  assert.equal(openGrant(grant, pair('node')).length, 32)
  branch.files = before
  await fleet.release('shop', '2.0.0')
  branch.files = fleet.files
  await assertArrives(branch, '2.0.0')
})

test('the enrolment key is lost: root names another and lets the former count', async () => {
  const { fleet, branch } = await following()
  const draft = new FleetDraft(await fleet.current(), START)
  replaceEnrolment(draft, publicKey('enrolment 2'), true)
  fleet.apply(draft.finish(['root', 'online'].map(signer)))
  await fleet.release('shop', '2.0.0')
  const trust = await assertArrives(branch, '2.0.0')
  assert.equal(trust.fleet.enrolment, toHex(publicKey('enrolment 2')))
  assert.deepEqual(trust.fleet.enrolmentAlso, [toHex(publicKey('enrolment'))])
})

for (const name of ['root.json', 'timestamp.json', 'snapshot.json', 'targets.json', 'm.shop.json']) {
  for (const [damage, bytes] of [
    ['emptied', new Uint8Array(0)],
    ['overwritten', new Uint8Array(Buffer.from('{"signed":{}}'))],
    ['gone', null]
  ] as const) {
    test(`${name} was ${damage} on the branch's disk: it starts again from the fleet id`, async () => {
      const { fleet, branch } = await following()
      await assertArrives(branch, '1.0.0')
      await branch.store.save(new Map([[name, bytes]]))
      await fleet.release('shop', '2.0.0')
      await assertArrives(branch, '2.0.0')
    })
  }
}

test('a power cut after any write of a refresh with a key rotation: the next one goes on', async () => {
  for (let cut = 0; cut < 8; cut++) {
    const { fleet, branch } = await following()
    forge(fleet, { version: 1_000_000, signed: START })
    await branch.refresh(START)
    const draft = new FleetDraft(await fleet.current(), START)
    setRootSigners(draft, 'online', setup(['online 2']))
    fleet.apply(draft.finish(['root', 'targets', 'online 2'].map(signer)))
    await fleet.release('shop', '2.0.0', ['release', 'online 2'])
    const torn = new TornStore(branch.store, cut)
    const source = { read: async (name: string) => fleet.files.get(name) ?? null }
    await refreshTrust({ store: torn, source, now: START, fleetId: fleet.id, keepRoots: true }).catch(
      () => undefined
    )
    await assertArrives(branch, '2.0.0')
  }
})

/** Lets `cut` single writes through, then fails for ever. */
class TornStore extends MemoryStore {
  readonly #under: MemoryStore
  #left: number
  constructor(under: MemoryStore, cut: number) {
    super()
    this.#under = under
    this.#left = cut
  }
  override load() {
    return this.#under.load()
  }
  override async save(changes: ReadonlyMap<string, Uint8Array | null>) {
    for (const [name, bytes] of changes) {
      if (this.#left-- <= 0) throw new Error('power cut')
      await this.#under.save(new Map([[name, bytes]]))
    }
  }
}
