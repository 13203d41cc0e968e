// An application that is started and stopped by the operator's own commands.
import type { ServiceConfig } from '../config/apps.ts'
import { mustRun, runCommand } from '../profiles/commands.ts'
import { outputFile } from './output.ts'
import type { Service } from './service.ts'

type Config = Omit<Extract<ServiceConfig, { kind: 'command' }>, 'kind'>

export function commandService(config: Config): Service {
  const { status, timeout } = config
  const isRunning: Service['isRunning'] = async (work) =>
    status === undefined ? null : (await runCommand(work, status, { timeout })).status === 0
  return {
    isRunning,
    tools: [],
    async stop(work) {
      if ((await isRunning(work)) === false) return
      await mustRun(work, 'stop', config.stop, 'SERVICE_FAILED', { timeout })
    },
    async start(work) {
      if ((await isRunning(work)) === true) return
      const log = await outputFile(work)
      await mustRun(work, 'start', config.start, 'SERVICE_FAILED', { timeout, log })
    }
  }
}
