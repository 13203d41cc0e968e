// systemd: states by `systemctl show`, whose keys and values are the same in every language. It is kept down by a drop-in with
// a condition on the hold file; the drop-in stays (it does nothing without the file), so that only the first stop reloads.
import { join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../../src/system/durable.ts'
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import type { Argv } from '../config/fields.ts'
import { runCommand } from '../profiles/commands.ts'
import { askManager, type Manager, requireManager } from './manager.ts'
import type { Latch, Service } from './service.ts'

type Config = Extract<ServiceConfig, { kind: 'systemd' }>

const DROP_IN_LIMIT = 64 * 1024 // bytes

export function systemdService(config: Config): Service {
  const systemctl = (...args: string[]): Argv => ['systemctl', ...(config.user ? ['--user'] : []), ...args]
  const { timeout } = config
  const manager: Manager = {
    name: config.user ? 'the systemd of this user' : 'systemd',
    question: systemctl('show', '--property=Version'),
    hint: config.user
      ? 'it needs XDG_RUNTIME_DIR, and runs without a login only after: loginctl enable-linger'
      : 'this machine was not started with systemd, or its bus cannot be reached: choose another kind of service',
    timeout
  }
  const ask = (work: AppWork, verb: string, argv: Argv) =>
    askManager(work, manager, `systemctl ${verb}`, argv)
  const activeState = async (work: AppWork): Promise<string> => {
    const shown = systemctl('show', '--property=LoadState,ActiveState', '--', config.name)
    const { output } = await ask(work, 'show', shown)
    if (propertyOf(output, 'LoadState') === 'not-found') {
      throw new ChasquiError('SERVICE_FAILED', `systemd knows no unit ${config.name}`, {
        hint: 'look at the name with: systemctl list-units --type=service'
      })
    }
    return propertyOf(output, 'ActiveState') ?? ''
  }
  return {
    tools: ['systemctl'],
    latch: latch(config, (work) => ask(work, 'daemon-reload', systemctl('daemon-reload'))),
    requireManager: (work) => requireManager(work, manager),
    isRunning: async (work) => ['active', 'reloading'].includes(await activeState(work)),
    async stop(work) {
      await ask(work, 'stop', systemctl('stop', '--', config.name))
      const state = await activeState(work)
      if (['inactive', 'failed'].includes(state)) return
      throw new ChasquiError('SERVICE_FAILED', `${config.name} is still ${state} after systemctl stop`)
    },
    async start(work) {
      // a unit that failed too often refuses to start until its counter is reset
      await runCommand(work, systemctl('reset-failed', '--', config.name), { timeout })
      await ask(work, 'start', systemctl('start', '--', config.name))
      const state = await activeState(work)
      if (['active', 'activating', 'reloading'].includes(state)) return
      throw new ChasquiError('SERVICE_FAILED', `${config.name} is ${state} after systemctl start`)
    }
  }
}

function latch(config: Config, reload: (work: AppWork) => Promise<unknown>): Latch {
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
      await reload(work)
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
