// A home of the fleet takes a new invite: another node key, everything else stays. For who was revoked, and for who lost its key.
import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { NodeApp } from '../../node/app.ts'
import type { ApplyResult } from '../../node/apply/types.ts'
import { loadIdentity, renewIdentity } from '../../node/identity.ts'
import { joinFleet } from '../../node/join.ts'
import { homePaths, lockHome } from '../../src/system/home.ts'
import { generic, readFiles, runNode, SmallFleet } from './support.ts'

const tree = (version: string) => ({ 'version.txt': version, 'a.txt': `${version}\n`.repeat(500) })
const SEED = new Uint8Array(32).fill(77)

/** A branch that runs shop@1.0.0 and has reported it. */
async function scene(t: TestContext): Promise<{ fleet: SmallFleet; node: NodeApp; live: string }> {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', tree('1.0.0'))
  const live = fleet.path('live', 'shop')
  const node = await fleet.join('norte', generic('shop', live, '"shop"'))
  await fleet.bring(node)
  assert.equal((await runNode<ApplyResult>(node, 'apply', { now: true })).result, 'committed')
  await fleet.takeHome(node)
  await fleet.bring(node)
  return { fleet, node, live }
}

async function renewed(fleet: SmallFleet, node: NodeApp, args: object = {}): Promise<NodeApp> {
  const made = await fleet.run<{ invite: string }>('invite', { name: 'norte', ...args })
  await fleet.closeNode(node)
  const joined = await joinFleet({ paths: node.paths, invite: made.invite, now: Date.now(), seed: SEED })
  assert.equal(joined.renewed, true)
  return fleet.open('norte')
}

const memory = async (node: NodeApp) => ({
  installed: await node.engine.installed('shop'),
  history: await node.engine.history({ limit: 10 }),
  backups: await runNode(node, 'backups'),
  config: await readFile(node.paths.config, 'utf8'),
  floors: await node.state.list('floor/')
})

const reportOf = (node: NodeApp) => node.records.set.get('report', node.identity.node)

describe('a home that takes a new invite of its fleet', () => {
  it('after a revocation is another node, keeps what it was and had, and goes on', async (t) => {
    const { fleet, node, live } = await scene(t)
    const former = node.identity.node
    const before = { ...(await memory(node)), epoch: reportOf(node)?.epoch ?? 0 }
    await fleet.run('revoke', { branch: 'norte' })
    await fleet.publish('shop', '2.0.0', tree('2.0.0'))
    await assert.rejects(fleet.bring(node), { code: 'MEMBER_REVOKED' })
    await assert.rejects(runNode(node, 'apply', { now: true }), { code: 'MEMBER_REVOKED' })

    const next = await renewed(fleet, node)
    assert.notEqual(next.identity.node, former)
    const { epoch, ...kept } = { ...before }
    assert.deepEqual(await memory(next), kept)
    await fleet.bring(next)
    assert.equal((await runNode<ApplyResult>(next, 'apply', { now: true })).result, 'committed')
    assert.deepEqual(await readFiles(live), tree('2.0.0'))
    await fleet.takeHome(next)
    assert.ok((reportOf(next)?.epoch ?? 0) > epoch, 'the epoch grows')
    const { branches } = await fleet.run<{ branches: { id: string; revoked: boolean; modules: object }[] }>(
      'fleet',
      {}
    )
    const shown = new Map(branches.map((branch) => [branch.id, branch]))
    assert.equal(shown.get(former)?.revoked, true)
    assert.equal(shown.get(next.identity.node)?.revoked, false)
    assert.deepEqual(shown.get(next.identity.node)?.modules, { shop: '2.0.0' })
  })

  it('whose keys are lost (a reinstalled machine) goes on with what is left', async (t) => {
    const { fleet, node, live } = await scene(t)
    const { config: _, ...kept } = await memory(node)
    for (const name of await readdir(node.paths.keys)) await rm(join(node.paths.keys, name))
    const next = await renewed(fleet, node)
    const { config: __, ...found } = await memory(next)
    assert.deepEqual(found, kept)
    await fleet.publish('shop', '2.0.0', tree('2.0.0'))
    await fleet.bring(next)
    assert.equal((await runNode<ApplyResult>(next, 'apply', { now: true })).result, 'committed')
    assert.deepEqual(await readFiles(live), tree('2.0.0'))
  })

  it('comes back although the fleet has left its feed and its enrolment key meanwhile', async (t) => {
    const { fleet, node, live } = await scene(t)
    await fleet.run('revoke', { branch: 'norte' })
    await fleet.run('keys.rotate', { role: 'enrolment', stolen: true })
    await fleet.run('keys.rotate-feed', {})
    await fleet.publish('shop', '2.0.0', tree('2.0.0'))
    const next = await renewed(fleet, node)
    assert.equal(next.identity.access.generation, 2)
    assert.equal(
      next.members.self().name,
      'norte',
      'the key of the new invite counts before the new root is here'
    )
    assert.equal(next.members.verify(fleet.publisher.member.membership, Date.now()).role, 'publisher')
    await fleet.bring(next)
    assert.equal((await runNode<ApplyResult>(next, 'apply', { now: true })).result, 'committed')
    assert.deepEqual(await readFiles(live), tree('2.0.0'))
    assert.equal(next.identity.access.formerFeeds, undefined, 'the former feed is dropped')
  })

  it('does not go back to a feed that the fleet has left', async (t) => {
    const { fleet, node } = await scene(t)
    const old = await fleet.run<{ invite: string }>('invite', { name: 'norte' })
    await fleet.takeHome(node)
    await fleet.run('keys.rotate-feed', {})
    await fleet.bring(node)
    assert.equal(node.identity.access.generation, 2)
    await fleet.closeNode(node)
    await joinFleet({ paths: node.paths, invite: old.invite, now: Date.now(), seed: SEED })
    const { access } = await loadIdentity(node.paths)
    assert.deepEqual(
      [access.generation, Buffer.from(access.feedKey)],
      [2, Buffer.from(fleet.publisher.feed.key)]
    )
  })
})

describe('a home that has joined', () => {
  it('refuses what does not renew it, and stays as it is', async (t) => {
    const { fleet, node } = await scene(t)
    const stranger = await SmallFleet.create(t)
    const other = await stranger.run<{ invite: string }>('invite', { name: 'x' })
    const ended = await fleet.run<{ invite: string }>('invite', { name: 'x', expires: 1 })
    const good = await fleet.run<{ invite: string }>('invite', { name: 'x' })
    const first = await fleet.run<{ invite: string }>('invite', { name: 'sur' })
    const sur = homePaths(fleet.path('sur'))
    await joinFleet({ paths: sur, invite: first.invite, now: Date.now(), seed: SEED })
    const rows: [what: string, paths: typeof sur, invite: string, code: string][] = [
      ['another fleet', node.paths, other.invite, 'HOME_EXISTS'],
      ['an invite that has ended', node.paths, ended.invite, 'INVITE_EXPIRED'],
      ['an invite that was cut', node.paths, good.invite.slice(0, -9), 'INVITE_DAMAGED'],
      ['the invite that it has', sur, first.invite, 'HOME_EXISTS'],
      ["a publisher's home", fleet.publisher.paths, good.invite, 'HOME_OTHER_ROLE']
    ]
    const lock = await lockHome(node.paths)
    const request = { now: Date.now() + 10, seed: new Uint8Array(32).fill(5) }
    await assert.rejects(joinFleet({ paths: node.paths, invite: good.invite, ...request }), {
      code: 'HOME_LOCKED'
    })
    await lock.release()
    for (const [what, paths, invite, code] of rows) {
      const before = await readFiles(paths.keys)
      await assert.rejects(joinFleet({ paths, invite, ...request }), { code }, what)
      assert.deepEqual(await readFiles(paths.keys), before, what)
    }
  })
})

describe('a renewal that is cut', () => {
  it('after any of its writes leaves the former node or the next, never a mixture', async (t) => {
    const { fleet, node } = await scene(t)
    await fleet.closeNode(node)
    const scratch = homePaths(fleet.path('scratch'))
    const reset = async () => {
      await rm(scratch.root, { recursive: true, force: true })
      await mkdir(scratch.root)
      await cp(node.paths.keys, scratch.keys, { recursive: true })
    }
    await reset()
    const { membership, access } = node.identity
    const next = { membership: Buffer.concat([membership]), access: { ...access, peers: ['10.0.0.1:1'] } }
    await renewIdentity(scratch, SEED, next, '2026-01-01T00:00:00Z')
    const after = await readFiles(scratch.keys)
    const names = ['node.json', 'membership.bin', 'fleet.json']
    const { node: renewedNode } = await loadIdentity(scratch)
    assert.notEqual(renewedNode, node.identity.node)
    assert.equal((await loadIdentity(node.paths)).node, node.identity.node)
    const renewal = JSON.stringify({
      schema: 1,
      created: '2026-01-01T00:00:00Z',
      seed: Buffer.from(SEED).toString('hex'),
      membership: Buffer.from(membership).toString('hex'),
      access: JSON.parse(after['fleet.json'] ?? '')
    })
    for (let written = 0; written <= names.length; written++) {
      await reset()
      await writeFile(join(scratch.keys, 'renewal.json'), renewal)
      for (const name of names.slice(0, written)) await writeFile(join(scratch.keys, name), after[name] ?? '')
      const found = await loadIdentity(scratch)
      assert.deepEqual([found.node, found.access.peers], [renewedNode, ['10.0.0.1:1']], `after ${written}`)
      assert.deepEqual(await readFiles(scratch.keys), after)
    }
  })
})
