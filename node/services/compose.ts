// docker compose: stops and starts the services of one file; containers and volumes are never removed.
import { ChasquiError } from '../../src/errors.ts'
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import type { Argv } from '../config/fields.ts'
import { runCommand } from '../profiles/commands.ts'
import { askManager, type Manager, requireManager } from './manager.ts'
import type { Service } from './service.ts'

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
    askManager(work, manager, `docker compose ${verb}`, compose(verb, ...args))
  const names = async (work: AppWork, verb: string, ...args: string[]): Promise<string[]> => {
    const { output } = await ask(work, verb, ...args)
    return output.split(/\r?\n/).filter((line) => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(line))
  }
  const running = (work: AppWork) => names(work, 'ps', '--services', '--filter', 'status=running')
  const wanted = async (work: AppWork) =>
    services.length > 0 ? services : await names(work, 'config', '--services')
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
      const up = await running(work)
      return (await wanted(work)).every((name) => up.includes(name))
    },
    async stop(work) {
      await ask(work, 'stop', ...services)
      const ours = await wanted(work)
      const left = (await running(work)).filter((name) => ours.includes(name))
      if (left.length > 0) {
        throw new ChasquiError(
          'SERVICE_FAILED',
          `still running after docker compose stop: ${left.join(', ')}`
        )
      }
    },
    async start(work) {
      await ask(work, 'up', '--detach', '--no-recreate', ...services)
      const up = await running(work)
      const down = (await wanted(work)).filter((name) => !up.includes(name))
      if (down.length > 0) {
        throw new ChasquiError('SERVICE_FAILED', `not running after docker compose up: ${down.join(', ')}`)
      }
    }
  }
}
