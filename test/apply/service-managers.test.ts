// systemd or the Docker engine is away: trouble of the machine, found before anything is stopped and never held against a
// release. What the tools print then is RECORDED from the real ones (systemd 252 on Debian 12, Docker client 28.2.2); what they
// print when all is well is written from their documentation, as in services.test.ts.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { isOfTheRelease } from '../../node/apply/blame.ts'
import { createEngine } from '../../node/apply/engine.ts'
import type { EngineParts } from '../../node/apply/parts.ts'
import type { Failure } from '../../node/apply/types.ts'
import type { AppConfig } from '../../node/config/apps.ts'
import { ERROR_CODES, type ErrorCode } from '../../src/errors.ts'
import { type ProcessRequest, type ProcessResult, realProcessRunner } from '../../src/system/process.ts'
import { SimulatedBranch } from './simulated-branch.ts'

interface Recorded {
  /** what `--version` of the tool says */
  version: string
  command: readonly [string, ...string[]]
  status: number
  output: string
}

const SYSTEMD = 'systemd 252 (252.38-1~deb12u1)'
const DOCKER = 'Docker version 28.2.2, build e6534b4'

/** recorded: systemd 252 (252.38-1~deb12u1), on a machine whose first process is another; every verb answers so */
const NO_SYSTEMD: Recorded = {
  version: SYSTEMD,
  command: ['systemctl', 'show', '--property=Version'],
  status: 1,
  output: `System has not been booted with systemd as init system (PID 1). Can't operate.
Failed to connect to bus: Host is down
`
}
/** recorded: the same program, for a user without a session */
const NO_USER_SYSTEMD: Recorded = {
  version: SYSTEMD,
  command: ['systemctl', '--user', 'show', '--property=Version'],
  status: 1,
  output: 'Failed to connect to bus: No medium found\n'
}
/** recorded: Docker client 28.2.2 (e6534b4) without an engine; `docker ps` and `docker info` say the same line */
const NO_ENGINE: Recorded = {
  version: DOCKER,
  command: ['docker', 'version', '--format', '{{.Server.Version}}'],
  status: 1,
  output: `
Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?
`
}
/** recorded: Docker client 28.2.2 (e6534b4) without its compose plugin */
const NO_COMPOSE: Recorded = {
  version: DOCKER,
  command: ['docker', 'compose', 'version'],
  status: 1,
  output: `docker: unknown command: docker compose

Run 'docker --help' for more information
`
}

const V1 = { 'version.txt': '1.0.0' }
const V2 = { 'version.txt': '2.0.0' }
const COMPOSE = { kind: 'compose', file: '/srv/compose.yml' }

/** A service that makes something and ends with 0, and the till. */
function containersOf(isUp: boolean): string {
  const till = isUp ? { State: 'running', ExitCode: 0 } : { State: 'exited', ExitCode: 0 }
  const all = [
    { Service: 'bucket', State: 'exited', ExitCode: 0 },
    { Service: 'till', ...till }
  ]
  return all.map((one) => `${JSON.stringify(one)}\n`).join('')
}

/** A till that a manager runs; `away`: what the manager's tool prints now, whatever it is asked. */
async function managed(service: Record<string, unknown>) {
  const world = { away: null as Recorded | null, compose: true, asked: [] as string[], onAsk: () => {} }
  const answer = ({ command: [program, ...args] }: ProcessRequest): Partial<ProcessResult> => {
    world.asked.push([program, ...args].join(' ').replace('/bin/', ''))
    const line = args.filter((word) => word !== '--user').join(' ')
    if (line === 'compose version') return world.compose ? {} : NO_COMPOSE
    if (world.away !== null) return world.away
    world.onAsk()
    if (/^stop|compose .* stop/.test(line)) branch.till.running = false
    if (/^start|compose .* up/.test(line)) branch.till.running = true
    if (line.includes('config --services')) return { output: 'bucket\ntill\n' }
    if (/compose .* ps /.test(line)) return { output: containersOf(branch.till.running) }
    return { output: `LoadState=loaded\nActiveState=${branch.till.running ? 'active' : 'inactive'}\n` }
  }
  const branch: SimulatedBranch = new SimulatedBranch({
    config: {
      service,
      checks: [],
      commands: { backup: ['/bin/ctl', 'dump', '{backup}'], restore: ['/bin/ctl', 'load', '{backup}'] }
    },
    parts: {
      runner: {
        async run(request) {
          if (request.command[0] === '/bin/ctl') return branch.till.run(request)
          return { status: 0, output: '', duration: 1, ...answer(request) }
        },
        async end() {}
      }
    }
  })
  for (const tool of ['systemctl', 'docker']) branch.disk.plant(`/bin/${tool}`, 'program', 0o755)
  await branch.install({ module: 'shop', version: '1.0.0', files: V1 })
  world.asked.length = 0
  return {
    branch,
    world,
    update: branch.request({ module: 'shop', version: '2.0.0', files: V2, from: '1.0.0' })
  }
}

const rows: {
  name: string
  service: Record<string, unknown>
  recorded: Recorded
  code: ErrorCode
  message: RegExp
  hint: RegExp
}[] = [
  {
    name: 'systemd is not the init of the machine',
    service: { kind: 'systemd', name: 'till' },
    recorded: NO_SYSTEMD,
    code: 'SERVICE_UNREACHABLE',
    message: /^systemd does not answer: System has not been booted with systemd/,
    hint: /not started with systemd/
  },
  {
    name: 'the user has no systemd',
    service: { kind: 'systemd', name: 'till', user: true },
    recorded: NO_USER_SYSTEMD,
    code: 'SERVICE_UNREACHABLE',
    message: /^the systemd of this user does not answer: Failed to connect to bus: No medium found$/,
    hint: /enable-linger/
  },
  {
    name: 'there is no Docker engine',
    service: COMPOSE,
    recorded: NO_ENGINE,
    code: 'SERVICE_UNREACHABLE',
    message: /^the Docker engine does not answer: Cannot connect to the Docker daemon/,
    hint: /DOCKER_HOST/
  },
  {
    name: 'docker has no compose',
    service: COMPOSE,
    recorded: NO_COMPOSE,
    code: 'APPLY_TOOL_MISSING',
    message: /^docker has no "compose"$/,
    hint: /compose plugin/
  }
]

describe('a manager of services that is away', () => {
  for (const { name, service, recorded, code, message, hint } of rows) {
    test(`${name}: refused before the stop, and held against nobody`, async () => {
      const { branch, world, update } = await managed(service)
      if (recorded === NO_COMPOSE) world.compose = false
      else world.away = recorded
      const { result, error } = await branch.engine().apply(update)
      assert.deepEqual([result, error?.code], ['refused', code], JSON.stringify(error))
      assert.match(error?.message ?? '', message)
      assert.match(error?.hint ?? '', hint)
      assert.equal(ERROR_CODES.get(code)?.exit, 5)
      assert.ok(world.asked.includes(recorded.command.join(' ')), world.asked.join('\n'))
      assert.ok(!world.asked.some((line) => / (stop|up|start) /.test(line)), world.asked.join('\n'))
      assert.ok(branch.till.running)
      assert.deepEqual(branch.disk.snapshot('/srv/shop'), V1)
      assert.deepEqual(await branch.engine().quarantine('shop'), [])
    })

    test(`${name}: the tool of this machine says what was recorded`, async (t) => {
      const [tool, ...args] = recorded.command
      const path = ['/usr/bin', '/bin', '/usr/local/bin'].map((one) => `${one}/${tool}`).find(existsSync)
      if (path === undefined) return t.skip(`no ${tool} here`)
      const run = (...words: string[]) =>
        realProcessRunner.run({ command: [path, ...words], environment: { HOME: '/' }, timeout: 20_000 })
      const said = await run(...args)
      if (said.status === 0) return t.skip(`what ${tool} asks is here`)
      if (!(await run('--version')).output.startsWith(recorded.version)) return t.skip('of another version')
      assert.deepEqual([said.status, said.output], [recorded.status, recorded.output])
    })
  }

  for (const [service, recorded] of [
    [{ kind: 'systemd', name: 'till' }, NO_SYSTEMD],
    [COMPOSE, NO_ENGINE]
  ] as const) {
    test(`${service.kind}: goes away between the stop and the start: counted, not held against the release`, async () => {
      const { branch, world, update } = await managed(service)
      world.onAsk = () => {
        if (branch.till.version() === '2.0.0') world.away = recorded
      }
      const engine = branch.engine()
      const result = await engine.apply(update)
      // the first question after the swap is still answered
      assert.equal(result.state, 'restart-failed', JSON.stringify(result.steps))
      assert.equal(result.error?.step, 'start')
      assert.equal(result.error?.code, 'SERVICE_UNREACHABLE')
      assert.equal(isOfTheRelease(result.error as Failure), false)
      assert.deepEqual(branch.disk.snapshot('/srv/shop'), V1)
      world.away = null
      const [ended] = await engine.recover({}, { retry: 'now' })
      assert.equal(ended?.result, 'rolled-back')
      const [entry] = await engine.quarantine('shop')
      assert.deepEqual([entry?.attempts, entry?.isClosed], [1, false])
      assert.ok(branch.till.running)
    })
  }

  test('a service of a compose file that ends by itself is none that is down', async () => {
    const { branch, update } = await managed(COMPOSE)
    const result = await branch.engine().apply(update)
    assert.equal(result.result, 'committed', JSON.stringify(result))
    assert.ok(branch.till.running)
  })

  test('a part that never starts does not have the rest stopped each time that it is tried again', async () => {
    const { branch, world, update } = await managed(COMPOSE)
    const { runner } = branch.parts
    const engine = createEngine({
      ...branch.parts,
      runner: {
        end: (mark) => runner.end(mark),
        async run(request) {
          const answer = await runner.run(request)
          if (!request.command.includes('ps')) return answer
          return { ...answer, output: answer.output.replace('"ExitCode":0', '"ExitCode":1') }
        }
      }
    })
    const result = await engine.apply(update)
    assert.equal(result.state, 'restart-failed', JSON.stringify(result))
    assert.ok(branch.till.running)
    world.asked.length = 0
    const [again] = await engine.recover({}, { retry: 'now' })
    assert.equal(again?.state, 'restart-failed')
    assert.ok(!world.asked.some((line) => line.endsWith(' stop')), world.asked.join('\n'))
    assert.ok(branch.till.running)
    const [ended] = await branch.engine().recover({}, { retry: 'now' })
    assert.equal(ended?.result, 'rolled-back')
  })

  for (const [name, mailer, isUp] of [
    ['of which all runs', 0, true],
    ['of which a part runs', 1, true],
    ['of which nothing runs', 0, false]
  ] as const) {
    test(`a first install that fails for a compose file ${name}: ${isUp ? 'it runs again' : 'it stays down'}`, async () => {
      const { branch, update } = await managed(COMPOSE)
      await branch.engine().remove({ app: branch.app, module: 'shop' })
      branch.till.running = isUp
      const { runner, ...parts } = branch.parts
      const partly: EngineParts = {
        ...parts,
        runner: {
          end: (mark) => runner.end(mark),
          async run(request) {
            const answer = await runner.run(request)
            if (!request.command.includes('ps')) return answer
            return { ...answer, output: answer.output.replace(/"ExitCode":0/, `"ExitCode":${mailer}`) }
          }
        }
      }
      const first = { ...update, releases: update.releases.map((one) => ({ ...one, from: null })) }
      const checks: AppConfig['checks'] = [
        { kind: 'command', command: ['/bin/ctl', 'nothing'], status: 0, timeout: 1000, retries: 0, wait: 1 }
      ]
      const result = await createEngine(partly).apply({ ...first, app: { ...branch.app, checks } })
      assert.equal(result.result, mailer === 0 ? 'rolled-back' : 'rollback-failed', JSON.stringify(result))
      assert.equal(branch.till.running, isUp)
    })
  }

  test('a service that fails while its manager answers is the service’s failure', async () => {
    const { branch, world, update } = await managed({ kind: 'systemd', name: 'till' })
    const { runner } = branch.parts
    const failing = {
      ...runner,
      run: async (request: ProcessRequest) =>
        request.command[1] === 'stop' ? { status: 1, output: 'no', duration: 1 } : runner.run(request)
    }
    const parts = { ...branch.parts, runner: failing }
    const result = await createEngine(parts).apply(update)
    assert.equal(result.error?.code, 'SERVICE_FAILED')
    assert.equal(world.away, null)
  })
})
