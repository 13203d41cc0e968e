// systemd: states by `systemctl show`, whose keys and values are the same in every language.
import { ChasquiError } from '../../src/errors.ts'
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import type { Argv } from '../config/fields.ts'
import { mustRun, runCommand } from '../profiles/commands.ts'
import type { Service } from './service.ts'

type Config = Extract<ServiceConfig, { kind: 'systemd' }>

export function systemdService(config: Config): Service {
  const systemctl = (...args: string[]): Argv => ['systemctl', ...(config.user ? ['--user'] : []), ...args]
  const timeout = config.timeout
  const activeState = async (work: AppWork): Promise<string> => {
    const shown = systemctl('show', '--property=LoadState,ActiveState', '--', config.name)
    const { output } = await mustRun(work, 'systemctl show', shown, 'SERVICE_FAILED', { timeout })
    if (propertyOf(output, 'LoadState') === 'not-found') {
      throw new ChasquiError('SERVICE_FAILED', `systemd knows no unit ${config.name}`, {
        hint: 'look at the name with: systemctl list-units --type=service'
      })
    }
    return propertyOf(output, 'ActiveState') ?? ''
  }
  return {
    tools: ['systemctl'],
    isRunning: async (work) => ['active', 'reloading'].includes(await activeState(work)),
    async stop(work) {
      await mustRun(work, 'systemctl stop', systemctl('stop', '--', config.name), 'SERVICE_FAILED', {
        timeout
      })
      const state = await activeState(work)
      if (['inactive', 'failed'].includes(state)) return
      throw new ChasquiError('SERVICE_FAILED', `${config.name} is still ${state} after systemctl stop`)
    },
    async start(work) {
      // a unit that failed too often refuses to start until its counter is reset
      await runCommand(work, systemctl('reset-failed', '--', config.name), { timeout })
      await mustRun(work, 'systemctl start', systemctl('start', '--', config.name), 'SERVICE_FAILED', {
        timeout
      })
      const state = await activeState(work)
      if (['active', 'activating', 'reloading'].includes(state)) return
      throw new ChasquiError('SERVICE_FAILED', `${config.name} is ${state} after systemctl start`)
    }
  }
}

function propertyOf(output: string, key: string): string | undefined {
  const line = output.split(/\r?\n/).find((one) => one.startsWith(`${key}=`))
  return line?.slice(key.length + 1).trim()
}
