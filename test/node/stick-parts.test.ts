// A stick that brings the packs of one application and not those of another: of several sticks the other one does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realStickTools } from '../../src/stick/commands.ts'
import { openFolder } from '../../src/stick/open.ts'
import { readVisits } from '../../src/stick/visits.ts'
import { watchSticks } from '../../src/stick/watcher.ts'
import { silentLog } from '../../src/system/log.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { generic, runNode, SmallFleet } from './support.ts'

test('what is here is applied, and what comes with another stick waits and is no error', async (t) => {
  const fleet = await SmallFleet.create(t)
  await fleet.publish('kitchen', '1.0.0', { 'a.txt': 'kitchen' })
  await fleet.publish('till', '1.0.0', { 'a.txt': 'till' })
  const app = (name: string) => generic(name, fleet.path('live', name), `"${name}"`, 'auto = "all"')
  const node = await fleet.join('Norte', `${app('kitchen')}${app('till')}`)
  const stick = fleet.path('stick')
  await fleet.run('stick.export', { stick, modules: ['till'] })
  const watcher = watchSticks({
    home: node.stick,
    mounts: { list: async () => [stick] },
    tools: realStickTools,
    log: silentLog,
    emit: () => undefined,
    interval: 3_600_000
  })
  t.after(() => watcher.stop())
  await watcher.look()
  const [seen] = watcher.sticks()
  assert.deepEqual([seen?.state, seen?.troubles], ['done', []])
  const [visit] = await readVisits(await openFolder(realFileSystem, stick))
  assert.deepEqual(visit?.after, [{ app: 'till', module: 'till', version: '1.0.0' }])
  assert.deepEqual(
    visit?.waiting.map(({ module, code }) => [module, code]),
    [['kitchen', 'PLAN_NOT_HERE']]
  )
  await fleet.run('stick.export', { stick })
  const { waiting } = await runNode<{ waiting: unknown[] }>(node, 'stick.import', { stick })
  assert.deepEqual(waiting, [
    {
      app: 'kitchen',
      module: 'kitchen',
      version: '1.0.0',
      code: 'READY',
      reason: '"chasqui node apply" applies it now, "chasqui node run" by itself'
    }
  ])
})
