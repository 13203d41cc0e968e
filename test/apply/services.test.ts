// One contract for all kinds of services. systemd, sc, NSSM, WinSW and docker cannot run here: a stand-in answers in the forms of
// the real tools, WRITTEN FROM THEIR DOCUMENTATION, none recorded (English and German), and keeps the state that they would
// keep. What was recorded from real ones is in service-managers.test.ts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { newTransaction } from '../../node/apply/plan.ts'
import { placesOf, type Work } from '../../node/apply/work.ts'
import type { ServiceConfig } from '../../node/config/apps.ts'
import { bringDown, bringUp } from '../../node/services/hold.ts'
import { createService } from '../../node/services/service.ts'
import type { ProcessRequest, ProcessResult, ProcessRunner } from '../../src/system/process.ts'
import { SimulatedBranch } from './simulated-branch.ts'

type Answer = { status?: number; output?: string }
interface StandIn {
  config: ServiceConfig
  platform: NodeJS.Platform
  environment?: Record<string, string>
  /** `up`: what the service is; changed by the answers */
  answer(argv: string[], world: { up: boolean; asked: number; refuses: boolean }): Answer
}

const SC = (state: string, english: boolean) =>
  english
    ? `\r\nSERVICE_NAME: erp\r\n        TYPE               : 10  WIN32_OWN_PROCESS\r\n        STATE              : ${state}\r\n                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)\r\n        WIN32_EXIT_CODE    : 0  (0x0)\r\n`
    : `\r\nDIENSTNAME: erp\r\n        TYP                : 10  WIN32_OWN_PROCESS\r\n        STATUS             : ${state}\r\n        WIN32_EXIT_CODE    : 0  (0x0)\r\n`

/** sc query: a stop takes two questions until it is done (3 STOP_PENDING in between). */
function windows(config: ServiceConfig, english: boolean): StandIn {
  return {
    config,
    platform: 'win32',
    answer([program = '', verb = ''], world) {
      if (program.endsWith('sc') && verb === 'query') {
        world.asked++
        const pending = !world.up && world.asked < 3
        return { output: SC(world.up ? '4  RUNNING' : pending ? '3  STOP_PENDING' : '1  STOPPED', english) }
      }
      if (verb === 'qc' || verb === 'config') return {}
      if (world.refuses) return { status: 5, output: english ? 'Access is denied.' : 'Zugriff verweigert' }
      world.up = verb === 'start'
      world.asked = 0
      return {}
    }
  }
}

/** docker compose ps --format json */
const CONTAINER = (Service: string, State = 'running', ExitCode = 0, more = {}) =>
  JSON.stringify({
    Name: `shop-${Service}-1`,
    Service,
    State,
    ExitCode,
    Health: '',
    Publishers: null,
    ...more
  })

const STAND_INS: Record<string, StandIn> = {
  systemd: {
    config: { kind: 'systemd', name: 'odoo', user: false, timeout: 5000 },
    platform: 'linux',
    answer([, verb = ''], world) {
      if (verb === 'show')
        return { output: `LoadState=loaded\nActiveState=${world.up ? 'active' : 'inactive'}\n` }
      if (verb === 'reset-failed' || verb === 'daemon-reload') return {}
      if (world.refuses)
        return { status: 1, output: 'Job for odoo.service failed because a timeout was exceeded.' }
      world.up = verb === 'start'
      return {}
    }
  },
  'windows, sc': windows({ kind: 'windows', name: 'erp', manager: 'sc', timeout: 5000 }, true),
  'windows, sc in German': windows({ kind: 'windows', name: 'erp', manager: 'sc', timeout: 5000 }, false),
  'windows, NSSM': windows({ kind: 'windows', name: 'erp', manager: 'nssm', timeout: 5000 }, true),
  'windows, WinSW': windows(
    { kind: 'windows', name: 'erp', manager: 'winsw', program: 'winsw', timeout: 5000 },
    true
  ),
  'docker compose': {
    config: { kind: 'compose', file: '/srv/compose.yml', services: [], timeout: 5000 },
    platform: 'linux',
    answer(argv, world) {
      const verb = argv[4]
      if (argv[1] === 'version') return { output: '28.2.2\n' }
      if (verb === 'config') return { output: 'db\nweb\n' }
      if (verb === 'ps') {
        const web = world.up ? CONTAINER('web') : CONTAINER('web', 'exited', 137)
        return { output: [world.up ? CONTAINER('db') : CONTAINER('db', 'exited'), web].join('\n') }
      }
      if (world.refuses) return { status: 1, output: 'Error response from daemon' }
      world.up = verb === 'up'
      return { output: ' Container shop-web-1  Started' }
    }
  },
  command: {
    config: {
      kind: 'command',
      stop: ['/bin/ctl', 'stop'],
      start: ['/bin/ctl', 'start'],
      status: ['/bin/ctl', 'status'],
      timeout: 5000
    },
    platform: 'linux',
    answer([, verb = ''], world) {
      if (verb === 'status') return { status: world.up ? 0 : 3 }
      if (world.refuses) return { status: 1, output: 'no' }
      world.up = verb === 'start'
      return {}
    }
  }
}

function prepare({ config, platform, answer, environment = {} }: StandIn) {
  const world = { up: true, asked: 9, refuses: false }
  const calls: string[] = []
  const runner: ProcessRunner = {
    async run({ command }: ProcessRequest): Promise<ProcessResult> {
      const argv = [...command].map((word) => word.replace(/^\/bin\/(?!ctl)/, ''))
      calls.push(argv.join(' '))
      return { status: 0, output: '', duration: 1, ...answer(argv, world) }
    },
    async end() {}
  }
  const branch = new SimulatedBranch({ parts: { runner, environment: { PATH: '/bin', ...environment } } })
  for (const tool of ['systemctl', 'sc', 'nssm', 'winsw', 'docker'])
    branch.disk.plant(`/bin/${tool}`, 'program')
  // the disk is a Unix one: only the rules of the platform are not
  const { parts, app, disk } = branch
  const plan = { app, kind: 'update' as const, changes: [], reason: 'test', force: false }
  const found = { workFolder: '/srv/.chasqui-shop', drift: [], failing: [], newest: undefined }
  const transaction = newTransaction(parts, plan, found)
  const work: Work = {
    ...{ parts, app, transaction, modules: [], signal: undefined, places: placesOf(transaction) },
    note: () => undefined,
    verified: new Map(),
    fileLists: async () => ({ before: null, after: null }),
    save: async () => undefined
  }
  return { service: createService(config), work, world, calls, platform, disk }
}

for (const [name, standIn] of Object.entries(STAND_INS)) {
  describe(`service: ${name}`, () => {
    test('says whether it runs', async () => {
      const { service, work, world } = prepare(standIn)
      assert.equal(await service.isRunning(work), true)
      world.up = false
      assert.equal(await service.isRunning(work), false)
    })

    test('returns from stop when it has stopped, and from start when it runs', async () => {
      const { service, work, world } = prepare(standIn)
      await service.stop(work)
      assert.equal(world.up, false)
      await service.start(work)
      assert.equal(world.up, true)
    })

    test('stopping what does not run is fine, and so is starting what does', async () => {
      const { service, work, world } = prepare(standIn)
      await service.start(work)
      world.up = false
      await service.stop(work)
      assert.equal(world.up, false)
    })

    test('a file keeps it down from the stop to the start', async () => {
      const { service, work, world, disk } = prepare(standIn)
      const isHeld = () => Object.keys(disk.snapshot(work.places.hold)).length > 0
      await bringDown(work, service, false)
      assert.deepEqual([world.up, isHeld()], [false, true])
      disk.cutPower()
      assert.ok(isHeld(), 'through a power cut too')
      await bringUp(work, service)
      assert.deepEqual([world.up, isHeld()], [true, false])
      disk.cutPower()
      assert.ok(!isHeld(), 'it does not come back')
    })

    test('a tool that refuses is SERVICE_FAILED', async () => {
      const { service, work, world } = prepare(standIn)
      world.refuses = true
      await assert.rejects(service.stop(work), { code: 'SERVICE_FAILED' })
      world.up = false
      await assert.rejects(service.start(work), { code: 'SERVICE_FAILED' })
    })
  })
}

test('command: a stop that only asks for it is waited for, and one that never comes is a failure', async () => {
  for (const questions of [3, 1_000]) {
    let left = questions
    const { service, work } = prepare({
      ...(STAND_INS.command as StandIn),
      answer: ([, verb]) => (verb === 'status' ? { status: left-- > 0 ? 0 : 3 } : {})
    })
    if (questions === 3) await service.stop(work)
    else
      await assert.rejects(service.stop(work), {
        code: 'SERVICE_FAILED',
        message: /still runs after the stop/
      })
  }
})

describe('docker compose: what its containers say', () => {
  const ended = CONTAINER('init', 'exited')
  const failed = CONTAINER('init', 'exited', 1)
  const byHand = { Name: 'shop-web-run-0123456789ab' }
  const byHandLabelled = {
    Name: 'mine',
    Labels: 'com.docker.compose.oneoff=True,com.docker.compose.project=shop'
  }
  const rows: [name: string, lines: string[], services: string, isUp: boolean, isDown: boolean][] = [
    ['one ended as it should', [ended, CONTAINER('web')], 'init web', true, false],
    ['one failed', [failed, CONTAINER('web')], 'init web', false, false],
    ['one starts again and again', [ended, CONTAINER('web', 'restarting', 1)], 'init web', false, true],
    ['one was never made', [CONTAINER('web')], 'init web', false, false],
    ['all ended', [ended, CONTAINER('web', 'exited')], 'init web', false, true],
    ['none was made', [], 'init web', false, true],
    ['one of two ended', [CONTAINER('web'), CONTAINER('web', 'exited', 1)], 'web', true, false],
    ['another one failed', [failed, CONTAINER('web')], 'web', true, false],
    ['run by hand', [CONTAINER('web'), CONTAINER('init', 'exited', 0, byHand)], 'init web', false, false],
    ['run by hand and named', [CONTAINER('web', 'running', 0, byHandLabelled)], 'web', false, true]
  ]
  const warning = 'time="2026-02-01T03:00:00Z" level=warning msg="the attribute `version` is obsolete"'
  const forms: Record<string, (lines: string[]) => string> = {
    'a line each': (lines) => [warning, ...lines].join('\n'),
    'an array': (lines) => `[${lines.join(',')}]\n`,
    'an array of many lines': (lines) =>
      `${warning}\n${JSON.stringify(
        lines.map((one) => JSON.parse(one)),
        null,
        4
      )}\n`
  }
  for (const [form, print] of Object.entries(forms)) {
    for (const [name, lines, services, isUp, isDown] of rows) {
      test(`${form}, ${name}: ${isUp ? 'it runs' : isDown ? 'it is down' : 'neither up nor down'}`, async () => {
        const { service, work } = prepare({
          ...(STAND_INS['docker compose'] as StandIn),
          answer: (argv) => {
            if (argv[4] === 'config') return { output: services.replace(' ', '\n') }
            return { output: argv[4] === 'ps' ? print(lines) : '' }
          }
        })
        assert.deepEqual([await service.isRunning(work), await service.isDown?.(work)], [isUp, isDown])
        if (isUp) await service.start(work)
        else await assert.rejects(service.start(work), { code: 'SERVICE_FAILED' })
      })
    }
  }

  test('an answer that is no list of containers is not taken for one', async () => {
    const { service, work } = prepare({
      ...(STAND_INS['docker compose'] as StandIn),
      answer: (argv) => ({ output: argv[4] === 'ps' ? '[{"Names": "web"}]' : 'web' })
    })
    await assert.rejects(service.isRunning(work), { code: 'SERVICE_FAILED', message: /not understood/ })
  })
})

describe('command: what the application had printed until it is started again', () => {
  for (const isFull of [false, true]) {
    test(isFull ? 'a full disk does not keep it from starting' : 'the end of it is kept', async () => {
      const { service, work, world, disk } = prepare(STAND_INS.command as StandIn)
      world.up = false
      const file = `${work.parts.home}/output/shop.log`
      const former = `${file}.1`
      disk.plant(file, `${'x'.repeat(9 * 1024 * 1024)} the end`)
      disk.plant(former, 'older')
      const full = async () => {
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      }
      if (isFull) disk.createFile = full
      await service.start(work)
      assert.ok(world.up)
      assert.deepEqual(disk.snapshot(file), {})
      const text = disk.snapshot(former)[''] ?? ''
      assert.match(text, /the end$/)
      if (!isFull) assert.equal(text.length, 8 * 1024 * 1024)
    })
  }
})

test('systemd: a unit that does not exist is named, although "show" ends with 0', async () => {
  const { service, work } = prepare({
    ...(STAND_INS.systemd as StandIn),
    answer: () => ({ output: 'LoadState=not-found\nActiveState=inactive\n' })
  })
  await assert.rejects(service.isRunning(work), /no unit odoo/)
})

test('windows: a service that never stops is given up after its time', async () => {
  const { service, work } = prepare({
    ...(STAND_INS['windows, sc'] as StandIn),
    answer: ([, verb]) => (verb === 'query' ? { output: SC('3  STOP_PENDING', true) } : {})
  })
  await assert.rejects(service.stop(work), /state 3 after 5 s/)
})

test('systemd: a condition on the file is written once, and read at once', async () => {
  const { service, work, calls, disk } = prepare(STAND_INS.systemd as StandIn)
  const path = '/etc/systemd/system/odoo.service.d/chasqui-shop.conf'
  await bringDown(work, service, false)
  assert.match(disk.snapshot(path)[''] ?? '', /^ConditionPathExists=!\/srv\/\.chasqui-shop\/shop\.down$/m)
  const reloads = () => calls.filter((call) => call.includes('daemon-reload')).length
  assert.ok(
    calls.findIndex((call) => call.includes('daemon-reload')) < calls.findIndex((one) => / stop /.test(one))
  )
  await bringUp(work, service)
  await bringDown(work, service, false)
  assert.equal(reloads(), 1)
})

test('systemd: a unit of a user is conditioned in that user’s folder', async () => {
  const config = { kind: 'systemd', name: 'odoo', user: true, timeout: 5000 } as const
  const { answer, ...standIn } = STAND_INS.systemd as StandIn
  const { service, work, disk } = prepare({
    ...{ ...standIn, config, environment: { HOME: '/u/odoo' } },
    answer: (argv, world) =>
      answer(
        argv.filter((one) => one !== '--user'),
        world
      )
  })
  await bringDown(work, service, false)
  assert.ok('' in disk.snapshot('/u/odoo/.config/systemd/user/odoo.service.d/chasqui-shop.conf'))
})

test('systemd: a node that may not write there stops it all the same', async () => {
  const { service, work, world, disk } = prepare(STAND_INS.systemd as StandIn)
  disk.plant('/etc/systemd', 'in the way')
  await bringDown(work, service, false)
  assert.equal(world.up, false)
})

for (const [shown, type, back] of [
  ['2   AUTO_START', 'automatic', ['demand', 'auto']],
  ['2   AUTO_START  (DELAYED)', 'delayed', ['demand', 'delayed-auto']],
  ['3   DEMAND_START', 'on demand', []],
  ['4   DISABLED', 'disabled', []]
] as const) {
  test(`windows: a service that starts ${type} is not started by Windows in between`, async () => {
    const standIn = STAND_INS['windows, sc'] as StandIn
    let start: string = shown
    const set: string[] = []
    const { service, work } = prepare({
      ...standIn,
      answer(argv, world) {
        if (argv[1] === 'qc')
          return {
            output: `        TYPE               : 10  WIN32_OWN_PROCESS\r\n        START_TYPE         : ${start}\r\n`
          }
        if (argv[1] !== 'config') return standIn.answer(argv, world)
        set.push(argv[4] ?? '')
        start = argv[4] === 'demand' ? '3   DEMAND_START' : shown
        return {}
      }
    })
    await bringDown(work, service, false)
    await bringDown(work, service, true)
    await bringUp(work, service)
    assert.deepEqual(set, back)
  })
}
