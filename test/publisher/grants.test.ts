// The publisher countersigns the first node of an invite; the node takes its grant out of the feed.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { takeGrant } from '../../node/grant.ts'
import { loadIdentity, saveIdentity } from '../../node/identity.ts'
import type { PublisherApp } from '../../publisher/app.ts'
import { grantBranch, grantNewMembers } from '../../publisher/grants.ts'
import { invite, revoke } from '../../publisher/members.ts'
import { homePaths } from '../../src/system/home.ts'
import { type Joined, join1, report } from './joined.ts'
import { makePublisher, temporaryFolder } from './support.ts'

const DAY = 24 * 60 * 60 * 1000

/** What a node's program has at hand when a new version of the feed is here. */
async function offer(app: PublisherApp, folder: string, { identity, seed }: Joined): Promise<boolean> {
  const paths = homePaths(join(folder, `node-${identity.node.slice(0, 8)}`))
  await saveIdentity(paths, seed, identity, '2026-01-01T00:00:00Z')
  const verifyMember = (bytes: Uint8Array, now: number | null) => app.fleet.verifyMembership(bytes, now)
  const home = { schema: 1, role: 'node', name: 'n', fleet: app.fleet.id } as const
  const parts = { paths, home, identity, verifyMember, member: () => verifyMember(identity.membership, null) }
  const taken = await takeGrant(parts, await app.fleet.view())
  assert.deepEqual((await loadIdentity(paths)).membership, Buffer.from(identity.membership))
  return taken
}

test('the first node of an invite is granted, takes the grant once, and outlives the invite', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const node = join1((await invite(app, { name: 'Norte' })).invite)
  await report(app, node)
  assert.equal(await offer(app, folder, node), false, 'there is no grant yet')
  assert.deepEqual(
    (await grantNewMembers(app)).map(({ name }) => name),
    ['Norte']
  )
  assert.deepEqual(await grantNewMembers(app), [], 'once is enough')
  assert.equal(await offer(app, folder, node), true)
  assert.equal(await offer(app, folder, node), false)
  assert.ok(app.fleet.verifyMembership(node.identity.membership, app.now() + 365 * DAY).granted)
})

test('a clone of the invite is not granted and cannot use the grant of the first', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const { invite: text } = await invite(app, { name: 'Norte' })
  const [first, clone] = [join1(text), join1(text)]
  await report(app, first)
  await grantNewMembers(app)
  await report(app, clone)
  assert.deepEqual(await grantNewMembers(app), [])
  await assert.rejects(offer(app, folder, clone), { code: 'GRANT_INVALID' })
})

test('after the invite has ended a grant is made by hand; never for one who was revoked', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const late = join1((await invite(app, { name: 'Tarde', expires: 1000 })).invite)
  const out = join1((await invite(app, { name: 'Fuera' })).invite)
  await report(app, late)
  await report(app, out)
  await revoke(app, { branch: 'Fuera' })
  app.now = () => Date.now() + DAY
  assert.deepEqual(await grantNewMembers(app), [])
  assert.deepEqual(
    (await grantBranch(app, { branch: 'Tarde' })).map(({ name }) => name),
    ['Tarde']
  )
  assert.equal(await offer(app, folder, late), true)
  assert.deepEqual(await grantBranch(app, { branch: 'Fuera' }), [])
  await assert.rejects(grantBranch(app, { branch: 'Nadie' }), { code: 'BRANCH_NOT_FOUND' })
})
