// What can be wrong with programs in the middle of an update, and a node that is killed again and again: the old version is back,
// files and database, it runs, and the release is counted or closed.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isOfTheRelease } from '../../node/apply/blame.ts'
import { createEngine } from '../../node/apply/engine.ts'
import type { EngineParts } from '../../node/apply/parts.ts'
import type { ApplyResult, Failure } from '../../node/apply/types.ts'
import { ChasquiError, type ErrorCode } from '../../src/errors.ts'
import type { ProcessRequest, ProcessResult } from '../../src/system/process.ts'
import { LOCKING_COMMANDS, SimulatedBranch } from './simulated-branch.ts'

const V1 = { 'version.txt': '1.0.0', 'main.js': 'one' }
const V2 = { 'version.txt': '2.0.0', 'main.js': 'two' }
const v2 = { module: 'shop', version: '2.0.0', files: V2, from: '1.0.0' }
const SALES = { schema: '1.0.0', migrations: [], sales: ['before'] }

/** What a program does instead; undefined: what it does otherwise. */
type Fault = (branch: SimulatedBranch, request: ProcessRequest) => Partial<ProcessResult> | undefined

function hangs(): never {
  throw new ChasquiError('PROCESS_TIMEOUT', 'it did not end in time')
}

/** The fault of one verb of the application's program, while the new version is there or always. */
const when =
  (verb: string, act: (branch: SimulatedBranch) => Partial<ProcessResult>, version = '2.0.0'): Fault =>
  (branch, { command }) =>
    command[1] === verb && branch.till.version() === version ? act(branch) : undefined

const before = (verb: string, act: (branch: SimulatedBranch) => Partial<ProcessResult>) =>
  when(verb, act, '1.0.0')

const half = (branch: SimulatedBranch) => {
  branch.till.database = { schema: 'half 2.0.0', migrations: ['half'], sales: [] }
}

const rows: { name: string; fault: Fault; step: string; code: ErrorCode; isReleases: boolean }[] = [
  {
    name: 'a check hangs',
    fault: when('health', hangs),
    step: 'check',
    code: 'CHECK_FAILED',
    isReleases: true
  },
  {
    name: 'a check crashes',
    fault: when('health', () => ({ status: 139 })),
    step: 'check',
    code: 'CHECK_FAILED',
    isReleases: true
  },
  {
    name: 'a migration hangs half-way',
    fault: when('migrate', (branch) => {
      half(branch)
      return hangs()
    }),
    step: 'migrate',
    code: 'MIGRATION_FAILED',
    isReleases: true
  },
  {
    name: 'a migration is killed half-way',
    fault: when('migrate', (branch) => {
      half(branch)
      return { status: 137 }
    }),
    step: 'migrate',
    code: 'MIGRATION_FAILED',
    isReleases: true
  },
  {
    name: 'the backup fails',
    fault: before('dump', () => ({ status: 1, output: 'no' })),
    step: 'back-up',
    code: 'BACKUP_FAILED',
    isReleases: false
  },
  {
    name: 'the backup hangs',
    fault: before('dump', hangs),
    step: 'back-up',
    code: 'BACKUP_FAILED',
    isReleases: false
  },
  {
    name: 'the backup writes nothing anywhere',
    fault: before('dump', () => ({})),
    step: 'back-up',
    code: 'BACKUP_FAILED',
    isReleases: false
  },
  {
    name: 'the backup is cut off, as its own tool says',
    fault: before('verify', () => ({ status: 1, output: 'unexpected end of file' })),
    step: 'back-up',
    code: 'BACKUP_FAILED',
    isReleases: false
  },
  {
    name: 'the service hangs in its stop',
    fault: before('stop', hangs),
    step: 'stop',
    code: 'SERVICE_FAILED',
    isReleases: false
  },
  {
    name: 'the service says that it has stopped, and runs',
    fault: before('stop', () => ({})),
    step: 'stop',
    code: 'SERVICE_FAILED',
    isReleases: false
  },
  {
    name: 'the service hangs in its start',
    fault: when('start', hangs),
    step: 'start',
    code: 'SERVICE_FAILED',
    isReleases: true
  },
  {
    name: 'the service starts, then dies',
    fault: when('start', () => ({ output: 'started' })),
    step: 'check',
    code: 'CHECK_FAILED',
    isReleases: true
  }
]

async function branchWith(fault: Fault) {
  const branch = new SimulatedBranch({
    config: { commands: { ...LOCKING_COMMANDS, verify: ['/bin/ctl', 'verify', '{backup}'] } }
  })
  const { runner } = branch.parts
  const run = async (request: ProcessRequest, isFaulty: boolean) => {
    const instead = isFaulty ? fault(branch, request) : undefined
    if (instead === undefined && request.command[1] !== 'verify') return runner.run(request)
    return { status: 0, output: '', duration: 1, ...instead }
  }
  const parts = (isFaulty: boolean): EngineParts => ({
    ...branch.parts,
    runner: { run: (request) => run(request, isFaulty), end: (mark) => runner.end(mark) }
  })
  const first = { ...v2, version: '1.0.0', files: V1, from: null }
  const { result } = await createEngine(parts(false)).apply(branch.request(first))
  assert.equal(result, 'committed')
  return { branch, parts: parts(true) }
}

async function expectOld(branch: SimulatedBranch, parts: EngineParts, code: ErrorCode): Promise<void> {
  assert.deepEqual(branch.disk.snapshot('/srv/shop'), V1)
  assert.deepEqual(branch.till.database, SALES)
  assert.ok(branch.till.running && !branch.till.locked)
  const [entry] = await createEngine(parts).history()
  assert.deepEqual([entry?.result, entry?.error?.code], ['rolled-back', code])
}

describe('an update in which', () => {
  for (const { name, fault, step, code, isReleases } of rows) {
    test(`${name}: ${code} in ${step}, and the old version is back`, async () => {
      const { branch, parts } = await branchWith(fault)
      const engine = createEngine(parts)
      const result = await engine.apply(branch.request(v2))
      assert.deepEqual([result.result, result.error?.step, result.error?.code], ['rolled-back', step, code])
      await expectOld(branch, parts, code)
      const [entry] = await engine.quarantine('shop')
      assert.deepEqual([entry?.attempts, entry?.isClosed], [1, isReleases])
      const isSwapped = result.steps.some((one) => one.step === 'swap')
      assert.equal(isSwapped, !['stop', 'back-up'].includes(step), 'no swap without a backup')
    })
  }

  test('the backup cannot be read: nothing is swapped', async () => {
    const { branch, parts } = await branchWith(() => undefined)
    const fs = new Proxy(branch.disk, {
      get(disk, name) {
        const found = Reflect.get(disk, name)
        if (name !== 'digest') return typeof found === 'function' ? found.bind(disk) : found
        return async (path: string) => {
          if (path.endsWith('/database')) throw Object.assign(new Error('EIO'), { code: 'EIO' })
          return disk.digest(path)
        }
      }
    })
    const result = await createEngine({ ...parts, fs }).apply(branch.request(v2))
    assert.deepEqual([result.error?.step, result.error?.code], ['back-up', 'BACKUP_FAILED'])
    assert.ok(!result.steps.some((one) => one.step === 'swap'))
    await expectOld(branch, parts, 'BACKUP_FAILED')
  })
})

const FORWARD = ['fetched', 'staged', 'rehearsed', 'stopped', 'backed-up', 'swapped', 'migrated', 'started']

describe('a node that is killed each time in the state', () => {
  for (const state of FORWARD) {
    test(`${state}: gives up, the old version is back, and the release is quarantined`, async () => {
      const { branch, parts } = await branchWith(() => undefined)
      let deaths = 0
      /** null: it died */
      const process = async <T>(act: (parts: EngineParts) => Promise<T>): Promise<T | null> => {
        const { promise: death, resolve } = Promise.withResolvers<null>()
        const store = parts.state
        const dying = new Proxy(store, {
          get(target, name) {
            const found = Reflect.get(target, name)
            if (name !== 'put') return typeof found === 'function' ? found.bind(target) : found
            return async (changes: Record<string, unknown>) => {
              await target.put(changes)
              const isThere = Object.entries(changes).some(
                ([key, value]) =>
                  key.startsWith('apply/transaction/') &&
                  (value as { state?: string } | null)?.state === state
              )
              if (!isThere) return
              deaths++
              resolve(null)
              await new Promise(() => undefined)
            }
          }
        })
        return Promise.race([act({ ...parts, state: dying }), death])
      }
      let last: ApplyResult | null = null
      for (let starts = 0; starts < 100 && last?.result !== 'refused'; starts++) {
        const recovered = await process((own) => createEngine(own).recover())
        if (recovered !== null) last = await process((own) => createEngine(own).apply(branch.request(v2)))
      }
      assert.equal(last?.error?.code, 'APPLY_QUARANTINED')
      assert.ok(deaths >= branch.app.attempts && deaths <= 4 * branch.app.attempts, `${deaths} deaths`)
      await expectOld(branch, parts, 'APPLY_INTERRUPTED')
      const [entry] = await createEngine(parts).history()
      assert.equal(isOfTheRelease(entry?.error as Failure), false, 'reported as trouble of this machine')
    })
  }
})
