// Pruning gives up whole releases, and never one that somebody could still need.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PublisherApp } from '../../publisher/app.ts'
import { openRelease, releasesOf } from '../../publisher/catalog.ts'
import { promote } from '../../publisher/channels.ts'
import { prune } from '../../publisher/prune.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { listReleases } from '../../publisher/queries.ts'
import { context, makePublisher, temporaryFolder, writeFiles } from './support.ts'

/** Publishes 1.0.0 … 1.<last>.0: every third one replaces most of the content, so that a keyframe is due. */
async function publishMany(app: PublisherApp, folder: string, last: number): Promise<void> {
  for (let i = 0; i <= last; i++) {
    const fresh = i % 3 === 0 ? { 'data.bin': randomBytes(60_000) } : {}
    await writeFiles(folder, { 'version.txt': `1.${i}.0`, 'app.txt': `version ${i}\n`, ...fresh })
    await publish(app, { dirs: [folder] }, context)
  }
}

async function versions(app: PublisherApp): Promise<string[]> {
  return (await listReleases(app, {})).map(({ version }) => version)
}

test('old releases go with their packs; what a channel, the newest and their chains need stays', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  await publishMany(app, join(folder, 'shop'), 8)
  await promote(app, { release: 'shop@1.4.0', channel: 'beta' })
  const packsBefore = (await (await app.fleet.view()).snapshot.list('/packs')).length
  const dry = await prune(app, { keep: 2, dryRun: true })
  assert.equal((await versions(app)).length, 9)
  const pruned = await prune(app, { keep: 2 })
  assert.deepEqual(pruned, dry)
  const left = await versions(app)
  assert.deepEqual(left, ['1.8.0', '1.7.0', '1.6.0', '1.4.0', '1.3.0'])
  assert.equal(pruned.kept, 5)
  assert.ok(pruned.bytes > 60_000)
  const view = await app.fleet.view()
  assert.ok((await view.snapshot.list('/packs')).length < packsBefore)
  const releases = await releasesOf(view, 'shop', 'default')
  for (const version of left) {
    const { base, close } = await openRelease(app, view, releases, version)
    assert.equal(base.manifest.entries.length, 3)
    await close()
  }
  assert.deepEqual((await prune(app, { keep: 2 })).removed, [])
  await writeFiles(join(folder, 'shop'), { 'version.txt': '1.9.0' })
  await publish(app, { dirs: [join(folder, 'shop')] }, context)
  assert.equal((await versions(app))[0], '1.9.0')
})
