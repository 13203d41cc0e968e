// kill -9 of the real daemon at 50 random moments of applies: after each, the next start ends what was begun, and the app's
// folder is the tree from before or the new one, whole.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { addressOf, Lab, readFolder, shopConfig, writeTree } from './support.ts'

const ROUNDS = 50
const FILES = 150

const files = (round: number) => ({
  ...Object.fromEntries(
    Array.from({ length: FILES }, (_, i) => [
      `d${i % 7}/f${i}.txt`,
      `${i} of ${i % 3 === 0 ? round : 0}\n`.repeat(300)
    ])
  ),
  'version.txt': `1.${round}.0\n`
})

describe('kill -9', () => {
  it(`at ${ROUNDS} random moments of applies never leaves a third state`, async (t) => {
    const lab = await Lab.create(t, 'kills')
    await lab.init()
    await mkdir(lab.path('live'))
    const app = lab.path('live', 'shop')
    await lab.branch('norte', shopConfig(app))
    const publisher = await lab.daemon(
      'publisher',
      'publisher',
      '--listen',
      '127.0.0.1:0',
      '--no-internet',
      '--no-lan'
    )
    const address = await addressOf(publisher)
    const source = lab.path('shop')
    const outcomes: Record<string, number> = {}
    let before = JSON.stringify({})
    let wanted = before
    let seed = 42
    for (let round = 0; round < ROUNDS; round++) {
      await writeTree(source, files(round))
      await lab.publish(source, '--module', 'shop')
      wanted = JSON.stringify(await readFolder(source))
      const node = await lab.daemon('node', 'norte', '--peer', address)
      await node.event((one) => one.event === 'step' || one.event === 'recovered')
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      await sleep((seed >>> 16) % 400)
      await node.kill()
      // the next start, with nobody to ask, ends what was begun
      await (await lab.daemon('node', 'norte')).stop()
      const left = JSON.stringify(await readFolder(app).catch(() => ({})))
      const name = left === wanted ? 'new' : 'old'
      if (name === 'old') assert.equal(left, before, `a third state in round ${round}`)
      outcomes[name] = (outcomes[name] ?? 0) + 1
      before = left
    }
    await lab.daemon('node', 'norte', '--peer', address)
    while (JSON.stringify(await readFolder(app).catch(() => ({}))) !== wanted) {
      await sleep(200)
    }
    t.diagnostic(`${ROUNDS} kills: ${JSON.stringify(outcomes)}; the next run finished`)
  })
})
