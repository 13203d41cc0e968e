// Who is taken out: a branch with all that came with its invite, one of several of a name, a clone alone; and back again.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPublisher, type PublisherApp } from '../../publisher/app.ts'
import { fleetOverview } from '../../publisher/fleet.ts'
import { grantNewMembers } from '../../publisher/grants.ts'
import { invite, isRevoked, listBranches } from '../../publisher/members.ts'
import { putRevoked, readmit, revoke } from '../../publisher/revoke.ts'
import { type Joined, join1, report } from './joined.ts'
import { makeHome, makePublisher, temporaryFolder } from './support.ts'

interface Scene {
  app: PublisherApp
  /** invite ids */
  old: string
  next: string
  sur: string
  /** the node of `old`, its clone, and the node of `sur` */
  first: Joined
  clone: Joined
  other: Joined
}

/** Two invites named Norte, one of them with a clone, and one named Sur. */
async function scene(t: Parameters<typeof temporaryFolder>[0]): Promise<Scene> {
  const app = await makePublisher(t, join(await temporaryFolder(t), 'home'))
  const old = await invite(app, { name: 'Norte' })
  const next = await invite(app, { name: 'Norte' })
  const sur = await invite(app, { name: 'Sur' })
  const [first, clone, other] = [join1(old.invite), join1(old.invite), join1(sur.invite)]
  for (const node of [first, clone, other]) await report(app, node)
  await grantNewMembers(app)
  return { app, old: old.id, next: next.id, sur: sur.id, first, clone, other }
}

type Named = Pick<Scene, 'old' | 'next' | 'sur' | 'first' | 'clone' | 'other'>
const nodesOf = (...joined: Joined[]) => joined.map(({ identity }) => identity.node).sort()

const rows: {
  name: string
  args: (scene: Named) => object
  out: (scene: Named) => { invites: string[]; nodes: string[] }
}[] = [
  {
    name: 'a name that one invite has: the invite and its node',
    args: () => ({ branch: 'Sur' }),
    out: ({ sur, other }) => ({ invites: [sur], nodes: nodesOf(other) })
  },
  {
    name: 'an invite id: this invite with every node of it',
    args: ({ old }) => ({ branch: old }),
    out: ({ old, first, clone }) => ({ invites: [old], nodes: nodesOf(first, clone) })
  },
  {
    name: 'an invite that nobody has used',
    args: ({ next }) => ({ branch: next }),
    out: ({ next }) => ({ invites: [next], nodes: [] })
  },
  {
    name: 'the node that has the invite: the invite goes with it',
    args: ({ first }) => ({ branch: first.identity.node }),
    out: ({ old, first, clone }) => ({ invites: [old], nodes: nodesOf(first, clone) })
  },
  {
    name: 'a clone: nothing but that node',
    args: ({ clone }) => ({ branch: clone.identity.node }),
    out: ({ clone }) => ({ invites: [], nodes: nodesOf(clone) })
  },
  {
    name: 'every invite of a name, when that was asked for',
    args: () => ({ branch: 'Norte', all: true }),
    out: ({ old, next, first, clone }) => ({ invites: [old, next].sort(), nodes: nodesOf(first, clone) })
  }
]

for (const { name, args, out } of rows) {
  test(`revokes ${name}; branches and fleet go on showing who it was`, async (t) => {
    const made = await scene(t)
    const { app } = made
    const done = await revoke(app, args(made))
    const expected = out(made)
    assert.deepEqual({ invites: done.invites.sort(), nodes: done.nodes.sort() }, expected)
    const { revoked } = await app.fleet.view()
    assert.deepEqual(Object.keys(revoked.invites).sort(), expected.invites)
    assert.deepEqual(Object.keys(revoked.nodes).sort(), expected.nodes)
    // a daemon drops their records at once
    app.records.set.prune(app.now(), (member) => isRevoked(revoked, member))
    for (const lines of [await listBranches(app), (await fleetOverview(app)).branches]) {
      const gone = lines.filter((line) => line.revoked)
      assert.deepEqual(gone.flatMap(({ id }) => id ?? []).sort(), expected.nodes)
      assert.equal(lines.length, 4)
      assert.ok(lines.every(({ name: shown }) => shown === 'Norte' || shown === 'Sur'))
    }
  })
}

test('a name that several invites have is refused with their ids, and nothing is done', async (t) => {
  const { app, old, next, first } = await scene(t)
  await assert.rejects(
    revoke(app, { branch: 'Norte' }),
    (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, 'BRANCH_AMBIGUOUS')
      for (const id of [old, next, first.identity.node]) assert.ok(error.hint?.includes(id), `${id} is named`)
      return true
    }
  )
  assert.deepEqual((await app.fleet.view()).revoked.invites, {})
  // once the others are out, the name says enough
  await revoke(app, { branch: old })
  assert.deepEqual((await revoke(app, { branch: 'Norte' })).invites, [next])
  assert.deepEqual((await revoke(app, { branch: 'Sur' })).invites.length, 1)
})

for (const known of ['grant', 'report']) {
  test(`a node on a forged list is known by its ${known}, also after a restart`, async (t) => {
    const paths = await makeHome(join(await temporaryFolder(t), 'home'))
    let app = await openPublisher(paths)
    const reopen = async () => {
      await app.close()
      app = await openPublisher(paths)
    }
    t.after(() => app.close())
    const sur = await invite(app, { name: 'Sur' })
    const other = join1(sur.invite)
    await report(app, other)
    if (known === 'grant') {
      await grantNewMembers(app)
      await app.state.put({ [`record/report/${other.identity.node}`]: null })
    }
    const at = { at: '2026-01-01T00:00:00Z' }
    await putRevoked(app, { schema: 1, invites: { [sur.id]: at }, nodes: { [other.identity.node]: at } })
    await reopen()
    assert.deepEqual(
      (await listBranches(app)).map(({ id, name, revoked }) => [id, name, revoked]),
      [[other.identity.node, 'Sur', true]]
    )
    await reopen()
    const back = await readmit(app, { branches: ['Sur'] })
    assert.deepEqual(back, { invites: [sur.id], nodes: nodesOf(other) })
    await reopen()
    await app.records.open()
    assert.equal(
      app.records.set.list('report').length,
      known === 'report' ? 1 : 0,
      'what it said is there again'
    )
  })
}

test('who is readmitted leaves the list, by name, by id, or by when it was revoked', async (t) => {
  const { app, old, sur, first, other } = await scene(t)
  const start = app.now()
  app.now = () => start - 60_000
  await revoke(app, { branch: 'Sur' })
  app.now = () => start
  await revoke(app, { branch: old })
  assert.deepEqual((await readmit(app, { since: start - 1000 })).invites, [old])
  await app.fleet.view()
  assert.equal(app.fleet.verifyMembership(first.identity.membership, start).name, 'Norte')
  assert.throws(() => app.fleet.verifyMembership(other.identity.membership, start), {
    code: 'MEMBER_REVOKED'
  })
  assert.deepEqual(await readmit(app, { branches: ['Sur'] }), { invites: [sur], nodes: nodesOf(other) })
  await app.fleet.view()
  assert.equal(app.fleet.verifyMembership(other.identity.membership, start).name, 'Sur')
  await assert.rejects(readmit(app, { branches: ['Sur'] }), { code: 'BRANCH_NOT_FOUND' })
})
