// Zero ways to a permanent lockout, members: a thief of the online key revokes everybody, and every branch updates again.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { NodeApp } from '../../node/app.ts'
import type { ApplyResult } from '../../node/apply/types.ts'
import { joinFleet } from '../../node/join.ts'
import { putRevoked } from '../../publisher/revoke.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import { generic, readFiles, runNode, SmallFleet } from '../node/support.ts'
import { seedOf } from './test-fleet.ts'

/** A branch that runs shop@1.0.0, and a thief of the online key who has revoked everybody, the publisher too. */
async function massRevocation(t: TestContext) {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', { 'version.txt': '1.0.0' })
  const node = await fleet.join('norte', generic('shop', fleet.path('live', 'shop'), '"shop"'))
  await fleet.bring(node)
  assert.equal((await runNode<ApplyResult>(node, 'apply', { now: true })).result, 'committed')
  await fleet.takeHome(node)
  const { publisher } = fleet
  const all = [node.members.self(), node.members.verify(publisher.member.membership, null)]
  const at = { at: formatTime(Date.now()) }
  await putRevoked(publisher, {
    schema: 1,
    invites: Object.fromEntries(all.map(({ invite }) => [invite, at])),
    nodes: Object.fromEntries(all.map((member) => [member.node, at]))
  })
  await assert.rejects(fleet.bring(node), { code: 'MEMBER_REVOKED' })
  assert.equal(node.members.verify(publisher.member.membership, Date.now()).role, 'publisher')
  return { fleet, node }
}

const repairs: [name: string, repair: (fleet: SmallFleet, node: NodeApp) => Promise<NodeApp>][] = [
  [
    'the list is cleaned and root replaces the key',
    async (fleet, node) => {
      await fleet.run('readmit', { branches: ['norte'] })
      await fleet.publish('shop', '1.5.0', { 'version.txt': '1.5.0' })
      await assert.rejects(
        fleet.bring(node),
        { code: 'MEMBER_REVOKED' },
        'the former key cannot take it back'
      )
      await fleet.run('keys.rotate', { role: 'online' })
      return node
    }
  ],
  [
    'root is away, so the branch gets a new invite for its home',
    async (fleet, node) => {
      const { invite } = await fleet.run<{ invite: string }>('invite', { name: 'norte' })
      await fleet.closeNode(node)
      await joinFleet({ paths: node.paths, invite, now: Date.now(), seed: seedOf('renewed') })
      return fleet.open('norte')
    }
  ]
]
for (const [name, repair] of repairs) {
  test(`mass revocation by a stolen online key: ${name}`, async (t) => {
    const { fleet, node } = await massRevocation(t)
    const repaired = await repair(fleet, node)
    await fleet.publish('shop', '2.0.0', { 'version.txt': '2.0.0' })
    await fleet.bring(repaired)
    assert.equal((await runNode<ApplyResult>(repaired, 'apply', { now: true })).result, 'committed')
    assert.deepEqual(await readFiles(fleet.path('live', 'shop')), { 'version.txt': '2.0.0' })
  })
}
