// Going down: only when it is asked for, and with a statement of the release keys that branches believe.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PublisherApp } from '../../publisher/app.ts'
import { findRelease } from '../../publisher/catalog.ts'
import { promote } from '../../publisher/channels.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { pointerOf } from '../../src/fleet/channels.ts'
import { isDowngradeAllowed } from '../../src/fleet/downgrade.ts'
import { context, makePublisher, temporaryFolder, writeFiles } from './support.ts'

async function twoReleases(app: PublisherApp, folder: string): Promise<void> {
  for (const version of ['1.0.0', '1.1.0']) {
    await writeFiles(folder, { 'version.txt': version, 'app.txt': version })
    await publish(app, { dirs: [folder] }, context)
  }
}

/** Would a branch on stable go down from one release to the other? */
async function mayGoDown(app: PublisherApp, from: string, to: string): Promise<boolean> {
  const view = await app.fleet.view()
  const { created } = await findRelease(view, { module: 'shop', track: null, version: from })
  return isDowngradeAllowed({
    channels: view.channels,
    delegations: view.trust.set.targets?.delegations ?? null,
    fleet: app.fleet.id,
    now: app.now(),
    ...{ channel: 'stable', module: 'shop', track: 'default', version: to },
    fromReleased: Date.parse(created)
  })
}

test('a channel moves up freely, and down only with a statement that the release key signed', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await twoReleases(app, join(folder, 'shop'))
  await promote(app, { release: 'shop@1.1.0', channel: 'beta' })
  await assert.rejects(promote(app, { release: 'shop@1.0.0', channel: 'stable' }), {
    code: 'DOWNGRADE_REFUSED'
  })
  await assert.rejects(promote(app, { release: 'shop@3.0.0', channel: 'stable' }), {
    code: 'RELEASE_NOT_FOUND'
  })
  await assert.rejects(promote(app, { release: 'shop', channel: 'stable' }), { code: 'USAGE' })
  await promote(app, { release: 'shop@1.0.0', channel: 'stable', allowDowngrade: true })
  const { channels } = await app.fleet.view()
  assert.equal(pointerOf(channels, 'stable', 'shop', 'default')?.version, '1.0.0')
  assert.equal(pointerOf(channels, 'beta', 'shop', 'default')?.version, '1.1.0')
  assert.deepEqual(
    [await mayGoDown(app, '1.1.0', '1.0.0'), await mayGoDown(app, '1.1.0', '1.1.0')],
    [true, false]
  )
})

test('leave to go down ends with the next release, and is given again when it is asked for', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const shop = join(folder, 'shop')
  await twoReleases(app, shop)
  const down = { release: 'shop@1.0.0', channel: 'stable', allowDowngrade: true }
  await promote(app, down)
  const before = app.now()
  app.now = () => before + 24 * 3_600_000
  await publish(app, { dirs: [await writeFiles(shop, { 'version.txt': '1.2.0' })], channel: 'beta' }, context)
  assert.equal(await mayGoDown(app, '1.1.0', '1.0.0'), true)
  assert.equal(await mayGoDown(app, '1.2.0', '1.0.0'), false)
  await promote(app, down)
  assert.equal(await mayGoDown(app, '1.2.0', '1.0.0'), true)
})
