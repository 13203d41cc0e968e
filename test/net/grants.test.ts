import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { type GrantBox, GrantExchange } from '../../src/net/grants.ts'
import type { Links } from '../../src/net/link-options.ts'
import { silentLog } from '../../src/system/log.ts'
import { addressOf, TestFleet, until } from './members.ts'

const fleet = new TestFleet('tienda')
const running: Links[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((links) => links.stop()))
})

interface Box extends GrantBox {
  taken: string[]
  grants: Map<string, string>
}

/** A home at one generation of the feed, which holds grants by invite. */
function boxOf(generation: number, grants: Map<string, string> = new Map()): Box {
  const taken: string[] = []
  return {
    taken,
    grants,
    generation: async () => generation,
    async find(invite) {
      const grant = grants.get(invite)
      return grant === undefined ? null : Buffer.from(grant)
    },
    async take(grant) {
      taken.push(Buffer.from(grant).toString())
    }
  }
}

async function start(name: string, peers: Links[], box: Box): Promise<GrantExchange> {
  const exchange = new GrantExchange(box, silentLog)
  const links = fleet.links(fleet.member(name), {
    peers: peers.map(addressOf),
    onPeer: (peer) => exchange.open(peer)
  })
  running.push(links)
  await links.start()
  return exchange
}

const inviteOf = (name: string) => fleet.verifyMembership(fleet.member(name).membership).invite

test('whoever has the newer feed gives each member its own grant, and nobody else gets one', async () => {
  const behind = boxOf(1)
  const level = boxOf(2)
  const ahead = boxOf(2, new Map(['b', 'c', 'd'].map((name) => [inviteOf(name), `for ${name}`])))
  await start('a', [], ahead)
  const a = running[0] as Links
  await start('c', [a], level)
  await start('b', [a], behind)
  await until(() => behind.taken.length === 1, 'the one that is behind has its grant')
  assert.deepEqual([behind.taken, level.taken, ahead.taken], [['for b'], [], []])
})

test('a grant that is made later reaches a member that is connected already', async () => {
  const behind = boxOf(1)
  const ahead = boxOf(2)
  const exchange = await start('a', [], ahead)
  const a = running[0] as Links
  await start('b', [a], behind)
  await until(() => a.peers().length === 1, 'they met')
  ahead.grants.set(inviteOf('b'), 'at last')
  await until(() => {
    exchange.news()
    return behind.taken.length > 0
  }, 'the grant came')
  assert.equal(behind.taken[0], 'at last')
})
