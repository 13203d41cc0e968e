// Whole rounds over a plain folder: what export, import, sync, inspect and verify say, and what bad media get.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspectStick } from '../../src/stick/inspect.ts'
import { exportStick, importStick, syncStick } from '../../src/stick/round.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { context, everything, publish, tools } from './scene.ts'
import { never, noise, openTestHome, type TestHome, temporaryFolder, testReport } from './support.ts'

interface Scene {
  publisher: TestHome
  branch: TestHome
  stick: string
  segment: string
}

/** A publisher with two releases, a stick that has them in two segments, and an empty branch. */
async function scene(t: TestContext): Promise<Scene> {
  const publisher = await openTestHome(t, { seed: 1 })
  const stick = await temporaryFolder(t)
  for (const n of [1, 2]) {
    await publish(publisher, n)
    await exportStick(publisher, everything(stick), tools, context)
  }
  const key = publisher.feed.db.key
  const branch = await openTestHome(t, { key, node: '0b'.repeat(32) })
  const segment = join(stick, 'chasqui', 'feeds', Buffer.from(key).toString('hex'), '0002.seg')
  return { publisher, branch, stick, segment }
}

const inspect = (stick: string, everyByte: boolean) =>
  inspectStick(realFileSystem, stick, { everyByte, signal: never })

test('a round trip brings releases out and reports back', async (t) => {
  const { publisher, branch, stick } = await scene(t)
  branch.keep(testReport(7, 'runs 2'))
  const taken = await importStick(branch, stick, tools, context)
  assert.equal(taken.stick, 'ab'.repeat(16))
  assert.deepEqual(taken.rejected, [])
  assert.deepEqual(taken.reports, { in: 0, out: 1 })
  assert.ok(taken.read.bytes > 200_000)
  const back = await syncStick(publisher, everything(stick), tools, context)
  assert.deepEqual(back.reports, { in: 1, out: 0 })
  assert.equal(publisher.kept.size, 1)
  assert.deepEqual(back.wrote, { blocks: 0, bytes: 0, segments: 0 })
})

test('a dry run says what would be written and writes nothing', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  const said = await exportStick(publisher, { ...everything(stick), dryRun: true }, tools, context)
  assert.deepEqual(await readdir(stick), [])
  const wrote = await exportStick(publisher, everything(stick), tools, context)
  assert.equal(said.plan.bytes, wrote.wrote.bytes)
  assert.deepEqual([said.complete, wrote.complete], [false, true])
})

test('refuses to start when the stick has too little room, and says how much is missing', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  const small = { ...tools, freeSpace: async () => 1_000_000 }
  await assert.rejects(
    exportStick(publisher, everything(stick), small, context),
    (error: Error & { hint: string }) => {
      assert.match(error.hint, /^free \d+ bytes/)
      return true
    }
  )
  assert.deepEqual(await readdir(stick), [])
})

test('inspect and verify find a whole stick complete without a home', async (t) => {
  const { stick } = await scene(t)
  for (const everyByte of [false, true]) {
    const found = await inspect(stick, everyByte)
    assert.equal(found.state, 'complete')
    assert.equal(found.feeds[0]?.segments.length, 2)
    assert.equal(found.feeds[0]?.db.blocks, found.feeds[0]?.db.length)
  }
})

/** What is done to the stick, and what import, inspect and verify make of it. */
const damages: {
  name: string
  harm(scene: Scene): Promise<unknown>
  import: string | null
  state: string
}[] = [
  {
    name: 'a segment that was cut off',
    harm: ({ segment }) => truncate(segment, 5000),
    import: 'STICK_DAMAGED',
    state: 'damaged'
  },
  {
    name: 'a flipped bit in a block',
    harm: ({ segment }) => flip(segment, 200),
    import: 'STICK_DAMAGED',
    state: 'damaged'
  },
  {
    name: 'a flipped bit in the table',
    harm: ({ segment }) => flip(segment, -100),
    import: 'STICK_DAMAGED',
    state: 'damaged'
  },
  {
    name: 'a segment replaced by an older one under its name',
    harm: ({ segment }) => cp(segment.replace('0002', '0001'), segment),
    import: 'STICK_DAMAGED',
    state: 'damaged'
  },
  {
    name: 'a symlink in place of a segment',
    harm: async ({ segment, stick }) => {
      await rename(segment, join(stick, 'elsewhere'))
      await symlink(join(stick, 'elsewhere'), segment)
    },
    import: 'STICK_LINK',
    state: 'damaged'
  },
  {
    name: 'a torn stick.json',
    harm: ({ stick }) => writeFile(join(stick, 'chasqui', 'stick.json'), '{"sch'),
    import: null,
    state: 'complete'
  },
  {
    name: 'no marker: the export was cut',
    harm: ({ segment }) => rm(join(segment, '..', 'complete.json')),
    import: null,
    state: 'partial'
  },
  {
    name: 'a marker, a diary and a stick.json that are far too large',
    harm: async ({ segment, stick }) => {
      const huge = Buffer.alloc(9 * 1024 * 1024, '{')
      await writeFile(join(segment, '..', 'complete.json'), huge)
      for (const name of ['visits.json', 'stick.json']) await writeFile(join(stick, 'chasqui', name), huge)
    },
    import: null,
    state: 'partial'
  },
  {
    name: 'a footer that claims a table of a terabyte',
    harm: async ({ segment }) => {
      const bytes = await readFile(segment)
      bytes.writeBigUInt64LE(2n ** 40n, bytes.length - 48)
      await writeFile(segment, bytes)
    },
    import: 'STICK_DAMAGED',
    state: 'damaged'
  },
  {
    name: 'a report that is no report, and one that is far too large',
    harm: async ({ stick }) => {
      await mkdir(join(stick, 'chasqui', 'reports'), { recursive: true })
      await writeFile(join(stick, 'chasqui', 'reports', 'ee.rep'), 'hello')
      await writeFile(join(stick, 'chasqui', 'reports', 'ef.rep'), Buffer.alloc(65 * 1024 * 1024))
    },
    import: null,
    state: 'damaged'
  },
  {
    name: 'a segment that went away',
    harm: ({ segment }) => rm(segment),
    import: null,
    state: 'partial'
  }
]

for (const damage of damages) {
  test(`meets ${damage.name}: names it, takes the rest, and the next export repairs it`, async (t) => {
    const { publisher, branch, stick, ...rest } = await scene(t)
    await damage.harm({ publisher, branch, stick, ...rest })
    assert.equal((await inspect(stick, true)).state, damage.state)
    const taken = await importStick(branch, stick, tools, context)
    assert.equal(taken.rejected[0]?.code ?? null, damage.import)
    await branch.drive.advance()
    assert.ok(await holdsRelease(branch, 1))
    await exportStick(publisher, everything(stick), tools, context)
    const again = await importStick(branch, stick, tools, context)
    assert.deepEqual(again.rejected, [])
    await branch.drive.advance()
    assert.ok(await holdsRelease(branch, 2))
    assert.equal((await inspect(stick, true)).state, 'complete')
  })
}

const losses = damages.filter((one) => one.import !== null || one.name === 'a segment that went away')
for (const damage of losses) {
  test(`meets ${damage.name} at a branch that cannot mend it: says so until head office does`, async (t) => {
    const { publisher, branch, stick, segment } = await scene(t)
    await damage.harm({ publisher, branch, stick, segment })
    await syncStick(branch, everything(stick), tools, context)
    for (const everyByte of [false, true]) {
      assert.equal((await inspect(stick, everyByte)).state, damage.state, 'after the branch')
    }
    await syncStick(publisher, everything(stick), tools, context)
    for (const everyByte of [false, true]) {
      assert.equal((await inspect(stick, everyByte)).state, 'complete', 'after head office')
    }
    const next = await openTestHome(t, { key: publisher.feed.db.key, node: '0c'.repeat(32) })
    assert.deepEqual((await importStick(next, stick, tools, context)).rejected, [])
    await next.drive.advance()
    assert.ok(await holdsRelease(next, 2))
  })
}

test('an export that takes only the newest release still mends what the stick had before', async (t) => {
  const { publisher, stick, segment } = await scene(t)
  await flip(segment.replace('0002', '0001'), -100)
  const blocks = [{ offset: 0, length: 1 }]
  const newest: TestHome = { ...publisher, select: async () => ({ releases: [], blocks, branches: [] }) }
  const filter = { modules: [], channel: null, branches: [], latest: true }
  await exportStick(newest, { ...everything(stick), filter }, tools, context)
  assert.equal((await inspect(stick, true)).state, 'complete')
  const next = await openTestHome(t, { key: publisher.feed.db.key, node: '0c'.repeat(32) })
  await importStick(next, stick, tools, context)
  await next.drive.advance()
  assert.ok(await holdsRelease(next, 1))
})

test('a segment that cannot be read this time is not deleted', async (t) => {
  const { publisher, branch, stick, segment } = await scene(t)
  const failing = {
    ...tools,
    fs: {
      ...tools.fs,
      async openFile(path: string) {
        if (path === segment) throw Object.assign(new Error('bad sector'), { code: 'EIO' })
        return tools.fs.openFile(path)
      }
    }
  }
  for (const home of [branch, publisher]) await syncStick(home, everything(stick), failing, context)
  assert.ok((await readdir(join(segment, '..'))).includes('0002.seg'))
  await syncStick(publisher, everything(stick), tools, context)
  assert.equal((await inspect(stick, true)).state, 'complete')
})

for (const where of ['first', 'last'] as const)
  test(`a stick that gives back other bytes than were written to it is found out at once: the ${where}`, (t) =>
    wornStick(t, where))

async function wornStick(t: TestContext, where: 'first' | 'last') {
  const publisher = await openTestHome(t, { seed: 1 })
  const pack = join(await temporaryFolder(t), 'pack')
  await writeFile(pack, randomBytes(10_000_000))
  await publisher.publish({ put: [{ path: '/packs/large', file: pack }], remove: [] })
  const stick = await temporaryFolder(t)
  const worn = {
    ...tools.fs,
    async createFile(path: string, mode: number) {
      const writer = await tools.fs.createFile(path, mode)
      if (!path.includes('.seg.')) return writer
      let writes = 0
      const write = (bytes: Uint8Array) => {
        const stored = Buffer.from(bytes)
        // large writes, and the rest as the last one
        const isHere = where === 'first' ? writes++ === 0 : bytes.length < 4 * 1024 * 1024
        const at = where === 'first' ? 5000 : stored.length - 1
        if (isHere) stored.writeUInt8(stored.readUInt8(at) ^ 1, at)
        return writer.write(stored)
      }
      return { ...writer, write }
    }
  }
  const dropped: string[] = []
  const fs = {
    ...worn,
    async dropCached(path: string) {
      dropped.push(path)
      return worn.dropCached(path)
    }
  }
  const round = exportStick(publisher, everything(stick), { ...tools, fs }, context)
  await assert.rejects(round, { code: 'STICK_DAMAGED' })
  const left = await readdir(join(stick, 'chasqui', 'feeds'), { recursive: true })
  assert.deepEqual(
    left.filter((name) => name.includes('.seg')),
    []
  )
  assert.equal(dropped.length, 1)
}

test('a stick that is pulled while it is read back is not called broken', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  const fs = {
    ...tools.fs,
    async dropCached(path: string) {
      await rm(path)
      return true
    }
  }
  const round = exportStick(publisher, everything(stick), { ...tools, fs }, context)
  await assert.rejects(round, { code: 'STICK_REMOVED' })
})

test('a home whose disk has changed a block does not pass it on, and the stick is not blamed', async (t) => {
  const sound = await openTestHome(t, { seed: 1 })
  await publish(sound, 1)
  await sound.close()
  const cores = join(sound.directory, 'cores', 'db')
  for (const name of (await readdir(cores)).filter((name) => name.endsWith('.blob'))) {
    const bytes = await readFile(join(cores, name))
    // in the middle of what it holds
    await writeFile(
      join(cores, name),
      bytes.fill(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1, 1 + (bytes.length >> 1))
    )
  }
  const publisher = await openTestHome(t, { seed: 1, directory: sound.directory })
  const stick = await temporaryFolder(t)
  await assert.rejects(exportStick(publisher, everything(stick), tools, context), {
    code: 'HOME_DAMAGED',
    message: /^block \d+ in this home's store is damaged/
  })
  const left = await readdir(join(stick, 'chasqui', 'feeds'), { recursive: true })
  assert.deepEqual(
    left.filter((name) => name.includes('.seg')),
    []
  )
})

const refusals: {
  name: string
  make(scene: Scene): Promise<unknown>
  import: string
  export: string | null
}[] = [
  {
    name: 'a folder that is no stick',
    make: ({ stick }) => rm(join(stick, 'chasqui'), { recursive: true }),
    import: 'STICK_NOT_A_STICK',
    export: null
  },
  {
    name: 'a path that is not there',
    make: ({ stick }) => rm(stick, { recursive: true }),
    import: 'STICK_MISSING',
    export: 'STICK_MISSING'
  },
  {
    name: 'a symlink named chasqui',
    make: async ({ stick }) => {
      await rename(join(stick, 'chasqui'), join(stick, 'other'))
      await symlink(join(stick, 'other'), join(stick, 'chasqui'))
    },
    import: 'STICK_LINK',
    export: 'STICK_LINK'
  },
  {
    name: 'a folder named chasqui that somebody else made',
    make: async ({ stick }) => {
      await rm(join(stick, 'chasqui'), { recursive: true })
      await mkdir(join(stick, 'chasqui', 'photos'), { recursive: true })
    },
    import: 'STICK_NOT_A_STICK',
    export: 'STICK_NOT_OURS'
  },
  {
    name: 'a symlink in place of the feeds',
    make: async ({ stick }) => {
      await rename(join(stick, 'chasqui', 'feeds'), join(stick, 'feeds'))
      await symlink(join(stick, 'feeds'), join(stick, 'chasqui', 'feeds'))
    },
    import: 'STICK_LINK',
    export: 'STICK_LINK'
  }
]

for (const refusal of refusals) {
  test(`refuses ${refusal.name}`, async (t) => {
    const found = await scene(t)
    await refusal.make(found)
    await assert.rejects(importStick(found.branch, found.stick, tools, context), { code: refusal.import })
    const wrote = exportStick(found.publisher, everything(found.stick), tools, context)
    if (refusal.export === null) await wrote
    else await assert.rejects(wrote, { code: refusal.export })
  })
}

test('refuses a stick of another fleet and leaves it as it is; two fleets fit side by side', async (t) => {
  const { publisher, branch, stick } = await scene(t)
  const other = await openTestHome(t, { seed: 2, fleet: 'f2'.repeat(32) })
  await publish(other, 1)
  await assert.rejects(importStick(other, stick, tools, context), { code: 'STICK_OTHER_FLEET' })
  await exportStick(other, everything(stick), tools, context)
  const found = await inspect(stick, true)
  assert.deepEqual(
    found.feeds.map(({ state }) => state),
    ['complete', 'complete']
  )
  assert.deepEqual((await importStick(branch, stick, tools, context)).rejected, [])
  assert.equal((await exportStick(publisher, everything(stick), tools, context)).wrote.segments, 0)
})

test('keeps a report that it cannot verify on the stick for those who can', async (t) => {
  const { publisher, branch, stick } = await scene(t)
  branch.keep(testReport(8, 'from another fleet'))
  await importStick(branch, stick, tools, context)
  const refusing: TestHome = { ...publisher, records: { ...publisher.records, offer: async () => 'refused' } }
  // one that has the same bundle written again
  refusing.keep({ ...testReport(9, 'ours'), author: testReport(8, '').author })
  const synced = await syncStick(refusing, everything(stick), tools, context)
  assert.deepEqual(synced.reports, { in: 0, out: 1 })
  const next = await openTestHome(t, { key: publisher.feed.db.key, node: '0c'.repeat(32) })
  assert.equal((await importStick(next, stick, tools, context)).reports.in, 2)
})

test('a damaged byte among reports costs one of them, and the next visit brings it again', async (t) => {
  const { publisher, branch, stick } = await scene(t)
  const { author } = testReport(7, '')
  const reports = [1, 2, 3].map((n) => ({ ...testReport(6 + n, `report ${n}`), author }))
  for (const report of reports) branch.keep(report)
  await importStick(branch, stick, tools, context)
  await flip(join(stick, 'chasqui', 'reports', `${author.slice(0, 2)}.rep`), 60)
  assert.equal((await syncStick(publisher, everything(stick), tools, context)).reports.in, 2)
  await importStick(branch, stick, tools, context)
  assert.equal((await importStick(publisher, stick, tools, context)).reports.in, 1)
})

test('reports that cannot be read this time are not written over', async (t) => {
  const { publisher, branch, stick } = await scene(t)
  const { author } = testReport(7, '')
  branch.keep(testReport(7, 'runs 1'))
  await importStick(branch, stick, tools, context)
  const failing = {
    ...tools.fs,
    async openFile(path: string) {
      if (path.endsWith('.rep')) throw Object.assign(new Error('bad sector'), { code: 'EIO' })
      return tools.fs.openFile(path)
    }
  }
  publisher.keep({ ...testReport(9, 'ours'), author })
  await syncStick(publisher, everything(stick), { ...tools, fs: failing }, context)
  assert.equal((await importStick(publisher, stick, tools, context)).reports.in, 1)
})

test('the reports of 10,000 branches take one folder of few files, written once each', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const { bytes } = testReport(7, 'runs 1')
  const authors = Array.from({ length: 10_000 }, (_, n) => createHash('sha256').update(`${n}`).digest('hex'))
  const list = async () =>
    authors.map((author, n) => ({ author, bytes: Buffer.concat([bytes, Buffer.from(`${n}`)]) }))
  const many: TestHome = { ...publisher, records: { list, offer: async () => 'known' } }
  const stick = await temporaryFolder(t)
  const given = await exportStick(many, everything(stick), tools, context)
  assert.equal(given.reports.out, 10_000)
  assert.equal((await readdir(join(stick, 'chasqui', 'reports'))).length, 256)
  assert.equal((await exportStick(many, everything(stick), tools, context)).reports.out, 0)
})

/** A difference of whole packs is nothing that a person could read. */
async function holdsRelease(home: TestHome, release: number): Promise<boolean> {
  const found = await home.read(`/packs/${release}`)
  return found !== null && Buffer.from(found).equals(noise(100_000, release))
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  const index = at < 0 ? bytes.length + at : at
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index)
  await writeFile(path, bytes)
}
