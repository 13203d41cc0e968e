// A publisher's home whose store was put back to an older state: it says so, still meets its branches, and publishes again
// once the feed has come back from one of them.
import assert from 'node:assert/strict'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPublisher } from '../../publisher/app.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { listReleases } from '../../publisher/queries.ts'
import { connect, openBranch, usable } from '../feed/support.ts'
import { context, makeHome, temporaryFolder, writeFiles } from './support.ts'

test('an older store refuses to publish until it has caught up with a branch', async (t) => {
  const folder = await temporaryFolder(t)
  const paths = await makeHome(join(folder, 'home'))
  const [database, backup] = [join(paths.store, 'cores', 'db'), join(folder, 'backup')]
  const module = join(folder, 'shop')
  const release = async (app: Awaited<ReturnType<typeof openPublisher>>, version: string) => {
    await writeFiles(module, { 'version.txt': version, 'app.txt': version.repeat(1000) })
    return publish(app, { dirs: [module] }, context)
  }
  await cp(database, backup, { recursive: true })
  const first = await openPublisher(paths)
  await release(first, '1.0.0')
  await release(first, '1.1.0')
  const options = { encryptionKey: first.feed.identity.encryptionKey }
  const branch = await openBranch(t, join(folder, 'b'), first.feed.key, options)
  const cut = connect(first.feed, branch)
  await usable(branch, first.feed.length().db)
  await branch.fetch(await packs(branch), { signal: context.signal })
  await cut()
  await first.close()
  for (const name of await readdir(database)) await rm(join(database, name), { recursive: true })
  await cp(backup, database, { recursive: true })

  const restored = await openPublisher(paths)
  t.after(() => restored.close())
  await restored.records.open()
  assert.equal(restored.fleet.verifyMembership(restored.member.membership, Date.now()).role, 'publisher')
  await assert.rejects(release(restored, '1.2.0'), { code: 'FEED_BEHIND' })
  connect(restored.feed, branch, { heads: true })
  await usable(restored.feed, branch.length().db)
  assert.deepEqual(
    (await listReleases(restored, {})).map(({ version }) => version),
    ['1.1.0', '1.0.0']
  )
  await restored.feed.fetch(await packs(branch), { signal: context.signal })
  await release(restored, '1.2.0')
  await usable(branch, restored.feed.length().db)
  assert.equal(branch.conflict, null)
  await branch.close()
})

async function packs(branch: Awaited<ReturnType<typeof openBranch>>): Promise<string[]> {
  return (await (await branch.snapshot())?.list('/packs')) ?? []
}
