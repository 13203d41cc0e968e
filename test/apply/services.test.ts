// One contract for all kinds of services. systemd, sc, NSSM, WinSW and docker cannot run here: a stand-in answers with what
// the real tools print (forms written from knowledge of those tools, not captured; English and German), and keeps the state that they would keep.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppWork } from '../../node/apply/work.ts'
import type { ServiceConfig } from '../../node/config/apps.ts'
import { createService } from '../../node/services/service.ts'
import type { ProcessRequest, ProcessResult, ProcessRunner } from '../../src/system/process.ts'
import { SimulatedBranch } from './simulated-branch.ts'

type Answer = { status?: number; output?: string }
interface StandIn {
  config: ServiceConfig
  platform: NodeJS.Platform
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
      if (world.refuses) return { status: 5, output: english ? 'Access is denied.' : 'Zugriff verweigert' }
      world.up = verb === 'start'
      world.asked = 0
      return {}
    }
  }
}

const STAND_INS: Record<string, StandIn> = {
  systemd: {
    config: { kind: 'systemd', name: 'odoo', user: false, timeout: 5000 },
    platform: 'linux',
    answer([, verb = ''], world) {
      if (verb === 'show')
        return { output: `LoadState=loaded\nActiveState=${world.up ? 'active' : 'inactive'}\n` }
      if (verb === 'reset-failed') return {}
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
      if (verb === 'config') return { output: 'db\nweb\n' }
      if (verb === 'ps') return { output: world.up ? 'db\nweb\n' : '' }
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

function prepare({ config, platform, answer }: StandIn) {
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
  const branch = new SimulatedBranch({ parts: { runner } })
  for (const tool of ['systemctl', 'sc', 'nssm', 'winsw', 'docker'])
    branch.disk.plant(`/bin/${tool}`, 'program')
  // the disk is a Unix one: only the rules of the platform are not
  const work: AppWork = { parts: branch.parts, app: branch.app, modules: [], note: () => undefined }
  return { service: createService(config), work, world, calls, platform }
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

    test('a tool that refuses is SERVICE_FAILED', async () => {
      const { service, work, world } = prepare(standIn)
      world.refuses = true
      await assert.rejects(service.stop(work), { code: 'SERVICE_FAILED' })
      world.up = false
      await assert.rejects(service.start(work), { code: 'SERVICE_FAILED' })
    })
  })
}

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
