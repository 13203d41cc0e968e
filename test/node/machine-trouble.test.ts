// What a branch's machine is to blame for halts no release elsewhere: a disk, a tool, a backup; a failed check does.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import type { ApplyResult } from '../../node/apply/types.ts'
import { generic, runNode, SmallFleet } from './support.ts'

const TOOL = '#!/bin/sh\n'

const BACKUP = `backup = ["sh", "-c", 'echo dump > "$0"', "{backup}"]`

/** `bad`: a file that is there from the second update on. */
const rows: {
  name: string
  commands: (tool: string, bad: string) => string
  code: string
  isHalted: boolean
}[] = [
  {
    name: 'a backup that fails',
    commands: (tool, bad) =>
      `backup = ["sh", "-c", 'echo dump > "$0"; test ! -e ${bad}', "{backup}"]\nmigrate = ['${tool}', "{from}"]`,
    code: 'BACKUP_FAILED',
    isHalted: false
  },
  {
    name: 'a tool that goes away',
    commands: (tool, bad) =>
      `${BACKUP}\nstop = ["sh", "-c", 'test ! -e ${bad} || rm ${tool}']\nstart = ["true"]\nmigrate = ['${tool}', "{from}"]`,
    code: 'APPLY_TOOL_MISSING',
    isHalted: false
  },
  {
    name: 'a migration that fails',
    commands: (_tool, bad) => `${BACKUP}\nmigrate = ["sh", "-c", "test ! -e ${bad}", "{from}"]`,
    code: 'MIGRATION_FAILED',
    isHalted: true
  }
]

describe('failures of a single module', () => {
  for (const { name, commands, code, isHalted } of rows) {
    it(`${name} is ${isHalted ? '' : 'no '}evidence against the release`, async (t) => {
      const fleet = await SmallFleet.create(t)
      const [tool, bad] = [fleet.path('tool.sh'), fleet.path('bad')]
      await writeFile(tool, TOOL, { mode: 0o755 })
      const lines = `[apps.shop.commands]\n${commands(tool, bad)}\nrestore = ["true"]`
      const node = await fleet.join('norte', generic('shop', fleet.path('live', 'norte'), '"shop"', lines))
      const other = await fleet.join('sur', generic('shop', fleet.path('live', 'sur'), '"shop"'))
      await fleet.publish('shop', '1.0.0', { 'state.txt': 'one' })
      await fleet.bring(node)
      assert.equal((await runNode<ApplyResult>(node, 'apply')).result, 'committed')
      await fleet.publish('shop', '2.0.0', { 'state.txt': 'two' }, { channel: 'beta' })
      const haltAfter = { failures: 1, percentage: 0 }
      await fleet.run('promote', { release: 'shop@2.0.0', channel: 'stable', haltAfter })
      await fleet.bring(node)
      await writeFile(bad, '')
      const failed = await runNode<ApplyResult>(node, 'apply')
      assert.deepEqual([failed.result, failed.error?.code], ['rolled-back', code], JSON.stringify(failed))
      await fleet.takeHome(node)
      await fleet.bring(other)
      const { halts } = await runNode<{ halts: { module: string }[] }>(other, 'status')
      assert.deepEqual(
        halts.map(({ module }) => module),
        isHalted ? ['shop'] : []
      )
    })
  }
})
