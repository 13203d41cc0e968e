// Windows services. `sc query` is translated, but its state is a number (1 stopped, 2 starting, 3 stopping, 4 running); NSSM
// and WinSW install ordinary services, so their state is read by sc too and only stop and start are theirs. It is kept down by
// the start type "demand"; what it was before is remembered.
import { ChasquiError } from '../../src/errors.ts'
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import type { Argv } from '../config/fields.ts'
import { runCommand } from '../profiles/commands.ts'
import type { Latch, Service } from './service.ts'

type Config = Extract<ServiceConfig, { kind: 'windows' }>

const STOPPED = 1
const RUNNING = 4
/** exit statuses of sc */
const NOT_ACTIVE = 1062
const ALREADY_RUNNING = 1056
const NO_SERVICE = 1060
const POLL = 500 // milliseconds
/** the start type of a service that Windows starts by itself (3: on demand, 4: never) */
const AUTOMATIC = 2

export function windowsService(config: Config): Service {
  const { timeout, name } = config
  const state = async (work: AppWork): Promise<number> => {
    const { status, output } = await runCommand(work, ['sc', 'query', name], { timeout })
    if (status === NO_SERVICE) throw new ChasquiError('SERVICE_FAILED', `Windows has no service ${name}`)
    const number = secondNumber(output)
    if (number !== null) return number
    throw new ChasquiError('SERVICE_FAILED', `sc gave no state for ${name}`, { hint: output.slice(0, 200) })
  }
  const waitFor = async (work: AppWork, wanted: number) => {
    const end = work.parts.clock.now() + timeout
    for (;;) {
      const seen = await state(work)
      if (seen === wanted) return
      if (work.parts.clock.now() >= end) {
        throw new ChasquiError('SERVICE_FAILED', `${name} is in state ${seen} after ${timeout / 1000} s`)
      }
      await work.parts.clock.sleep(POLL)
    }
  }
  const ask = async (work: AppWork, verb: 'stop' | 'start', fine: number) => {
    const { status, output } = await runCommand(work, verbOf(config, verb), { timeout })
    if (status === 0 || status === fine) return
    throw new ChasquiError('SERVICE_FAILED', `cannot ${verb} ${name}: status ${status}`, {
      hint: output.trim().slice(0, 200) || 'it printed nothing'
    })
  }
  return {
    latch: latch(config),
    tools: ['sc', ...(config.manager === 'sc' ? [] : [programOf(config)])],
    isRunning: async (work) => (await state(work)) === RUNNING,
    async stop(work) {
      if ((await state(work)) === STOPPED) return
      await ask(work, 'stop', NOT_ACTIVE)
      await waitFor(work, STOPPED)
    },
    async start(work) {
      if ((await state(work)) === RUNNING) return
      await ask(work, 'start', ALREADY_RUNNING)
      await waitFor(work, RUNNING)
    }
  }
}

function latch({ name, timeout }: Config): Latch {
  const setStart = async (work: AppWork, type: string) => {
    const { status } = await runCommand(work, ['sc', 'config', name, 'start=', type], { timeout })
    if (status !== 0) throw new ChasquiError('SERVICE_FAILED', `sc config ${name}: status ${status}`)
  }
  return {
    async remember(work) {
      const { output } = await runCommand(work, ['sc', 'qc', name], { timeout })
      if (secondNumber(output) !== AUTOMATIC) return ''
      return /\(DELAYED\)/i.test(output) ? 'delayed-auto' : 'auto'
    },
    async close(work) {
      // a service that Windows does not start by itself needs nothing, and one that is disabled stays so
      if (secondNumber((await runCommand(work, ['sc', 'qc', name], { timeout })).output) !== AUTOMATIC) return
      await setStart(work, 'demand')
    },
    async open(work, remembered) {
      if (remembered !== '') await setStart(work, remembered)
    }
  }
}

/** The number in "STATE : 4 RUNNING" or "START_TYPE : 2 AUTO_START": the second line of that form, in every language. */
function secondNumber(output: string): number | null {
  const numbers = output
    .split(/\r?\n/)
    .map((line) => /^[^:]*: +([0-9]+) /.exec(`${line} `)?.[1])
    .filter((found) => found !== undefined)
  return numbers[1] === undefined ? null : Number(numbers[1])
}

function programOf(config: Config): string {
  return config.program ?? (config.manager === 'nssm' ? 'nssm' : 'winsw')
}

function verbOf(config: Config, verb: 'stop' | 'start'): Argv {
  switch (config.manager) {
    case 'sc':
      return ['sc', verb, config.name]
    case 'nssm':
      return [programOf(config), verb, config.name]
    case 'winsw':
      return [programOf(config), verb]
  }
}
