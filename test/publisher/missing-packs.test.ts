// Packs of earlier releases are not on the publisher's machine (any more): after a recovery peers give back what they
// have. The next release does not wait for them.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PublisherApp } from '../../publisher/app.ts'
import { findRelease, openRelease, releasesOf } from '../../publisher/catalog.ts'
import { describePublishResult } from '../../publisher/describe.ts'
import { publish } from '../../publisher/publish/publish.ts'
import type { Published } from '../../publisher/publish/result.ts'
import { packPath } from '../../src/release/release.ts'
import { context, makePublisher, temporaryFolder, writeFiles } from './support.ts'

async function losePacks(app: PublisherApp, version: string, kinds: readonly string[]): Promise<void> {
  const view = await app.fleet.view()
  const { packs } = await findRelease(view, { module: 'shop', track: null, version })
  assert.deepEqual(packs.map(({ kind }) => kind).sort(), version === '1.0.0' ? ['full'] : ['delta', 'full'])
  for (const { sha256 } of packs.filter(({ kind }) => kinds.includes(kind))) {
    const range = await view.snapshot.blocks(packPath(sha256))
    assert.ok(range !== null)
    await app.feed.open.blobs.clear(range.offset, range.offset + range.length)
  }
}

interface Row {
  name: string
  /** where releases 1.0.0 and 2.0.0 go */
  channels: [string, string]
  lost: Record<string, string[]>
  /** the packs of 3.0.0, and what it says of itself */
  packs: string[]
  notHere?: string[]
}

const both: [string, string] = ['stable', 'stable']
const rows: Row[] = [
  { name: 'the delta', channels: both, lost: { '2.0.0': ['delta'] }, packs: ['from 2.0.0'] },
  { name: 'the keyframe', channels: both, lost: { '2.0.0': ['full'] }, packs: ['from 2.0.0'] },
  {
    name: 'every pack',
    channels: both,
    lost: { '2.0.0': ['full', 'delta'] },
    packs: ['full'],
    notHere: ['2.0.0']
  },
  {
    name: 'every pack, with another release on a channel,',
    channels: ['stable', 'beta'],
    lost: { '2.0.0': ['full', 'delta'] },
    packs: ['from 1.0.0', 'full'],
    notHere: ['2.0.0']
  },
  {
    name: 'every pack of all releases',
    channels: ['stable', 'beta'],
    lost: { '2.0.0': ['full', 'delta'], '1.0.0': ['full'] },
    packs: ['full'],
    notHere: ['2.0.0', '1.0.0']
  }
]

for (const { name, channels, lost, packs, notHere } of rows) {
  test(`${name} of the last release is lost: the next one is published all the same`, async (t) => {
    const folder = await temporaryFolder(t)
    const app = await makePublisher(t, join(folder, 'home'))
    const dirs = [join(folder, 'shop')]
    const kept = randomBytes(20_000)
    for (const [i, channel] of channels.entries()) {
      const files = { 'version.txt': `${i + 1}.0.0`, 'kept.bin': kept, 'new.bin': randomBytes(40_000) }
      await writeFiles(join(folder, 'shop'), files)
      await publish(app, { dirs, channel }, context)
    }
    for (const [version, kinds] of Object.entries(lost)) await losePacks(app, version, kinds)
    await writeFiles(join(folder, 'shop'), { 'version.txt': '3.0.0' })
    const made = (await publish(app, { dirs, severity: 'critical' }, context)) as Published
    assert.deepEqual(
      made.packs.map(({ kind, base }) => (kind === 'full' ? kind : `from ${base}`)).sort(),
      packs
    )
    assert.deepEqual(made.notHere, notHere)
    assert.equal(describePublishResult(made).includes('no pack from 2.0.0'), notHere !== undefined)
    const view = await app.fleet.view()
    const { base, close } = await openRelease(app, view, await releasesOf(view, 'shop', 'default'), '3.0.0')
    assert.equal(base.manifest.entries.length, 3)
    await close()
  })
}

test('published from Windows, what is executable is known from the newest release that is here', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  const dirs = [
    await writeFiles(join(folder, 'shop'), { run: '#!/bin/sh\n', 'kept.bin': randomBytes(20_000) })
  ]
  await chmod(join(folder, 'shop', 'run'), 0o755)
  for (const version of ['1.0.0', '2.0.0']) {
    await writeFiles(join(folder, 'shop'), { 'version.txt': version, 'data.bin': randomBytes(40_000) })
    await publish(app, { dirs }, context)
  }
  await losePacks(app, '2.0.0', ['full', 'delta'])
  app.platform = 'win32'
  await chmod(join(folder, 'shop', 'run'), 0o644)
  await writeFiles(join(folder, 'shop'), { 'version.txt': '3.0.0' })
  await publish(app, { dirs }, context)
  const view = await app.fleet.view()
  const releases = await releasesOf(view, 'shop', 'default')
  const { base, close } = await openRelease(app, view, releases, '3.0.0')
  assert.deepEqual(
    base.manifest.entries.filter(({ executable }) => executable).map(({ path }) => path),
    ['run']
  )
  await close()
})
