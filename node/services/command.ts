// An application that is started and stopped by the operator's own commands.
import { ChasquiError } from '../../src/errors.ts'
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import { mustRun, runCommand } from '../profiles/commands.ts'
import { outputFile } from './output.ts'
import type { Service } from './service.ts'

type Config = Omit<Extract<ServiceConfig, { kind: 'command' }>, 'kind'>

const ENDING = 60_000 // milliseconds for an application to end after its stop command has
const POLL = 500 // milliseconds

export function commandService(config: Config): Service {
  const { status, timeout } = config
  const isRunning: Service['isRunning'] = async (work) =>
    status === undefined ? null : (await runCommand(work, status, { timeout })).status === 0
  /** A command may only ask for the stop, and end before the application has. */
  const waitUntilDown = async (work: AppWork) => {
    const { clock } = work.parts
    const end = clock.now() + Math.min(timeout, ENDING)
    while ((await isRunning(work)) === true) {
      if (clock.now() >= end) {
        throw new ChasquiError('SERVICE_FAILED', 'it still runs after the stop command, as its status says', {
          hint: 'let the stop command wait for the end, or correct the status command'
        })
      }
      await clock.sleep(POLL)
    }
  }
  return {
    isRunning,
    tools: [],
    async stop(work) {
      if ((await isRunning(work)) === false) return
      await mustRun(work, 'stop', config.stop, 'SERVICE_FAILED', { timeout })
      await waitUntilDown(work)
    },
    async start(work) {
      if ((await isRunning(work)) === true) return
      const log = await outputFile(work)
      await mustRun(work, 'start', config.start, 'SERVICE_FAILED', { timeout, log })
    }
  }
}
