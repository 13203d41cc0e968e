// The publisher countersigns the first node of an invite; the node takes its grant out of the feed.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { takeGrant } from '../../node/grant.ts'
import { loadIdentity, saveIdentity } from '../../node/identity.ts'
import { openPublisher, type PublisherApp } from '../../publisher/app.ts'
import { takeCare } from '../../publisher/care.ts'
import { fleetOverview } from '../../publisher/fleet.ts'
import { grantBranch } from '../../publisher/grant-branch.ts'
import { grantNewMembers } from '../../publisher/grants.ts'
import { invite } from '../../publisher/members.ts'
import { revoke } from '../../publisher/revoke.ts'
import { GrantOwners } from '../../src/feed/grant-owners.ts'
import { homePaths } from '../../src/system/home.ts'
import { toHex } from '../../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../../src/trust/ceremony.ts'
import { requireOwner } from '../../src/trust/membership.ts'
import { type Joined, join1, report } from './joined.ts'
import { makeHome, makePublisher, temporaryFolder } from './support.ts'

const DAY = 24 * 60 * 60 * 1000

/** What a node's program has at hand when a new version of the feed is here. */
async function offer(app: PublisherApp, folder: string, { identity, seed }: Joined): Promise<boolean> {
  const paths = homePaths(join(folder, `node-${identity.node.slice(0, 8)}`))
  await saveIdentity(paths, seed, identity, '2026-01-01T00:00:00Z')
  const verify = (bytes: Uint8Array, now: number | null) => app.fleet.verifyMembership(bytes, now)
  const members = { verify, self: () => verify(identity.membership, null) }
  const home = { schema: 1, role: 'node', name: 'n', fleet: app.fleet.id } as const
  const taken = await takeGrant({ paths, home, identity, members }, await app.fleet.view())
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

test('a clone of the invite is not granted, is refused by whoever knows the grant, and shows in fleet', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const { invite: text } = await invite(app, { name: 'Norte' })
  const [first, clone] = [join1(text), join1(text)]
  await report(app, first)
  await grantNewMembers(app)
  await report(app, clone)
  assert.deepEqual(await grantNewMembers(app), [])
  await assert.rejects(offer(app, folder, clone), { code: 'MEMBER_CLONED' })
  await assert.rejects(grantBranch(app, { branch: clone.identity.node }), { code: 'MEMBER_CLONED' })
  assert.deepEqual(await grantBranch(app, { branch: first.identity.node }), [], 'it has its grant')
  const { branches } = await fleetOverview(app)
  assert.deepEqual(
    new Map(branches.map(({ id, clone, clones }) => [id, { clone, clones }])),
    new Map([
      [first.identity.node, { clone: false, clones: [clone.identity.node] }],
      [clone.identity.node, { clone: true, clones: [first.identity.node] }]
    ])
  )
  const owners = new GrantOwners()
  const refresh = async (keys?: Uint8Array[]) => {
    const { snapshot, trust } = await app.fleet.view()
    await owners.refresh(toHex(app.feed.key), snapshot, keys ?? enrolmentKeysOf(trust.fleet))
  }
  const check = ({ identity }: Joined) => {
    const member = app.fleet.verifyMembership(identity.membership, app.now())
    requireOwner(member, owners.owner(member.invite))
  }
  check(clone) // nothing is known yet
  await refresh()
  check(first)
  assert.throws(() => check(clone), { code: 'MEMBER_CLONED' })
  await refresh([app.random(32)])
  check(clone) // a grant that no key of the fleet signed makes no owner
  await refresh()
  assert.throws(() => check(clone), { code: 'MEMBER_CLONED' })

  // the first machine is gone for good and came back with another key: the invite changes hands
  const [moved] = await grantBranch(app, { branch: clone.identity.node, replace: true })
  assert.equal(moved?.node, clone.identity.node)
  await refresh()
  check(clone)
  assert.throws(() => check(first), { code: 'MEMBER_REVOKED' })
  assert.equal(await offer(app, folder, clone), true)
})

for (const restarted of [false, true]) {
  test(`of two nodes on one invite the one that was heard of first is granted${restarted ? ', also after a restart' : ''}`, async (t) => {
    const folder = await temporaryFolder(t)
    const paths = await makeHome(join(folder, 'home'))
    const wins = []
    for (let round = 0; round < 4; round++) {
      let app = await openPublisher(paths)
      const { invite: text } = await invite(app, { name: `Norte ${round}` })
      const [first, second] = [join1(text), join1(text)]
      await report(app, first)
      await report(app, second)
      await report(app, first, 2) // speaking again changes nothing
      if (restarted) {
        await app.close()
        app = await openPublisher(paths)
      }
      wins.push((await grantNewMembers(app)).map(({ node }) => node === first.identity.node))
      await app.close()
    }
    assert.deepEqual(wins, [[true], [true], [true], [true]])
  })
}

test('a running publisher grants the first node of an invite as soon as it hears of it', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const care = takeCare(app)
  t.after(() => care.stop())
  const owners = new GrantOwners()
  const node = join1((await invite(app, { name: 'Norte' })).invite)
  const granted = new Promise<void>((resolve) => app.feed.onUpdate(resolve))
  care.heard(await report(app, node), owners)
  await granted
  assert.equal(await offer(app, folder, node), true)
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
  await assert.rejects(grantBranch(app, { branch: 'Fuera' }), { code: 'MEMBER_REVOKED' })
  await assert.rejects(grantBranch(app, { branch: 'Nadie' }), { code: 'BRANCH_NOT_FOUND' })
})
