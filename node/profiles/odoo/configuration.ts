// Reads what Chasqui needs from odoo.conf. Pure: text in, settings out; nothing is guessed.
import { ChasquiError } from '../../../src/errors.ts'

export interface OdooSettings {
  host: string | undefined
  port: string | undefined
  user: string | undefined
  password: string | undefined
  dataDirectory: string
  addonsPath: string[]
  httpPort: number
  httpInterface: string
  /** it sends what an upgrade says elsewhere, or leaves some of it out */
  isQuiet: boolean
}

/** What decides where the log goes and what is in it. */
const LOG_OPTIONS = ['syslog', 'logfile', 'log_handler', 'log_level', 'log_db', 'log_db_level', 'logrotate']

/** Settings of the [options] section. Throws ODOO_CONFIG_INVALID. */
export function parseOdooConf(text: string, path: string): OdooSettings {
  const options = readOptions(text)
  // Odoo writes "False" for what is not set
  const option = (name: string) => {
    const value = options.get(name)
    return value === undefined || value === '' || /^(false|none)$/i.test(value) ? undefined : value
  }
  const dataDirectory = option('data_dir')
  if (dataDirectory === undefined) {
    throw new ChasquiError('ODOO_CONFIG_INVALID', `${path} has no data_dir`, {
      hint: 'write it there: without it nobody can tell where the filestore is'
    })
  }
  const port = Number(option('http_port') ?? option('xmlrpc_port') ?? 8069)
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new ChasquiError('ODOO_CONFIG_INVALID', `${path} has no usable http_port`)
  }
  return {
    host: option('db_host'),
    port: option('db_port'),
    user: option('db_user'),
    password: option('db_password'),
    dataDirectory,
    addonsPath: (option('addons_path') ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean),
    httpPort: port,
    httpInterface: option('http_interface') ?? option('xmlrpc_interface') ?? '',
    // the rest can be said on the command line
    isQuiet:
      option('syslog') !== undefined || /:\s*(warning|error|critical)/i.test(option('log_handler') ?? '')
  }
}

/** The same configuration without a word about the log. */
export function withoutLogOptions(text: string): string {
  let isLeftOut = false
  const kept = text.split(/\r?\n/).filter((line) => {
    if (/^\s+\S/.test(line)) return !isLeftOut
    const name = /^([^=:]+?)\s*[=:]/.exec(line)?.[1]?.toLowerCase()
    isLeftOut = name !== undefined && LOG_OPTIONS.includes(name)
    return !isLeftOut
  })
  return kept.join('\n')
}

/** Key and value lines of [options]; a line that begins with a space continues the one before, as in Python's parser. */
function readOptions(text: string): Map<string, string> {
  const options = new Map<string, string>()
  let section = ''
  let last = ''
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\[([^\]]*)\]/.exec(line)?.[1]
    if (heading !== undefined) section = heading
    if (heading !== undefined || section !== 'options' || /^\s*([#;].*)?$/.test(line)) continue
    if (/^\s/.test(line) && last !== '') {
      options.set(last, `${options.get(last) ?? ''}${line.trim()}`)
      continue
    }
    const pair = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(line)
    if (pair === null) continue
    last = (pair[1] ?? '').trim().toLowerCase()
    options.set(last, (pair[2] ?? '').trim())
  }
  return options
}
