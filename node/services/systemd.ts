// systemd: states by `systemctl show`, whose keys and values are the same in every language. It is kept down by a drop-in with
// a condition on the hold file; the drop-in stays (it does nothing without the file), so that only the first stop reloads.
import { join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../../src/system/durable.ts'
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import type { Argv } from '../config/fields.ts'
import { mustRun, runCommand } from '../profiles/commands.ts'
import type { Latch, Service } from './service.ts'

type Config = Extract<ServiceConfig, { kind: 'systemd' }>

const DROP_IN_LIMIT = 64 * 1024 // bytes

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
    latch: latch(config, systemctl),
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

function latch(config: Config, systemctl: (...args: string[]) => Argv): Latch {
  const { timeout } = config
  return {
    remember: async () => '',
    async close(work, hold) {
      const { fs } = work.parts
      const folder = dropInFolder(work, config)
      const path = join(folder, `chasqui-${work.app.name}.conf`)
      const text = dropIn(work.app.name, hold)
      const there = await readFileLimited(fs, path, DROP_IN_LIMIT)
      if (there !== null && Buffer.from(there).toString('utf8') === text) return
      await ensureDirectory(fs, folder)
      await writeFileDurably(fs, path, Buffer.from(text))
      await mustRun(work, 'systemctl daemon-reload', systemctl('daemon-reload'), 'SERVICE_FAILED', {
        timeout
      })
    },
    open: async () => undefined
  }
}

function dropInFolder(work: AppWork, { name, user }: Config): string {
  const { XDG_CONFIG_HOME: config, HOME: home = '/' } = work.parts.environment
  const above = user ? join(config ?? join(home, '.config'), 'systemd/user') : '/etc/systemd/system'
  return join(above, `${name.endsWith('.service') ? name : `${name}.service`}.d`)
}

function dropIn(app: string, hold: string): string {
  return `# Written by Chasqui: ${app} is not started while an update of it is neither done nor undone.
[Unit]
ConditionPathExists=!${hold.replaceAll('%', '%%')}
`
}

function propertyOf(output: string, key: string): string | undefined {
  const line = output.split(/\r?\n/).find((one) => one.startsWith(`${key}=`))
  return line?.slice(key.length + 1).trim()
}
