// The disk is full while the daemon appends a change: the next change, whatever it is, is made on top of that one, and a
// branch that read every version in between goes on.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPublisher, type PublisherApp } from '../../publisher/app.ts'
import { publisherTable } from '../../publisher/commands.ts'
import { resignWhenDue } from '../../publisher/timestamp.ts'
import { readVersion } from '../../src/feed/snapshot.ts'
import { endOfPublish } from '../../src/feed/usable-version.ts'
import { EXPIRY } from '../../src/trust/expiry.ts'
import { MemoryStore } from '../trust/test-fleet.ts'
import { takes } from './reading-branch.ts'
import { context, makeHome, temporaryFolder, writeFiles } from './support.ts'

interface Home {
  app: PublisherApp
  run(name: string, args: unknown): Promise<unknown>
  release(module: string, version: string): Promise<unknown>
}

async function scene(t: Parameters<typeof temporaryFolder>[0]): Promise<Home> {
  const folder = await temporaryFolder(t)
  const app = await openPublisher(await makeHome(join(folder, 'home')))
  t.after(() => app.close())
  // as the daemon runs them
  const run = async (name: string, args: unknown) => publisherTable[name]?.(app, args, context)
  const release = async (module: string, version: string) => {
    const dir = await writeFiles(join(folder, module), { 'version.txt': version })
    return run('publish', { dirs: [dir] })
  }
  await release('shop', '1.0.0')
  await release('shop', '1.1.0')
  return { app, run, release }
}

/** The next append to this core fails. */
function fillDisk(app: PublisherApp, name: 'blobs' | 'db'): void {
  const core = name === 'db' ? app.feed.db : app.feed.open.blobs
  const append = core.append.bind(core)
  core.append = () => {
    core.append = append
    return Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }))
  }
}

/** A branch takes the versions after `since` one by one; what releases it knows then. */
async function takesEach(app: PublisherApp, branch: MemoryStore, since: number): Promise<string[]> {
  const { open } = app.feed
  let releases: string[] = []
  for (let version = since + 1; version <= app.feed.db.length; version++) {
    if ((await endOfPublish(open.drive, version)) === null) continue
    releases = await takes(
      app,
      branch,
      readVersion((work) => work(open), version)
    )
  }
  return releases
}

const cut: Record<string, (home: Home) => Promise<unknown>> = {
  'a release': ({ release }) => release('shop', '2.0.0'),
  'a yank': ({ run }) => run('yank', { release: 'shop@1.1.0', reason: 'bad' })
}
const next: Record<string, (home: Home) => Promise<unknown>> = {
  'another release': ({ release }) => release('till', '5.0.0'),
  'a promotion': ({ run }) => run('promote', { release: 'shop@1.0.0', channel: 'beta' }),
  'the timestamp of the day': async ({ app }) => {
    app.now = () => Date.now() + EXPIRY.resign
    assert.equal(await resignWhenDue(app), true)
  }
}

for (const [first, begin] of Object.entries(cut)) {
  for (const [second, go] of Object.entries(next)) {
    for (const core of ['blobs', 'db'] as const) {
      test(`${first} that is cut at the ${core} is not undone by ${second}`, async (t) => {
        const home = await scene(t)
        const { app } = home
        const branch = new MemoryStore()
        await takes(app, branch)
        const since = app.feed.db.length
        fillDisk(app, core)
        await assert.rejects(begin(home), { code: 'PUBLISH_INTERRUPTED' })
        await go(home)
        const known = await takesEach(app, branch, since)
        assert.equal(known.includes('2.0.0'), first === 'a release')
        assert.equal(known.includes('5.0.0'), second === 'another release')
        const { channels } = await app.fleet.view()
        assert.equal(Object.keys(channels.yanked).length, first === 'a yank' ? 1 : 0)
        await home.release('shop', '3.0.0')
        assert.ok((await takes(app, branch)).includes('3.0.0'))
      })
    }
  }
}

test('as long as the disk is full every change is refused; then the same command says that it is done', async (t) => {
  const home = await scene(t)
  const { app } = home
  fillDisk(app, 'db')
  await assert.rejects(home.release('shop', '2.0.0'), { code: 'PUBLISH_INTERRUPTED' })
  fillDisk(app, 'db')
  const read = app.feed.db.length
  await assert.rejects(home.release('till', '5.0.0'), { code: 'PUBLISH_INTERRUPTED' })
  assert.equal(app.feed.db.length, read)
  await home.release('shop', '2.0.0')
  assert.deepEqual(await takes(app, new MemoryStore()), ['1.0.0', '1.1.0', '2.0.0'])
})
