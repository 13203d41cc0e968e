// docker compose: stops and starts the services of one file; containers and volumes are never removed.
import { z } from 'zod'
import { ChasquiError } from '../../src/errors.ts'
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import type { Argv } from '../config/fields.ts'
import { runCommand } from '../profiles/commands.ts'
import { askManager, type Manager, requireManager } from './manager.ts'
import type { Service } from './service.ts'

/** As compose prints it; what `docker compose run` has left is listed with the rest. */
const container = z
  .looseObject({
    Service: z.string(),
    State: z.string(),
    ExitCode: z.number().default(0),
    Name: z.string().default(''),
    Labels: z.unknown().default('')
  })
  .transform(({ Service, State, ExitCode, Name, Labels }) => ({
    service: Service,
    state: State.toLowerCase(),
    status: ExitCode,
    isOneOff: /\boneoff"?[=:]"?True\b/.test(JSON.stringify(Labels)) || /[-_]run[-_][0-9a-f]{12}$/.test(Name)
  }))

const OUTPUT = 4 * 1024 * 1024 // bytes of a list of containers: each comes with all its labels

type Config = Extract<ServiceConfig, { kind: 'compose' }>

export function composeService(config: Config): Service {
  const { timeout, services } = config
  const compose = (...args: string[]): Argv => ['docker', 'compose', '--file', config.file, ...args]
  const manager: Manager = {
    name: 'the Docker engine',
    question: ['docker', 'version', '--format', '{{.Server.Version}}'],
    hint: 'start it, let this user reach it, or say where it is (DOCKER_HOST under env)',
    timeout
  }
  const ask = (work: AppWork, verb: string, ...args: string[]) =>
    askManager(work, manager, `docker compose ${verb}`, compose(verb, ...args), OUTPUT)
  const names = async (work: AppWork, verb: string, ...args: string[]): Promise<string[]> => {
    const { output } = await ask(work, verb, ...args)
    return output.split(/\r?\n/).filter((line) => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(line))
  }
  const containers = async (work: AppWork) => {
    // labels are long, and none of the history's affair
    const silent = { ...work, note: () => undefined }
    return parseContainers((await ask(silent, 'ps', '--all', '--format', 'json')).output)
  }
  const wanted = async (work: AppWork) =>
    services.length > 0 ? services : await names(work, 'config', '--services')
  /** Each service, and what it is. */
  const look = async (work: AppWork) => {
    const found = Map.groupBy(await containers(work), (one) => one.service)
    const seen = (await wanted(work)).map((name) => ({ name, is: conditionOf(found.get(name) ?? []) }))
    work.note(`${seen.map(({ name, is }) => `${name}: ${is}`).join(', ')}\n`)
    return seen
  }
  return {
    tools: ['docker'],
    async requireManager(work) {
      // the engine comes with a client that may lack compose, and then takes its options for unknown ones
      if ((await runCommand(work, ['docker', 'compose', 'version'], { timeout })).status !== 0) {
        throw new ChasquiError('APPLY_TOOL_MISSING', 'docker has no "compose"', {
          hint: 'install the compose plugin of docker'
        })
      }
      await requireManager(work, manager)
    },
    async isRunning(work) {
      const seen = await look(work)
      return seen.every(({ is }) => is !== 'down') && seen.some(({ is }) => is === 'running')
    },
    isDown: async (work) => (await look(work)).every(({ is }) => is !== 'running'),
    async stop(work) {
      await ask(work, 'stop', ...services)
      const left = (await look(work)).filter(({ is }) => is === 'running')
      if (left.length === 0) return
      throw new ChasquiError(
        'SERVICE_FAILED',
        `still running after docker compose stop: ${left.map(({ name }) => name).join(', ')}`
      )
    },
    async start(work) {
      await ask(work, 'up', '--detach', '--no-recreate', ...services)
      const seen = await look(work)
      const isUp = seen.some(({ is }) => is === 'running')
      const down = seen.filter(({ is }) => is === 'down' || !isUp)
      if (down.length === 0) return
      throw new ChasquiError(
        'SERVICE_FAILED',
        `not running after docker compose up: ${down.map(({ name }) => name).join(', ')}`,
        { hint: 'see docker compose logs; where one of them need not run, name the others under "services"' }
      )
    }
  }
}

type Container = Pick<z.output<typeof container>, 'service' | 'state' | 'status'>

/** A service that did what it is there for and ended (init, migrate, making a bucket) is `done`. */
function conditionOf(containers: readonly Container[]): 'running' | 'done' | 'down' {
  if (containers.some(({ state }) => state === 'running')) return 'running'
  const isDone = containers.every(({ state, status }) => state === 'exited' && status === 0)
  return containers.length > 0 && isDone ? 'done' : 'down'
}

/** One object a line, or one array as compose before 2.21 prints it; warnings may stand around either. */
function parseContainers(output: string): Container[] {
  const lines = output.split(/\r?\n/)
  const objects = lines.flatMap((line) => (/^[[{]/.test(line) ? (tryJson(line) ?? []) : []))
  const begin = lines.findIndex((line) => line.startsWith('['))
  const end = lines.findLastIndex((line) => line.endsWith(']'))
  const found = objects.length > 0 || begin < 0 ? objects : tryJson(lines.slice(begin, end + 1).join('\n'))
  const parsed = z.array(container).safeParse(found ?? [])
  if (parsed.success) return parsed.data.filter((one) => !one.isOneOff)
  throw new ChasquiError('SERVICE_FAILED', 'the answer of docker compose ps is not understood', {
    hint: 'compose before 2.0 cannot be used',
    cause: parsed.error
  })
}

function tryJson(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : [value]
  } catch {
    return undefined
  }
}
