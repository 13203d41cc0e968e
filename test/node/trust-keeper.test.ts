// What a node keeps of the fleet's metadata, when several ways bring it at the same time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publisherStickHome } from '../../publisher/stick-home.ts'
import { SmallFleet } from './support.ts'

test('roots that a peer brings while the feed brings them too are kept once, and nothing is lost', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('shop', '1.0.0', { 'version.txt': '1.0.0' })
  const node = await fleet.join('norte', '')
  await fleet.bring(node)
  for (let root = 2; root <= 5; root++) {
    await fleet.run('keys.rotate', { role: 'online' })
    const { snapshot } = await fleet.publisher.fleet.view()
    const chain = await publisherStickHome(fleet.publisher).roots.list()
    const { trust } = node
    await Promise.all([trust.offerRoots(chain), trust.refresh(snapshot), trust.offerRoots(chain)])
    assert.deepEqual([...(await trust.roots()).keys()].at(-1), root)
    assert.equal(trust.rootVersion, root)
    assert.equal((await trust.refresh(snapshot)).trust.rootVersion, root)
  }
})

test('roots before a false one are kept, and known at once', async (t) => {
  const fleet = await SmallFleet.create(t)
  const node = await fleet.join('norte', '')
  await fleet.bring(node)
  await fleet.run('keys.rotate', { role: 'online' })
  const chain = new Map(await publisherStickHome(fleet.publisher).roots.list())
  chain.set(3, Buffer.from('{}'))
  await assert.rejects(node.trust.offerRoots(chain), { code: 'TUF_MALFORMED' })
  assert.equal(node.trust.rootVersion, 2)
})
