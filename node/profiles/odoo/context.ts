// What every part of the odoo profile works with: the app, its odoo.conf, PostgreSQL and the service.
import { ChasquiError } from '../../../src/errors.ts'
import { readFileLimited } from '../../../src/system/durable.ts'
import type { AppWork } from '../../apply/work.ts'
import type { AppConfig, OdooConfig } from '../../config/apps.ts'
import { type OdooSettings, parseOdooConf } from './configuration.ts'
import { Postgres } from './postgres.ts'

const CONF_LIMIT = 1024 * 1024 // bytes

export interface Odoo {
  config: OdooConfig
  settings: OdooSettings
  postgres: Postgres
}

export function odooConfig(app: AppConfig): OdooConfig {
  if (app.odoo !== undefined) return app.odoo
  throw new ChasquiError('CONFIG_INVALID', `[apps.${app.name}.odoo] is missing`)
}

/** Reads odoo.conf as it is now. Throws ODOO_CONFIG_INVALID. */
export async function openOdoo(work: AppWork): Promise<Odoo> {
  const config = odooConfig(work.app)
  const bytes = await readFileLimited(work.parts.fs, config.config, CONF_LIMIT)
  if (bytes === null) {
    throw new ChasquiError('ODOO_CONFIG_INVALID', `${config.config} is not there`, {
      hint: `correct "config" in [apps.${work.app.name}.odoo]`
    })
  }
  const settings = parseOdooConf(Buffer.from(bytes).toString('utf8'), config.config)
  const options = { folder: config['postgres-bin'], timeout: config.timeout }
  return { config, settings, postgres: new Postgres(work, settings, options) }
}

/** Where the running server answers. */
export function serverUrl({ config, settings }: Odoo): string {
  if (config.url !== undefined) return config.url.replace(/\/$/, '')
  const host = ['', '0.0.0.0', '::'].includes(settings.httpInterface) ? '127.0.0.1' : settings.httpInterface
  return `http://${host}:${settings.httpPort}`
}
