// kill -9 of the real daemon at 50 random moments of applies: after each, the app's folder is the old tree or the new one,
// whole; the next start ends what was begun.
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
    let trees = [JSON.stringify({})]
    let seed = 42
    for (let round = 0; round < ROUNDS; round++) {
      await writeTree(source, files(round))
      await lab.publish(source, '--module', 'shop')
      trees = [...trees, JSON.stringify(await readFolder(source))]
      const node = await lab.daemon('node', 'norte', '--peer', address)
      await node.event((one) => one.event === 'step' || one.event === 'recovered')
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      await sleep((seed >>> 16) % 400)
      await node.kill()
      const left = JSON.stringify(await readFolder(app).catch(() => ({})))
      const age = trees.length - 1 - trees.lastIndexOf(left)
      assert.notEqual(trees.lastIndexOf(left), -1, `a third state in round ${round}`)
      const name = age === 0 ? 'new' : 'old'
      outcomes[name] = (outcomes[name] ?? 0) + 1
    }
    await lab.daemon('node', 'norte', '--peer', address)
    while (JSON.stringify(await readFolder(app).catch(() => ({}))) !== trees.at(-1)) {
      await sleep(200)
    }
    t.diagnostic(`${ROUNDS} kills: ${JSON.stringify(outcomes)}; the next run finished`)
  })
})
