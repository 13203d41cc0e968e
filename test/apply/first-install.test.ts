// A first install that goes wrong: there is no old version, so the way back ends with nothing there, and with what did not run
// still not running. What ran before has to run again.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createEngine } from '../../node/apply/engine.ts'
import type { EngineParts } from '../../node/apply/parts.ts'
import type { Engine } from '../../node/apply/types.ts'
import { type BranchOptions, SimulatedBranch } from './simulated-branch.ts'
import type { TillFaults } from './simulated-till.ts'

const V1 = { 'version.txt': '1.0.0', ctl: 'x run' }
const first = { module: 'shop', version: '1.0.0', files: V1, from: null }

/** A branch in which nothing is installed, whose service cannot be started by anybody. */
function branchWith(ran: boolean, startFails: boolean, faults: TillFaults = {}, config = {}) {
  const options: BranchOptions = { config }
  const branch = new SimulatedBranch(options)
  branch.till.running = ran
  branch.till.faults = faults
  const world = { startFails }
  const { runner } = branch.parts
  const parts: EngineParts = {
    ...branch.parts,
    runner: {
      end: (mark) => runner.end(mark),
      async run(request) {
        if (request.command[1] !== 'start' || !world.startFails) return runner.run(request)
        branch.till.calls.push('start')
        return { status: 1, output: 'will not start', duration: 1 }
      }
    }
  }
  return { branch, engine: createEngine(parts), world }
}

async function expectNothing(branch: SimulatedBranch, engine: Engine): Promise<void> {
  assert.equal(await branch.disk.stat('/srv/shop'), null)
  assert.deepEqual(await engine.installed('shop'), [])
  assert.deepEqual(await engine.pending(), [])
  assert.ok(!('shop.down' in branch.disk.snapshot('/srv/.chasqui-shop')), 'nothing keeps it down')
}

describe('a first install', () => {
  const rows: { name: string; startFails: boolean; faults: TillFaults; starts: number }[] = [
    { name: 'whose service does not start', startFails: true, faults: {}, starts: 1 },
    { name: 'that is sick', startFails: false, faults: { sickVersion: '1.0.0' }, starts: 1 },
    { name: 'whose backup is empty', startFails: true, faults: { backupIsEmpty: true }, starts: 0 }
  ]
  for (const { name, startFails, faults, starts } of rows) {
    test(`${name} is rolled back to nothing, and to a service that does not run`, async () => {
      const { branch, engine } = branchWith(false, startFails, faults)
      const result = await engine.apply(branch.request(first))
      assert.equal(result.result, 'rolled-back', JSON.stringify(result))
      await expectNothing(branch, engine)
      assert.equal(branch.till.running, false)
      assert.equal(branch.till.calls.filter((call) => call === 'start').length, starts)
    })
  }

  test('the cut of one is rolled back in the same way', async () => {
    const { branch, engine } = branchWith(false, true)
    const { runner, ...parts } = branch.parts
    const cut = createEngine({
      ...parts,
      runner: {
        end: (mark) => runner.end(mark),
        run: (request) => (request.command[1] === 'dump' ? new Promise(() => {}) : runner.run(request))
      }
    })
    void cut.apply(branch.request(first))
    for (let turns = 0; turns < 2_000 && !branch.till.calls.includes('status'); turns++) await turn()
    for (let turns = 0; turns < 200; turns++) await turn()
    const [result] = await engine.recover()
    assert.equal(result?.result, 'rolled-back', JSON.stringify(result))
    assert.equal(result?.error?.code, 'APPLY_INTERRUPTED')
    await expectNothing(branch, engine)
  })

  test('needs no program to unlock that only the release brings', async () => {
    const commands = {
      stop: ['/bin/ctl', 'stop'],
      start: ['/bin/ctl', 'start'],
      status: ['/bin/ctl', 'status'],
      lock: ['./ctl', 'lock'],
      unlock: ['./ctl', 'unlock']
    }
    const { branch, engine } = branchWith(false, true, {}, { commands })
    const result = await engine.apply(branch.request(first))
    assert.equal(result.error?.step, 'start', JSON.stringify(result))
    assert.equal(result.result, 'rolled-back', JSON.stringify(result))
    await expectNothing(branch, engine)
  })

  test('is refused when a program is missing that no release can bring: one beside the folder', async () => {
    const commands = { stop: ['/srv/shop-tools/ctl', 'stop'], start: ['/bin/ctl', 'start'] }
    const { branch, engine } = branchWith(false, false, {}, { commands })
    const result = await engine.apply(branch.request(first))
    assert.equal(result.result, 'refused', JSON.stringify(result))
    assert.equal(result.error?.code, 'APPLY_TOOL_MISSING')
    assert.deepEqual(branch.till.calls, [])
  })

  test('into an application that ran has not gone back until it runs again', async () => {
    const { branch, engine, world } = branchWith(true, true)
    const result = await engine.apply(branch.request(first))
    assert.equal(result.state, 'restart-failed', JSON.stringify(result))
    world.startFails = false
    const [ended] = await engine.recover({}, { retry: 'now' })
    assert.equal(ended?.result, 'rolled-back')
    await expectNothing(branch, engine)
    assert.ok(branch.till.running)
  })
})

const turn = () => new Promise((resolve) => setImmediate(resolve))
