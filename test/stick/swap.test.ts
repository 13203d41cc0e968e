// A stick that leaves while the branch applies what it brought: nothing is written to whatever is at its place by then.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { syncStick } from '../../src/stick/round.ts'
import { context, everything, exportAll, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder } from './support.ts'

const run = promisify(execFile)
const isRoot = process.platform === 'linux' && process.getuid?.() === 0

interface Scene {
  stick: string
  /** a folder beside the stick's */
  aside: string
}

const swaps: {
  name: string
  needsRoot?: boolean
  act(scene: Scene): Promise<unknown>
  undo?(scene: Scene): Promise<unknown>
}[] = [
  {
    name: 'pulled, so that the empty mount folder is left',
    act: ({ stick, aside }) => rename(join(stick, 'chasqui'), aside)
  },
  {
    name: 'swapped for a drive with photos and the same device number',
    act: async ({ stick, aside }) => {
      await rename(join(stick, 'chasqui'), aside)
      await writeFile(join(stick, 'foto.jpg'), 'beach')
    }
  },
  {
    name: 'swapped for another stick of the fleet with the same device number',
    act: async ({ stick }) => {
      const path = join(stick, 'chasqui', 'stick.json')
      const file = JSON.parse(await readFile(path, 'utf8')) as { id: string }
      await writeFile(path, JSON.stringify({ ...file, id: 'cd'.repeat(16) }))
    }
  },
  {
    name: 'swapped for a drive with another device number',
    needsRoot: true,
    act: async ({ stick }) => {
      await run('mount', ['-t', 'tmpfs', 'tmpfs', stick])
      await writeFile(join(stick, 'foto.jpg'), 'beach')
    },
    undo: ({ stick }) => run('umount', [stick])
  }
]

for (const swap of swaps) {
  const skip = swap.needsRoot === true && !isRoot && 'needs root to mount'
  test(`${swap.name}: the round ends with STICK_REMOVED and nothing is written there`, {
    skip
  }, async (t) => {
    const publisher = await openTestHome(t, { seed: 1 })
    await publish(publisher, 1)
    const stick = await temporaryFolder(t)
    await exportAll(publisher, stick)
    const aside = join(await temporaryFolder(t), 'chasqui')
    let before: string[] = []
    const branch: TestHome = {
      ...(await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })),
      async settle() {
        await swap.act({ stick, aside })
        before = await readdir(stick, { recursive: true })
        return []
      }
    }
    const round = syncStick(branch, everything(stick), tools, context, { settle: 'all', create: false })
    try {
      await assert.rejects(round, { code: 'STICK_REMOVED' })
      assert.deepEqual(await readdir(stick, { recursive: true }), before)
    } finally {
      await swap.undo?.({ stick, aside })
    }
  })
}

test('a stick that goes while it is being written to is not made anew', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  await publish(publisher, 2)
  const leaving: TestHome = {
    ...publisher,
    async select(filter) {
      await rm(join(stick, 'chasqui'), { recursive: true })
      return publisher.select(filter)
    }
  }
  await assert.rejects(exportAll(leaving, stick), { code: 'STICK_REMOVED' })
  assert.deepEqual(await readdir(stick), [])
})

test('the watcher’s round makes no stick of a drive that is none', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  const place = await temporaryFolder(t)
  await mkdir(join(place, 'DCIM'))
  await cp(new URL(import.meta.url), join(place, 'DCIM', 'foto.jpg'))
  const round = syncStick(publisher, everything(place), tools, context, { settle: 'all', create: false })
  await assert.rejects(round, { code: 'STICK_NOT_A_STICK' })
  assert.deepEqual(await readdir(place), ['DCIM'])
})
