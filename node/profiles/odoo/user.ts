// Whom Odoo runs as. What another user's process writes into the filestore, Odoo could not write to afterwards.
import { ChasquiError } from '../../../src/errors.ts'
import type { AppWork } from '../../apply/work.ts'
import { runCommand } from '../commands.ts'
import type { Odoo } from './context.ts'
import { followed } from './filestore.ts'

const QUICK = 10_000 // milliseconds

export interface SystemUser {
  name: string
  home: string
  numbers: { user: number; group: number }
}

/**
 * The user to run Odoo as (odoo.user, else the owner of data_dir); null: the node's own, which is the same one. Throws
 * NO_PERMISSION when it is another one and the node is not root, CONFIG_INVALID when there is no such user.
 */
export async function odooUser(work: AppWork, { config, settings }: Odoo): Promise<SystemUser | null> {
  const { fs, platform, home } = work.parts
  if (platform === 'win32') return null
  const own = (await fs.stat(await followed(fs, home)))?.owner.user
  const owner = (await fs.stat(settings.dataDirectory))?.owner.user
  if (config.user === undefined && (owner === undefined || owner === own)) return null
  const wanted = await findUser(work, config.user ?? String(owner))
  if (wanted.numbers.user === own) return null
  if (own === 0) return wanted
  throw new ChasquiError('NO_PERMISSION', `Odoo runs as ${wanted.name}, and the node may not`, {
    hint: `run the node as ${wanted.name} or as root; or say who it is: user in [apps.${work.app.name}.odoo]`
  })
}

async function findUser(work: AppWork, name: string): Promise<SystemUser> {
  const { status, output } = await runCommand(work, ['getent', 'passwd', name], { timeout: QUICK })
  const [found = '', , user, group, , home = '/'] = output.trim().split(':')
  if (status === 0 && user !== undefined && group !== undefined) {
    return { name: found, home, numbers: { user: Number(user), group: Number(group) } }
  }
  throw new ChasquiError('CONFIG_INVALID', `there is no user ${name} to run Odoo as`, {
    hint: `correct "user" in [apps.${work.app.name}.odoo]`
  })
}

export function environmentOf({ name, home }: SystemUser): Record<string, string> {
  return { HOME: home, USER: name, LOGNAME: name }
}
