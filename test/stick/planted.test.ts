// What somebody puts on a stick to spoil it for good: it costs nothing but itself, and head office's next export takes it away.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ChasquiError, type ErrorCode } from '../../src/errors.ts'
import type { StickRoots } from '../../src/stick/home.ts'
import { inspectStick } from '../../src/stick/inspect.ts'
import { syncStick } from '../../src/stick/round.ts'
import {
  encodeFooter,
  encodeHeader,
  encodeTable,
  FOOTER_BYTES,
  HEADER_BYTES,
  readFooter
} from '../../src/stick/segment.ts'
import { leafHash } from '../../src/stick/tree.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { setRootSigners } from '../../src/trust/ceremony.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import { refreshTrust } from '../../src/trust/refresh.ts'
import { MemoryStore, START, setup, signer, TestFleet } from '../trust/test-fleet.ts'
import { context, everything, exportAll, holdsReleases, publish, tools } from './scene.ts'
import { never, openTestHome, type TestHome, temporaryFolder, testReport } from './support.ts'

interface Scene {
  publisher: TestHome
  branch: TestHome
  /** newest root that the branch has */
  root(): Promise<number>
  /** the `chasqui` folder */
  chasqui: string
  stick: string
  /** rounds that came as far as applying */
  settled: () => number
}

/** A fleet at its second root with one release, a stick that has both, and a branch that has the first root. */
async function scene(t: TestContext): Promise<Scene> {
  const fleet = new TestFleet()
  const draft = new FleetDraft(await fleet.salvaged(), START, { clockIsRight: true })
  setRootSigners(draft, 'online', setup(['online 2']))
  fleet.apply(draft.finish(['root', 'targets', 'online 2'].map(signer)))
  const plain = await openTestHome(t, { seed: 1, fleet: fleet.id })
  const chain = new Map(fleet.roots().map((bytes, i) => [i + 1, bytes]))
  const publisher: TestHome = { ...plain, roots: { list: async () => chain, offer: async () => 0 } }
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  const roots = trustedRoots(fleet.id)
  await roots.offer(new Map([...chain].slice(0, 1)))
  let settled = 0
  const key = publisher.feed.db.key
  const branch: TestHome = {
    ...(await openTestHome(t, { key, fleet: fleet.id, node: '0b'.repeat(32) })),
    roots,
    settle: async () => {
      settled++
      return []
    },
    letters: { outgoing: async () => [], take: async () => false }
  }
  branch.keep(testReport(7, 'runs 1'))
  const root = async () => Math.max(...(await roots.list()).keys())
  return { publisher, branch, root, chasqui: join(stick, 'chasqui'), stick, settled: () => settled }
}

/** The root chain of a branch, verified as a branch does. */
function trustedRoots(fleetId: string): StickRoots {
  const store = new MemoryStore()
  const list = async () =>
    new Map(
      [...store.files].flatMap(([name, bytes]) => {
        const version = /^roots\/(\d+)\.root\.json$/.exec(name)?.[1]
        return version === undefined ? [] : [[Number(version), bytes] as const]
      })
    )
  return {
    list,
    async offer(roots) {
      const source = { read: async (name: string) => roots.get(Number.parseInt(name, 10)) ?? null }
      await refreshTrust({ store, source, now: START, fleetId, keepRoots: true }).catch((error: unknown) => {
        if (!(error instanceof ChasquiError) || error.code !== 'TUF_MISSING') throw error
      })
      return 0
    }
  }
}

/** A whole segment of a core that somebody made and signed. */
async function ownSegment(t: TestContext, { publisher }: Scene): Promise<Uint8Array> {
  const own = await openTestHome(t, { seed: 66 })
  await publish(own, 1)
  const core = await own.feed.blobs()
  const [head, manifest] = [await core?.head(), await core?.manifest()]
  assert.ok(core != null && head != null && manifest != null)
  const data = (await core.blocks(Array.from({ length: head.length }, (_, i) => i))).map(
    (block) => block ?? Buffer.of()
  )
  const blocks = data.map((block, index) => ({ index, size: block.length, hash: leafHash(block) }))
  const table = encodeTable([{ name: 'blobs', key: core.key, manifest, head, blocks, nodes: [] }])
  const fleet = Buffer.from(publisher.fleet, 'hex')
  const header = encodeHeader({ fleet, feed: publisher.feed.db.key, number: 0 })
  const offset = HEADER_BYTES + blocks.reduce((sum, { size }) => sum + size, 0)
  return Buffer.concat([header, ...data, table, encodeFooter(header, table, offset)])
}

/** The first segment with another number: nobody signs that. */
async function renumbered(at: Scene, number: number): Promise<Uint8Array> {
  const bytes = await readFile(join(feedFolder(at), '0001.seg'))
  const { offset, length } = readFooter(bytes.subarray(-FOOTER_BYTES), bytes.length)
  const header = encodeHeader({
    fleet: Buffer.from(at.publisher.fleet, 'hex'),
    feed: at.publisher.feed.db.key,
    number
  })
  const table = bytes.subarray(offset, offset + length)
  const blocks = bytes.subarray(HEADER_BYTES, offset)
  return Buffer.concat([header, blocks, table, encodeFooter(header, table, offset)])
}

const fleetRoots = ({ chasqui, publisher }: Scene) => join(chasqui, 'roots', publisher.fleet)
const feedFolder = ({ chasqui, publisher }: Scene) =>
  join(chasqui, 'feeds', Buffer.from(publisher.feed.db.key).toString('hex'))

async function folderAt(path: string): Promise<void> {
  await rm(path, { force: true })
  await mkdir(join(path, 'deeper'), { recursive: true })
}

const plants: {
  name: string
  plant(at: Scene, t: TestContext): Promise<unknown>
  /** what the round names first */
  says: ErrorCode | null
  /** the root that the branch gets to */
  root: number
}[] = [
  {
    name: 'a root above the newest that is none',
    plant: (at) => writeFile(join(fleetRoots(at), '3.root.json'), '{}'),
    says: 'STICK_DAMAGED',
    root: 2
  },
  {
    name: 'a root far above the newest',
    plant: (at) => writeFile(join(fleetRoots(at), '9.root.json'), '{}'),
    says: null,
    root: 2
  },
  {
    name: 'something else in place of a root that the branch lacks',
    plant: (at) => writeFile(join(fleetRoots(at), '2.root.json'), '{}'),
    says: 'STICK_DAMAGED',
    root: 1
  },
  {
    name: 'a link in place of a root that the branch lacks',
    plant: async (at) => {
      await rm(join(fleetRoots(at), '2.root.json'))
      await symlink('1.root.json', join(fleetRoots(at), '2.root.json'))
    },
    says: 'STICK_LINK',
    root: 1
  },
  {
    name: 'a folder in place of the root above the newest',
    plant: (at) => folderAt(join(fleetRoots(at), '3.root.json')),
    says: 'STICK_LINK',
    root: 2
  },
  {
    name: 'a segment with blobs of somebody’s own, before all others',
    plant: async (at, t) => writeFile(join(feedFolder(at), '0000.seg'), await ownSegment(t, at)),
    says: 'STICK_DAMAGED',
    root: 2
  },
  {
    name: 'a file with the last number that a segment may have',
    plant: (at) => writeFile(join(feedFolder(at), '999999999.seg'), 'x'),
    says: 'STICK_DAMAGED',
    root: 2
  },
  {
    name: 'a copy of a segment with the last number that one may have',
    plant: async (at) => writeFile(join(feedFolder(at), '999999999.seg'), await renumbered(at, 999_999_999)),
    says: null,
    root: 2
  },
  ...['reports', 'requests', 'grants', 'installer'].map((path) => ({
    name: `a file in place of the folder ${path}`,
    plant: async ({ chasqui }: Scene) => {
      await rm(join(chasqui, path), { recursive: true, force: true })
      await writeFile(join(chasqui, path), 'x')
    },
    says: 'STICK_LINK' as const,
    root: 2
  })),
  {
    name: 'a link in place of the folder of the roots',
    plant: async ({ chasqui, stick }) => {
      await rename(join(chasqui, 'roots'), join(stick, 'elsewhere'))
      await symlink(join(stick, 'elsewhere'), join(chasqui, 'roots'))
    },
    says: 'STICK_LINK',
    root: 1
  },
  ...['reports/ab.rep', 'STATUS.html', 'visits.json', 'stick.json', 'README.txt'].map((path) => ({
    name: `a folder in place of ${path}`,
    plant: ({ chasqui }: Scene) => folderAt(join(chasqui, path)),
    says: null,
    root: 2
  })),
  ...['complete.json', 'damaged.json'].map((name) => ({
    name: `a folder in place of the feed's ${name}`,
    plant: (at: Scene) => folderAt(join(feedFolder(at), name)),
    says: null,
    root: 2
  }))
]

for (const { name, plant, says, root } of plants) {
  test(`${name}: a branch takes the rest and applies it, and head office mends the stick`, async (t) => {
    const at = await scene(t)
    await plant(at, t)
    const round = { ...everything(at.stick), keepWish: true, asFits: true }
    const taken = await syncStick(at.branch, round, tools, context, { settle: 'all', create: false })
    assert.equal(taken.rejected[0]?.code ?? null, says)
    assert.equal(at.settled(), 1)
    assert.ok(await holdsReleases(at.branch, 1))
    assert.equal(await at.root(), root)
    await publish(at.publisher, 2)
    await exportAll(at.publisher, at.stick)
    assert.deepEqual(await readdir(fleetRoots(at)), ['1.root.json', '2.root.json'])
    const found = await inspectStick(realFileSystem, at.stick, { everyByte: true, signal: never })
    assert.deepEqual([found.state, found.rejected, found.feeds[0]?.rejected], ['complete', [], []])
    const again = await syncStick(at.branch, round, tools, context, { settle: 'all', create: false })
    assert.deepEqual([again.rejected, await at.root()], [[], 2])
    assert.ok(await holdsReleases(at.branch, 2))
  })
}

test('what a link in place of a folder leads to stays as it is', async (t) => {
  const at = await scene(t)
  const elsewhere = join(at.stick, 'elsewhere')
  await mkdir(elsewhere)
  await writeFile(join(elsewhere, 'ab.rep'), 'a file of somebody')
  await rm(join(at.chasqui, 'reports'), { recursive: true, force: true })
  await symlink(elsewhere, join(at.chasqui, 'reports'))
  await syncStick(at.publisher, everything(at.stick), tools, context)
  assert.equal(await readFile(join(elsewhere, 'ab.rep'), 'utf8'), 'a file of somebody')
})

test('a root that follows from those of a head office which is behind stays on the stick', async (t) => {
  const at = await scene(t)
  const all = await at.publisher.roots.list()
  const behind: StickRoots = { list: async () => new Map([...all].slice(0, 1)), offer: async () => 0 }
  await exportAll({ ...at.publisher, roots: behind }, at.stick)
  assert.deepEqual(await readdir(fleetRoots(at)), ['1.root.json', '2.root.json'])
})
