// docker compose: stops and starts the services of one file; containers and volumes are never removed.
import { ChasquiError } from '../../src/errors.ts'
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import type { Argv } from '../config/fields.ts'
import { mustRun } from '../profiles/commands.ts'
import type { Service } from './service.ts'

type Config = Extract<ServiceConfig, { kind: 'compose' }>

export function composeService(config: Config): Service {
  const { timeout, services } = config
  const compose = (...args: string[]): Argv => ['docker', 'compose', '--file', config.file, ...args]
  const names = async (work: AppWork, ...args: string[]): Promise<string[]> => {
    const { output } = await mustRun(work, `docker compose ${args[0]}`, compose(...args), 'SERVICE_FAILED', {
      timeout
    })
    return output.split(/\r?\n/).filter((line) => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(line))
  }
  const running = (work: AppWork) => names(work, 'ps', '--services', '--filter', 'status=running')
  const wanted = async (work: AppWork) =>
    services.length > 0 ? services : await names(work, 'config', '--services')
  return {
    tools: ['docker'],
    async isRunning(work) {
      const up = await running(work)
      return (await wanted(work)).every((name) => up.includes(name))
    },
    async stop(work) {
      await mustRun(work, 'docker compose stop', compose('stop', ...services), 'SERVICE_FAILED', { timeout })
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
      const args = compose('up', '--detach', '--no-recreate', ...services)
      await mustRun(work, 'docker compose up', args, 'SERVICE_FAILED', { timeout })
      const up = await running(work)
      const down = (await wanted(work)).filter((name) => !up.includes(name))
      if (down.length > 0) {
        throw new ChasquiError('SERVICE_FAILED', `not running after docker compose up: ${down.join(', ')}`)
      }
    }
  }
}
