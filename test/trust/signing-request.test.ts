import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draftReleases } from '../../src/trust/author.ts'
import { setReleaseSigners } from '../../src/trust/ceremony.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import {
  applyRequest,
  createRequest,
  decodeRequest,
  describeRequest,
  encodeRequest,
  mergeRequests,
  openKeys,
  type SigningRequest,
  signRequest
} from '../../src/trust/signing-request.ts'
import { START, setup, signer, TestFleet, utf8 } from './test-fleet.ts'

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
    title: 'shop 2.0.0',
    files: new Map([[PATH, CONTENT]]),
    now: START
  })
}

async function finish(fleet: TestFleet, request: SigningRequest): Promise<void> {
  const current = await fleet.current(['channels', 'm.shop'])
  const draft = new FleetDraft(current, START)
  applyRequest(draft, request, fleet.id)
  fleet.apply(draft.finish([signer('online')]))
}

test('the second person signs a file on another machine, and the release comes out', async () => {
  const fleet = await twoPersonFleet()
  const travelled = decodeRequest(encodeRequest(await requestFor(fleet)))
  assert.deepEqual(describeRequest(travelled), [
    { role: 'm.shop', version: 3, targets: ['releases/shop/default/1.0.0/release.json', PATH] }
  ])
  assert.equal(openKeys(travelled).length, 2)
  await assert.rejects(finish(fleet, travelled), { code: 'SIGNATURES_MISSING' })
  await finish(fleet, decodeRequest(encodeRequest(signRequest(travelled, [signer('beto')]))))
  const trust = await fleet.branch().refresh(START)
  assert.notEqual(await trust.findRelease('shop', 'default', '2.0.0'), null)
})

test('two copies that were signed apart come together', async () => {
  const fleet = await twoPersonFleet()
  const request = await requestFor(fleet)
  const unsigned: SigningRequest = structuredClone(request)
  for (const { envelope } of unsigned.roles) envelope.signatures = []
  const merged = mergeRequests(
    signRequest(unsigned, [signer('beto')]),
    signRequest(unsigned, [signer('carla')])
  )
  await finish(fleet, merged)
  const trust = await fleet.branch().refresh(START)
  assert.notEqual(await trust.findRelease('shop', 'default', '2.0.0'), null)
})

test('a request waits while other modules are published, and is outdated once its own role moved on', async () => {
  const fleet = await twoPersonFleet()
  const request = signRequest(await requestFor(fleet), [signer('beto')])
  await fleet.release('till', '1.0.0')
  const outdated = structuredClone(request)
  await finish(fleet, request)
  await assert.rejects(finish(fleet, outdated), { code: 'REQUEST_OUTDATED' })
})
