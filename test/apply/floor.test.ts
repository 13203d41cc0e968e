// The highest version that passed its checks is known from the moment of the commit on, whoever brings the commit about.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine } from '../../node/apply/engine.ts'
import { createRecords } from '../../node/apply/records.ts'
import { SimulatedBranch } from './simulated-branch.ts'

const release = (version: string, from: string | null) => ({
  module: 'shop',
  version,
  from,
  files: { 'version.txt': version }
})

const floorOf = ({ state }: SimulatedBranch) => createRecords(state).floor('shop', 'shop', 'default')

test('a commit raises the floor, a backup that comes back does not lower it', async () => {
  const branch = new SimulatedBranch()
  const engine = branch.engine()
  for (const [version, from] of [
    ['1.0.0', null],
    ['2.0.0', '1.0.0']
  ] as const) {
    await engine.apply(branch.request(release(version, from)))
    assert.equal(await floorOf(branch), version)
  }
  const back = await engine.rollback({ app: branch.app, backup: null, withDatabase: true })
  assert.equal(back.result, 'committed', JSON.stringify(back))
  assert.equal(await floorOf(branch), '2.0.0')
})

test('a commit that a restart brings about raises the floor as well', async () => {
  const branch = new SimulatedBranch()
  await branch.install(release('1.0.0', null))
  const { parts } = branch
  const isCut = new Promise<void>((resolve) => {
    const run: typeof parts.runner.run = (request) => {
      const isAfter = request.command.includes('health') && branch.till.version() === '2.0.0'
      if (!isAfter) return parts.runner.run(request)
      resolve()
      return new Promise(() => undefined) // the process dies here
    }
    const runner = { run, end: async () => undefined }
    void createEngine({ ...parts, runner }).apply(branch.request(release('2.0.0', '1.0.0')))
  })
  await isCut
  assert.equal(await floorOf(branch), '1.0.0')
  const [result] = await branch.engine().recover()
  assert.equal(result?.result, 'committed', JSON.stringify(result))
  assert.equal(await floorOf(branch), '2.0.0')
})
