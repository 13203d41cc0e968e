// Round trips over real file systems of sticks, in a mount path with spaces and a dash, and sticks that are pulled.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspectStick } from '../../src/stick/inspect.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { fleetByStick } from './fleet-by-stick.ts'
import { MEDIA_KINDS, newMedium, unavailable } from './media.ts'
import { ACTS, pullDuring } from './pull.ts'
import { exportAll, holdsReleases, importAll, publish } from './scene.ts'
import { never, openTestHome, testReport } from './support.ts'

for (const kind of MEDIA_KINDS) {
  const skip = unavailable(kind)
  test(`publisher → stick → branch → stick → publisher on ${kind}`, { skip }, async (t) => {
    const medium = await newMedium(t, kind, 64)
    const publisher = await openTestHome(t, { seed: 1 })
    const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
    for (const release of [1, 2]) {
      await publish(publisher, release)
      await exportAll(publisher, medium.place)
      await medium.eject()
      await medium.plug()
    }
    const report = testReport(7, 'runs 2')
    branch.keep(report)
    assert.deepEqual((await importAll(branch, medium.place)).rejected, [])
    assert.ok(await holdsReleases(branch, 2))
    await medium.eject()
    await medium.plug()
    const found = await inspectStick(realFileSystem, medium.place, { everyByte: true, signal: never })
    assert.deepEqual([found.state, found.reports], ['complete', [report.author]])
    assert.equal((await importAll(publisher, medium.place)).reports.in, 1)
  })

  test(`the real fleet by command line over ${kind}: out by stick, and back`, { skip }, async (t) => {
    const medium = await newMedium(t, kind, 64)
    assert.match(medium.place, / - /)
    await fleetByStick(t, medium.place, async () => {
      await medium.eject()
      await medium.plug()
    })
  })

  test(`a full stick says so on ${kind}, keeps what was there and stays usable`, { skip }, async (t) => {
    const medium = await newMedium(t, kind, 40)
    const publisher = await openTestHome(t, { seed: 1 })
    await publish(publisher, 1)
    await exportAll(publisher, medium.place)
    const path = '/packs/large'
    await publisher.publish({ put: [{ path, bytes: Buffer.alloc(60_000_000, 7) }], remove: [] })
    await assert.rejects(exportAll(publisher, medium.place), { code: 'STICK_FULL' })
    const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
    assert.deepEqual((await importAll(branch, medium.place)).rejected, [])
    assert.ok(await holdsReleases(branch, 1))
    const left = await readdir(join(medium.place, 'chasqui'), { recursive: true })
    assert.deepEqual(
      left.filter((name) => name.endsWith('.tmp')),
      []
    )
  })

  for (const act of ACTS) {
    test(`pulled in the middle of ${act} on ${kind}: the next round completes`, { skip }, async (t) => {
      const outcomes = await pullDuring(t, { kind, act, times: 3, seed: 1 })
      t.diagnostic(JSON.stringify(outcomes))
      assert.equal(outcomes.wrong, 0, JSON.stringify(outcomes))
    })
  }
}
