// What every part of the odoo profile works with: the app, its odoo.conf, PostgreSQL and the service.
import { ChasquiError } from '../../../src/errors.ts'
import { readFileLimited } from '../../../src/system/durable.ts'
import type { AppWork } from '../../apply/work.ts'
import type { AppConfig, OdooConfig } from '../../config/apps.ts'
import { type OdooSettings, parseOdooConf } from './configuration.ts'
import { followed } from './filestore.ts'
import { Postgres } from './postgres.ts'

const CONF_LIMIT = 1024 * 1024 // bytes

export interface Odoo {
  config: OdooConfig
  /** of odoo.conf */
  text: string
  settings: OdooSettings
  postgres: Postgres
}

export function odooConfig(app: AppConfig): OdooConfig {
  if (app.odoo !== undefined) return app.odoo
  throw new ChasquiError('CONFIG_INVALID', `[apps.${app.name}.odoo] is missing`)
}

/** Reads odoo.conf as it is now. Throws ODOO_CONFIG_INVALID. */
export async function openOdoo(work: AppWork): Promise<Odoo> {
  const { fs } = work.parts
  const config = odooConfig(work.app)
  const bytes = await readFileLimited(fs, await followed(fs, config.config), CONF_LIMIT)
  if (bytes === null) {
    throw new ChasquiError('ODOO_CONFIG_INVALID', `${config.config} is not there`, {
      hint: `correct "config" in [apps.${work.app.name}.odoo]`
    })
  }
  const text = Buffer.from(bytes).toString('utf8')
  const parsed = parseOdooConf(text, config.config)
  const settings = { ...parsed, dataDirectory: await followed(fs, parsed.dataDirectory) }
  const options = { folder: config['postgres-bin'], timeout: config.timeout }
  return { config, text, settings, postgres: new Postgres(work, settings, options) }
}

/** Where the running server answers, for every database that has an address of its own, and for all of them (null). */
export function serverUrls({ config, settings }: Odoo): { database: string | null; url: string }[] {
  const { url, databases } = config
  if (typeof url === 'object') {
    return databases.flatMap((database) => {
      const own = url[database]
      return own === undefined ? [] : [{ database, url: own.replace(/\/$/, '') }]
    })
  }
  const { httpInterface, httpPort } = settings
  const host = ['', '0.0.0.0', '::'].includes(httpInterface) ? '127.0.0.1' : httpInterface
  const common = url?.replace(/\/$/, '') ?? `http://${host}:${httpPort}`
  return [{ database: databases.length === 1 ? (databases[0] ?? null) : null, url: common }]
}
