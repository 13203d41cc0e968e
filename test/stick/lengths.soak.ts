// Every length that a receiver of a feed of 60 releases can have.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportAll, holdsReleases, importAll, publish } from './scene.ts'
import { openTestHome, temporaryFolder } from './support.ts'

const RELEASES = 60

test(`a receiver at every length of a feed of ${RELEASES} releases gets what it lacks`, async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  const sticks: string[] = []
  for (let release = 1; release <= RELEASES; release++) {
    await publish(publisher, release, 3000)
    const stick = await temporaryFolder(t)
    await exportAll(publisher, stick)
    sticks.push(stick)
  }
  const newest = sticks.at(-1) as string
  for (const [at, stick] of sticks.entries()) {
    const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
    const first = await importAll(branch, stick)
    const second = await importAll(branch, newest)
    assert.deepEqual([first.rejected, second.rejected], [[], []])
    assert.ok(await holdsReleases(branch, RELEASES, 3000), `from release ${at + 1}`)
    assert.equal((await importAll(branch, stick)).read.blocks, 0, 'one that is ahead has nothing to do')
    await branch.remove()
  }
})
