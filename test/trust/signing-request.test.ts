import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draftReleases } from '../../src/trust/author.ts'
import { replaceFeed, setReleaseSigners, setRootSigners } from '../../src/trust/ceremony.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import {
  isReleaseRole,
  missingIn,
  reviewRequest,
  signRequest,
  titleOf
} from '../../src/trust/request-review.ts'
import {
  applyRequest,
  createRequest,
  decodeRequest,
  encodeRequest,
  mergeRequests,
  type SigningRequest
} from '../../src/trust/signing-request.ts'
import { publicKey, START, setup, signer, TestFleet, utf8 } from './test-fleet.ts'

/** A fleet whose module `shop` needs the keys `ana` and `beto`. */
async function twoPersonFleet(): Promise<TestFleet> {
  const fleet = new TestFleet()
  await fleet.release('shop', '1.0.0')
  const draft = new FleetDraft(await fleet.current(['channels', 'm.shop']), START)
  setReleaseSigners(draft, 'm.shop', setup(['ana', 'beto', 'carla'], 2))
  fleet.apply(draft.finish(['targets', 'ana', 'beto', 'online'].map(signer)))
  return fleet
}

const CONTENT = utf8('{"module":"shop","version":"2.0.0"}')
const PATH = 'releases/shop/default/2.0.0/release.json'

async function requestFor(fleet: TestFleet): Promise<SigningRequest> {
  const current = await fleet.current(['channels', 'm.shop'])
  const release = { module: 'shop', track: 'default', version: '2.0.0', bytes: CONTENT }
  const draft = draftReleases(current, [release], { newModules: setup(['release']) }, START)
  draft.sign([signer('ana')])
  assert.throws(() => draft.finish([signer('online')]), { code: 'SIGNATURES_MISSING' })
  return createRequest(draft, {
    fleetId: fleet.id,
    roots: fleet.roots(),
    current,
    files: new Map([[PATH, CONTENT]]),
    now: START
  })
}

/** On a machine that knows the fleet id and nothing else. */
const review = (fleet: TestFleet, request: SigningRequest) =>
  reviewRequest(request, { fleetId: fleet.id, current: null })
const signed = (fleet: TestFleet, request: SigningRequest, ...names: string[]) =>
  signRequest(review(fleet, request), names.map(signer))

async function finish(fleet: TestFleet, request: SigningRequest): Promise<void> {
  const current = await fleet.current(['channels', 'm.shop'])
  const draft = new FleetDraft(current, START)
  applyRequest(draft, request, fleet.id)
  fleet.apply(draft.finish([signer('online')]))
}

test('the second person signs a file on another machine, and the release comes out', async () => {
  const fleet = await twoPersonFleet()
  const travelled = decodeRequest(encodeRequest(await requestFor(fleet)))
  const looked = review(fleet, travelled)
  assert.equal(titleOf(looked), 'shop 2.0.0')
  const [role] = looked.roles
  assert.deepEqual(
    role?.targets.map(({ path, change }) => [path, change]),
    [[PATH, 'added']],
    'what was listed before is not new'
  )
  assert.deepEqual([role?.role, role?.former, role?.version, looked.root], ['m.shop', 2, 3, 1])
  assert.deepEqual(missingIn(looked), [{ role: 'm.shop', have: 1, need: 2 }])
  await assert.rejects(finish(fleet, travelled), { code: 'SIGNATURES_MISSING' })
  await finish(fleet, decodeRequest(encodeRequest(signed(fleet, travelled, 'beto'))))
  const trust = await fleet.branch().refresh(START)
  assert.notEqual(await trust.findRelease('shop', 'default', '2.0.0'), null)
})

test('two copies that were signed apart come together', async () => {
  const fleet = await twoPersonFleet()
  const request = await requestFor(fleet)
  const unsigned: SigningRequest = structuredClone(request)
  for (const { envelope } of unsigned.roles) envelope.signatures = []
  const merged = mergeRequests(signed(fleet, unsigned, 'beto'), signed(fleet, unsigned, 'carla'))
  await finish(fleet, merged)
  const trust = await fleet.branch().refresh(START)
  assert.notEqual(await trust.findRelease('shop', 'default', '2.0.0'), null)
})

test('a request waits while other modules are published, and is outdated once its own role moved on', async () => {
  const fleet = await twoPersonFleet()
  const request = signed(fleet, await requestFor(fleet), 'beto')
  await fleet.release('till', '1.0.0')
  const outdated = structuredClone(request)
  await finish(fleet, request)
  await assert.rejects(finish(fleet, outdated), { code: 'REQUEST_OUTDATED' })
})

test('a home that knows more than the request says who must sign by what it knows', async () => {
  const fleet = await twoPersonFleet()
  const request = await requestFor(fleet)
  const draft = new FleetDraft(await fleet.current(['channels', 'm.till']), START)
  setRootSigners(draft, 'root', setup(['root', 'second']))
  fleet.apply(draft.finish(['root', 'targets', 'online'].map(signer)))
  const current = await fleet.current(['m.shop'])
  const looked = reviewRequest(request, { fleetId: fleet.id, current })
  assert.equal(looked.root, 2)
  assert.equal(missingIn(looked).length, 1)
})

test('a change of root is shown as it is: signers before and after, facts, what the former keys say', async () => {
  const fleet = await twoPersonFleet()
  const current = await fleet.current()
  const draft = new FleetDraft(current, START)
  setRootSigners(draft, 'root', setup(['root', 'second'], 2))
  replaceFeed(draft, publicKey('feed 2'))
  const request = createRequest(draft, {
    fleetId: fleet.id,
    roots: fleet.roots(),
    current,
    files: new Map(),
    now: START
  })
  const looked = review(fleet, request)
  assert.equal(titleOf(looked), 'root version 2')
  const [root] = looked.roles
  assert.deepEqual(
    root?.delegations.map(({ role, former, next }) => [role, former?.threshold, next?.threshold]),
    [['root', 1, 2]]
  )
  assert.deepEqual(
    root?.facts.map(({ name }) => name),
    ['feed']
  )
  assert.deepEqual(missingIn(looked), [
    { role: 'root', have: 0, need: 1 },
    { role: 'root', have: 0, need: 2 }
  ])
  assert.throws(() => signRequest(looked, [signer('root')]), { code: 'ROLE_NOT_NAMED' })
  const once = signRequest(looked, [signer('root')], ['root'])
  const both = signRequest(review(fleet, once), [signer('second')], ['root'])
  assert.deepEqual(missingIn(review(fleet, both)), [])
})

for (const [role, expected] of [
  ['m.shop', true],
  ['t.pos', true],
  ['root', false],
  ['targets', false],
  ['channels', false]
] as const) {
  test(`${role} is ${expected ? 'a' : 'no'} role of releases`, () =>
    assert.equal(isReleaseRole(role), expected))
}
