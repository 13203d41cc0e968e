import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'
import type { Links } from '../../src/net/link-options.ts'
import { type RootChain, RootExchange } from '../../src/net/roots.ts'
import { silentLog } from '../../src/system/log.ts'
import { addressOf, TestFleet, until } from './members.ts'

const fleet = new TestFleet('tienda')
const running: Links[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((links) => links.stop()))
})

/** A chain in which root n is the text `root n`; anything else is a forgery. */
function chainOf(newest: number): RootChain & { kept: Map<number, Uint8Array> } {
  const kept = new Map<number, Uint8Array>()
  for (let version = 1; version <= newest; version++) kept.set(version, Buffer.from(`root ${version}`))
  return {
    kept,
    list: async () => kept,
    async offer(roots) {
      const before = kept.size
      for (const [version, bytes] of [...roots].sort(([a], [b]) => a - b)) {
        if (Buffer.from(bytes).toString() !== `root ${version}`)
          throw new ChasquiError('TUF_SIGNATURES', 'a forgery')
        if (version === kept.size + 1) kept.set(version, bytes)
      }
      return kept.size - before
    }
  }
}

async function start(name: string, peers: Links[], chain: RootChain): Promise<Links> {
  const exchange = new RootExchange(chain, silentLog)
  const links = fleet.links(fleet.member(name), {
    peers: peers.map(addressOf),
    onPeer: (peer) => exchange.open(peer)
  })
  running.push(links)
  await links.start()
  return links
}

for (const [ahead, behind] of [
  [2, 1],
  [50, 1]
] as const) {
  test(`a node at root ${behind} follows one at root ${ahead}, whoever dialled, and tells a third`, async () => {
    const [old, fresh, third] = [chainOf(behind), chainOf(ahead), chainOf(behind)]
    const a = await start('a', [], old)
    await start('c', [a], third)
    await until(() => a.peers().length === 1, 'a and c met')
    await start('b', [a], fresh)
    await until(() => old.kept.size === ahead && third.kept.size === ahead, 'all are at the newest root')
  })
}

test('a peer with forged roots is expelled and changes nothing', async () => {
  const good = chainOf(1)
  const forged: RootChain = {
    list: async () =>
      new Map([
        [1, Buffer.from('root 1')],
        [2, Buffer.from('mine')]
      ]),
    offer: async () => 0
  }
  const a = await start('a', [], good)
  let met = 0
  const exchange = new RootExchange(forged, silentLog)
  const b = fleet.links(fleet.member('b'), {
    peers: [addressOf(a)],
    onPeer: (peer) => {
      met++
      exchange.open(peer)
    }
  })
  running.push(b)
  await b.start()
  await until(() => met === 1 && a.peers().length === 0, 'the forger is gone')
  assert.equal(good.kept.size, 1)
})

test('a home that cannot keep roots for a moment blames nobody, and asks again', async () => {
  const full = chainOf(1)
  const { offer } = full
  let failures = 0
  full.offer = async (roots) => {
    if (++failures === 1) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    return offer(roots)
  }
  const a = await start('a', [], full)
  const b = await start('b', [a], chainOf(2))
  await until(() => full.kept.size === 2, 'it has the root after all')
  assert.equal(b.peers().length, 1)
})
