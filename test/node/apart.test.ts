import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import type { ApplyResult } from '../../node/apply/types.ts'
import { generic, runNode, SmallFleet } from './support.ts'

const MODULES = ['bar', 'pos', 'web']

/** Passes unless one of the files says bad. */
const CHECK = '#!/bin/sh\nfor f in */state.txt; do if grep -q bad "$f"; then exit 1; fi; done\nexit 0\n'

interface Applied {
  result: string
  transactions?: ApplyResult[]
}

/** `pos committed`: what became of each transaction. */
function outline({ transactions = [] }: Applied): string[] {
  return transactions.map(
    ({ releases, result }) => `${releases.map(({ module }) => module).join('+')} ${result}`
  )
}

describe('modules that failed together', () => {
  it('are tried apart: the culprit is found, the others get through, and no good release is halted', async (t) => {
    const fleet = await SmallFleet.create(t)
    const program = fleet.path('check.sh')
    await writeFile(program, CHECK, { mode: 0o755 })
    const check = `[[apps.shop.checks]]\nkind = "command"\ncommand = ['${program}']\nretries = 0`
    const configOf = (name: string) => generic('shop', fleet.path('live', name), '"*"', check)
    const node = await fleet.join('norte', configOf('norte'))
    const other = await fleet.join('sur', configOf('sur'))
    for (const module of MODULES) await fleet.publish(module, '1.0.0', { 'state.txt': 'good' })
    await fleet.bring(node)
    assert.equal((await runNode<Applied>(node, 'apply')).result, 'committed')

    for (const module of MODULES) {
      const text = module === 'pos' ? 'bad' : 'better'
      await fleet.publish(module, '2.0.0', { 'state.txt': text }, { channel: 'beta' })
      const haltAfter = { failures: 1, percentage: 0 }
      await fleet.run('promote', { release: `${module}@2.0.0`, channel: 'stable', haltAfter })
    }
    const haltsElsewhere = async () => {
      await fleet.takeHome(node)
      await fleet.bring(other)
      const { halts } = await runNode<{ halts: { module: string }[] }>(other, 'status')
      return halts.map(({ module }) => module)
    }
    await fleet.bring(node)
    assert.equal((await runNode<Applied>(node, 'apply')).result, 'rolled-back')
    assert.deepEqual(await haltsElsewhere(), [])

    const apart = await runNode<Applied>(node, 'apply')
    assert.deepEqual(outline(apart), ['bar committed', 'pos rolled-back', 'web committed'])
    assert.deepEqual(await haltsElsewhere(), ['pos'])
  })
})
