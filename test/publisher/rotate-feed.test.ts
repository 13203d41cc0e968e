// `keys rotate feed`: the ceremony is cut before every step that leaves something behind, and the same command ends it; the
// old feed may be frozen, or its key gone.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { nextAccess } from '../../node/follow.ts'
import { openPublisher, type PublisherApp } from '../../publisher/app.ts'
import { grantNewMembers } from '../../publisher/grants.ts'
import { rotateFeed } from '../../publisher/keys/rotate-feed.ts'
import { signOnHome, signWithKey } from '../../publisher/keys/sign.ts'
import { invite } from '../../publisher/members.ts'
import { publish } from '../../publisher/publish/publish.ts'
import { listReleases } from '../../publisher/queries.ts'
import { revoke } from '../../publisher/revoke.ts'
import { ConflictFile } from '../../src/feed/conflict.ts'
import { readGrantFile } from '../../src/feed/grant-files.ts'
import type { HomePaths } from '../../src/system/home.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { keyPairOf, signerOf } from '../../src/trust/keys.ts'
import { decodeRequest } from '../../src/trust/signing-request.ts'
import { connect, openBranch, usable } from '../feed/support.ts'
import { type Joined, join1, report } from './joined.ts'
import { context, makeHome, temporaryFolder, writeFiles } from './support.ts'

type T = Parameters<typeof temporaryFolder>[0]

interface Scene {
  folder: string
  paths: HomePaths
  norte: Joined
  sur: Joined
}

/** A fleet with two releases and two granted branches, of which one was revoked. */
async function scene(t: T): Promise<Scene> {
  const folder = await temporaryFolder(t)
  const paths = await makeHome(join(folder, 'home'))
  const app = await openPublisher(paths)
  const norte = join1((await invite(app, { name: 'Norte' })).invite)
  const sur = join1((await invite(app, { name: 'Sur' })).invite)
  for (const one of [norte, sur]) await report(app, one)
  await grantNewMembers(app)
  for (const version of ['1.0.0', '1.1.0']) await release(app, folder, version)
  await revoke(app, { branch: 'Sur' })
  await app.close()
  return { folder, paths, norte, sur }
}

async function release(app: PublisherApp, folder: string, version: string): Promise<void> {
  const dir = await writeFiles(join(folder, 'shop'), {
    'version.txt': version,
    'a.txt': version.repeat(9000)
  })
  await publish(app, { dirs: [dir] }, context)
}

/** What a branch gets, from nothing but the new feed and what root and its grant say. */
async function assertMoved(
  t: T,
  app: PublisherApp,
  { folder, norte, sur }: Scene,
  more: string[] = []
): Promise<void> {
  const { trust, snapshot } = await app.fleet.view()
  assert.equal(trust.fleet.feed.generation, 2)
  assert.equal(trust.fleet.feed.key, Buffer.from(app.feed.key).toString('hex'))
  const of = ({ identity }: Joined) => app.fleet.verifyMembership(identity.membership, null).invite
  const grant = await readGrantFile(snapshot, of(norte))
  assert.ok(grant !== null)
  const access = nextAccess(norte.identity, trust.fleet, grant)
  assert.ok(access !== null)
  assert.throws(() => nextAccess(sur.identity, trust.fleet, grant), { code: 'GRANT_INVALID' })
  assert.equal((await snapshot.list('/fleet/grants')).length, 1)

  const branch = await openBranch(t, join(folder, 'branch'), access.feedKey, {
    encryptionKey: access.feedEncryptionKey
  })
  const cut = connect(app.feed, branch)
  await usable(branch, app.feed.length().db)
  await branch.fetch((await (await branch.snapshot())?.list('/packs')) ?? [], { signal: context.signal })
  await release(app, folder, '1.2.0')
  await usable(branch, app.feed.length().db)
  await cut()
  await branch.close()
  const versions = (await listReleases(app, {})).map(({ version }) => version)
  assert.deepEqual(versions, ['1.2.0', ...more, '1.1.0', '1.0.0'])
}

class Cut extends Error {}

/** Lets `steps` steps that leave something behind happen; the next one is the power cut. Says how many there were. */
function cutAfter(app: PublisherApp, steps: number): () => string[] {
  const seen: string[] = []
  const step = (name: string) => {
    seen.push(name)
    if (seen.length > steps) throw new Cut(name)
  }
  const watch = <K extends string>(thing: Record<K, (...args: never[]) => unknown>, name: K) => {
    const before = thing[name].bind(thing) as (...args: never[]) => unknown
    thing[name] = ((...args: never[]) => {
      step(name)
      return before(...args)
    }) as (typeof thing)[K]
  }
  app.fs = { ...app.fs }
  for (const name of ['createFile', 'remove', 'syncDirectory'] as const) watch(app.fs, name)
  watch(app.writer, 'publish')
  watch(app.state, 'put')
  for (const name of ['add', 'remove'] as const) watch(app.keys, name)
  watch(app, 'aroundMove')
  return () => seen
}

test('a ceremony that is cut before any of its steps is ended by the same command', async (t) => {
  for (let steps = 0, isCut = true; isCut; steps++) {
    await t.test(`after ${steps} steps`, async (t) => {
      const made = await scene(t)
      const first = await openPublisher(made.paths)
      const seen = cutAfter(first, steps)
      const outcome = await rotateFeed(first, {}, context).catch((error: unknown) => error)
      isCut = outcome instanceof Error
      if (isCut) t.diagnostic(`cut at ${seen().at(-1)}`)
      await first.close()
      const app = await openPublisher(made.paths)
      try {
        if (isCut) assert.equal((await rotateFeed(app, {}, context)).generation, 2)
        await assertMoved(t, app, made)
      } finally {
        await app.close()
      }
    })
  }
})

for (const [name, lose] of [
  ['is frozen by two histories', freeze],
  ['has lost its key', loseKey]
] as const) {
  test(`the fleet leaves a feed that ${name}`, async (t) => {
    const made = await scene(t)
    await lose(made.paths)
    const app = await openPublisher(made.paths)
    t.after(() => app.close())
    await assert.rejects(release(app, made.folder, '1.2.0'), { code: /FEED_CONFLICT|KEY_MISSING/ })
    assert.equal((await rotateFeed(app, {}, context)).granted, 1)
    await assertMoved(t, app, made)
  })
}

test('with root kept elsewhere a request is left; signed and run again, the ceremony goes on', async (t) => {
  const made = await scene(t)
  const app = await openPublisher(made.paths)
  t.after(() => app.close())
  const root = await app.keys.openOne('root')
  await app.keys.remove(root.public)
  const { request, generation } = await rotateFeed(app, {}, context)
  assert.ok(request !== undefined && generation === 1)
  await release(app, made.folder, '1.1.5')
  const { request: outdated } = await rotateFeed(app, {}, context)
  const given = decodeRequest(await readFile(outdated ?? request))
  const known = { fleetId: given.fleet, current: null }
  const signed = signWithKey(given, signerOf(keyPairOf(root.seed)), known, ['root'])
  assert.equal((await signOnHome(app, { request: signed.request })).released, true)
  const done = await rotateFeed(app, {}, context)
  assert.deepEqual([done.generation, done.granted, done.request], [2, 1, undefined])
  await assertMoved(t, app, made, ['1.1.5'])
})

async function freeze(paths: HomePaths): Promise<void> {
  const app = await openPublisher(paths)
  const { key } = app.feed
  await app.close()
  await new ConflictFile(realFileSystem, paths.store, key).save({ core: 'db', length: 3 })
}

async function loseKey(paths: HomePaths): Promise<void> {
  const app = await openPublisher(paths)
  for (const file of (await app.keys.list()).filter(({ role }) => role === 'feed')) {
    await app.keys.remove(file.public)
  }
  await app.close()
}
