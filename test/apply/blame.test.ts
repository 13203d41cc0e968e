import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Step } from '../../node/apply/machine.ts'
import type { ApplyResult, QuarantineEntry } from '../../node/apply/types.ts'
import type { ErrorCode } from '../../src/errors.ts'
import type { ProcessRequest, ProcessRunner } from '../../src/system/process.ts'
import { type BranchOptions, type FakeRelease, SimulatedBranch } from './simulated-branch.ts'

const ONE = { 'version.txt': '1.0.0', 'ctl.sh': 'x run' }
const TWO = { 'version.txt': '2.0.0', 'ctl.sh': 'x run' }

type Next = FakeRelease & { from: string | null }

function next(module: string): Next {
  return { module, version: '2.0.0', files: TWO, from: '1.0.0' }
}

async function branchWith(modules: string[], options: BranchOptions = {}): Promise<SimulatedBranch> {
  const branch = new SimulatedBranch({ modules, ...options })
  await branch.install(...modules.map((module) => ({ module, version: '1.0.0', files: ONE })))
  return branch
}

/** `pos 1 open`, `web 1 closed`, `pos 1 apart`: what is noted against whom. */
function noted(entries: readonly QuarantineEntry[]): string[] {
  const stateOf = ({ isClosed, together }: QuarantineEntry) =>
    isClosed ? 'closed' : together === true ? 'apart' : 'open'
  return entries.map((one) => `${one.module} ${one.attempts} ${stateOf(one)}`).sort()
}

/** A till whose programs cannot be run for a reason of the machine. */
function troubled(branch: SimulatedBranch, verb: string, errno: string): ProcessRunner {
  return {
    end: async () => undefined,
    async run(request: ProcessRequest) {
      if (request.command[1] !== verb) return branch.till.run(request)
      throw Object.assign(new Error(`${errno}: no luck`), { code: errno })
    }
  }
}

describe('trouble of the machine closes no quarantine', () => {
  const rows: { verb: string; errno: string; code: ErrorCode; step: Step; is: 'open' | 'closed' }[] = [
    { verb: 'migrate', errno: 'ENOSPC', code: 'MIGRATION_FAILED', step: 'migrate', is: 'open' },
    { verb: 'migrate', errno: 'EDQUOT', code: 'MIGRATION_FAILED', step: 'migrate', is: 'open' },
    { verb: 'migrate', errno: 'EIO', code: 'MIGRATION_FAILED', step: 'migrate', is: 'open' },
    { verb: 'migrate', errno: 'EROFS', code: 'MIGRATION_FAILED', step: 'migrate', is: 'open' },
    { verb: 'migrate', errno: 'EACCES', code: 'MIGRATION_FAILED', step: 'migrate', is: 'open' },
    { verb: 'migrate', errno: 'E2BIG', code: 'MIGRATION_FAILED', step: 'migrate', is: 'closed' },
    { verb: 'dump', errno: 'E2BIG', code: 'BACKUP_FAILED', step: 'back-up', is: 'open' },
    { verb: 'dump', errno: 'ENOSPC', code: 'BACKUP_FAILED', step: 'back-up', is: 'open' }
  ]
  for (const { verb, errno, code, step, is } of rows) {
    test(`${errno} in ${step}: ${is}`, async () => {
      const good = await branchWith(['shop'])
      const runner = troubled(good, verb, errno)
      const branch = new SimulatedBranch({ parts: { runner } }, good.disk, good.state)
      const result = await branch.engine().apply(branch.request(next('shop')))
      assert.equal(result.error?.code, code, JSON.stringify(result))
      assert.equal(result.error?.step, step)
      assert.deepEqual(noted(await branch.engine().quarantine('shop')), [`shop 1 ${is}`])
    })
  }

  for (const { attempts, expected } of [
    { attempts: 3, expected: ['shop 2 open'] },
    { attempts: 2, expected: ['shop 2 closed'] }
  ]) {
    test(`is counted, and ends after ${attempts} attempts`, async () => {
      const good = await branchWith(['shop'])
      const parts = { runner: troubled(good, 'migrate', 'ENOSPC') }
      const branch = new SimulatedBranch({ config: { attempts }, parts }, good.disk, good.state)
      for (let i = 0; i < 2; i++) await branch.engine().apply(branch.request(next('shop')))
      assert.deepEqual(noted(await branch.engine().quarantine('shop')), expected)
    })
  }
})

describe('a failure of several modules together', () => {
  const modules = ['bar', 'pos', 'web']
  const together = (branch: SimulatedBranch, force = false): Promise<ApplyResult> =>
    branch.engine().apply({ ...branch.request(...modules.map(next)), force })

  test('is held against nobody in particular: they are tried apart', async () => {
    const branch = await branchWith(modules)
    branch.till.faults = { sickVersion: '2.0.0' }
    const result = await together(branch)
    assert.equal(result.result, 'rolled-back')
    assert.deepEqual(result.blamed, [])
    assert.deepEqual((await branch.engine().history())[0]?.blamed, [])
    assert.deepEqual(noted(await branch.engine().quarantine('shop')), [
      'bar 1 apart',
      'pos 1 apart',
      'web 1 apart'
    ])
  })

  test('ends in quarantine when the attempts are used up', async () => {
    const branch = await branchWith(modules, { config: { attempts: 2 } })
    branch.till.faults = { sickVersion: '2.0.0' }
    await together(branch)
    await together(branch)
    assert.deepEqual(noted(await branch.engine().quarantine('shop')), [
      'bar 2 closed',
      'pos 2 closed',
      'web 2 closed'
    ])
  })

  test('does not make trouble of the machine a reason to try them apart', async () => {
    const branch = await branchWith(modules)
    branch.till.faults = { backupIsEmpty: true }
    assert.deepEqual((await together(branch)).blamed, [])
    assert.deepEqual(noted(await branch.engine().quarantine('shop')), [
      'bar 1 open',
      'pos 1 open',
      'web 1 open'
    ])
  })

  test('alone, the culprit is found; trouble of the machine leaves a suspect a suspect', async () => {
    const checks = [{ kind: 'http', url: 'http://127.0.0.1/', retries: 0 }]
    const first = await branchWith(modules)
    const isSick = () => first.disk.snapshot('/srv/shop')['pos/version.txt'] === '2.0.0'
    const http = { get: async () => ({ status: isSick() ? 500 : 200, body: '', type: '' }) }
    const on = (parts: Partial<typeof first.parts>) =>
      new SimulatedBranch({ modules, config: { checks }, parts: { http, ...parts } }, first.disk, first.state)
    const branch = on({})
    assert.equal((await together(branch)).result, 'rolled-back')
    const alone = (module: string, there = branch) => there.engine().apply(there.request(next(module)))
    const full = on({ runner: troubled(first, 'dump', 'ENOSPC') })
    assert.equal((await alone('bar', full)).error?.code, 'BACKUP_FAILED')
    assert.deepEqual(noted(await branch.engine().quarantine('shop'))[0], 'bar 2 apart')
    assert.equal((await alone('bar')).result, 'committed')
    assert.equal((await alone('pos')).result, 'rolled-back')
    assert.equal((await alone('web')).result, 'committed')
    assert.deepEqual(noted(await branch.engine().quarantine('shop')), ['pos 2 closed'])
  })

  for (const [what, check] of [
    ['of its files', { kind: 'files' }],
    ['of its version', { kind: 'version', module: 'pos', file: 'pos/version.txt' }]
  ] as const) {
    test(`a check ${what} that fails names the module, and is held against it alone`, async () => {
      const good = await branchWith(modules)
      const runner: ProcessRunner = {
        end: async () => undefined,
        async run(request) {
          const result = await good.till.run(request)
          // an application that writes over a file of the release
          if (request.command[1] === 'start') good.disk.plant('/srv/shop/pos/version.txt', '6.6.6')
          return result
        }
      }
      const config = { checks: [check] }
      const branch = new SimulatedBranch({ modules, config, parts: { runner } }, good.disk, good.state)
      const result = await branch.engine().apply(branch.request(...modules.map(next)))
      assert.deepEqual(
        [result.error?.code, result.error?.module],
        ['CHECK_FAILED', 'pos'],
        JSON.stringify(result)
      )
      assert.equal(result.checks?.[0]?.module, 'pos')
      assert.deepEqual(result.blamed, ['pos'])
      assert.deepEqual(noted(await branch.engine().quarantine('shop')), ['pos 1 closed'])
    })
  }

  const named: { what: string; prepare(branch: SimulatedBranch): Partial<SimulatedBranch['parts']> }[] = [
    {
      what: 'the migration of one',
      prepare: (branch) => ({
        runner: {
          end: async () => undefined,
          run: async (request) =>
            request.command[1] === 'migrate' && request.environment?.CHASQUI_MODULE === 'pos'
              ? { status: 1, output: 'no such column', duration: 1 }
              : branch.till.run(request)
        }
      })
    },
    {
      what: 'files of one that are not the signed ones',
      prepare: (branch) => ({
        stage: async (item, into, base) =>
          branch.parts.stage(
            item.module === 'pos' ? { ...item, release: { ...item.release, version: 'none' } } : item,
            into,
            base
          )
      })
    }
  ]
  for (const { what, prepare } of named) {
    test(`${what} is held against that one alone`, async () => {
      const good = await branchWith(modules)
      const parts = prepare(good)
      const branch = new SimulatedBranch({ modules, parts }, good.disk, good.state)
      const request = branch.request(...modules.map(next))
      for (const [name, files] of branch.contents) good.contents.set(name, files)
      const result = await branch.engine().apply(request)
      assert.deepEqual(result.blamed, ['pos'], JSON.stringify(result))
      assert.deepEqual(noted(await branch.engine().quarantine('shop')), ['pos 1 closed'])
    })
  }
})
