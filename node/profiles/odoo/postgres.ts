// PostgreSQL through its own programs, with the connection of odoo.conf. Names are checked by the configuration's pattern, and
// quoted all the same.
import { join } from 'node:path'
import { asChasquiError, ChasquiError, type ErrorCode } from '../../../src/errors.ts'
import type { AppWork } from '../../apply/work.ts'
import { type CommandOptions, lastLine, mustRun, runCommand } from '../commands.ts'
import type { OdooSettings } from './configuration.ts'
import { wasDiskFull } from './verdict.ts'

export const POSTGRES_TOOLS = ['psql', 'pg_dump', 'pg_restore', 'dropdb'] as const
type Tool = (typeof POSTGRES_TOOLS)[number]

const PSQL_FLAGS = ['-X', '-A', '-t', '-q', '-w', '-v', 'ON_ERROR_STOP=1']
const MARK = 'chasqui:'
const QUICK = 60_000 // milliseconds for a question

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** What pg_database says of a database; columns came with versions 15 (locale provider), 16 (rules) and 17 (one locale). */
interface DatabaseRow {
  encoding: string
  datcollate: string
  datctype: string
  datlocprovider?: string
  daticulocale?: string | null
  datlocale?: string | null
  daticurules?: string | null
}

const PROVIDERS: Readonly<Record<string, string>> = { i: 'icu', b: 'builtin' }

/** Options of "create database". Pure. */
export function likeOptions(row: DatabaseRow | undefined): string {
  if (row === undefined) return `encoding 'UTF8'`
  const { encoding, datcollate, datctype } = row
  const options: [name: string, value: string][] = [
    ['encoding', encoding],
    ['lc_collate', datcollate],
    ['lc_ctype', datctype]
  ]
  const provider = PROVIDERS[row.datlocprovider ?? 'c']
  if (provider !== undefined) {
    options.push(['locale_provider', provider])
    options.push([`${provider}_locale`, row.datlocale ?? row.daticulocale ?? ''])
    if (row.daticurules) options.push(['icu_rules', row.daticurules])
  }
  return options.map(([name, value]) => `${name} ${quoteText(value)}`).join(' ')
}

export class Postgres {
  readonly #work: AppWork
  readonly #settings: OdooSettings
  readonly #folder: string | undefined
  readonly #timeout: number

  constructor(
    work: AppWork,
    settings: OdooSettings,
    options: { folder: string | undefined; timeout: number }
  ) {
    this.#work = work
    this.#settings = settings
    this.#folder = options.folder
    this.#timeout = options.timeout
  }

  program(tool: Tool): string {
    return this.#folder === undefined ? tool : join(this.#folder, tool)
  }

  /** Runs one of the tools to its end. Throws `code`, over DISK_FULL when a disk was. */
  async run(tool: Tool, args: readonly string[], code: ErrorCode): Promise<void> {
    const printed: string[] = []
    const note = (text: string) => {
      printed.push(text)
      this.#work.note(text)
    }
    const work = { ...this.#work, note }
    try {
      await mustRun(work, tool, [this.program(tool), ...args], code, this.#options(this.#timeout))
    } catch (cause) {
      const { message, hint } = asChasquiError(cause)
      if (!wasDiskFull(printed.join(''))) throw cause
      const full = new ChasquiError('DISK_FULL', 'a disk is full', { cause })
      throw new ChasquiError(code, message, { cause: full, ...(hint === undefined ? {} : { hint }) })
    }
  }

  /** Rows of a query. Throws DATABASE_UNREACHABLE. */
  async query<Row>(database: string, sql: string): Promise<Row[]> {
    const text = `select '${MARK}' || coalesce(jsonb_agg(found), '[]')::text from (${sql}) found`
    const output = await this.#psql(database, text)
    const line = output.split('\n').find((one) => one.startsWith(MARK))
    if (line === undefined) {
      throw new ChasquiError('DATABASE_UNREACHABLE', `psql gave no answer for ${database}`)
    }
    return JSON.parse(line.slice(MARK.length)) as Row[]
  }

  /** A statement without an answer. */
  async execute(database: string, sql: string): Promise<void> {
    await this.#psql(database, sql)
  }

  async #psql(database: string, sql: string): Promise<string> {
    const argv = [this.program('psql'), ...PSQL_FLAGS, '-d', database, '-c', sql] as const
    const { status, output } = await runCommand(this.#work, [...argv], this.#options(QUICK))
    if (status === 0) return output
    throw new ChasquiError(
      'DATABASE_UNREACHABLE',
      `PostgreSQL refuses: ${lastLine(output) ?? `status ${status}`}`,
      {
        hint: 'is it running, and are db_host, db_port and db_user in odoo.conf right?'
      }
    )
  }

  #options(timeout: number): CommandOptions {
    const { host, port, user, password } = this.#settings
    const environment: Record<string, string> = {
      PGCONNECT_TIMEOUT: '10',
      LC_ALL: 'C', // what the tools print is read here
      PGOPTIONS: '-c client_min_messages=warning'
    }
    if (host !== undefined) environment.PGHOST = host
    if (port !== undefined) environment.PGPORT = port
    if (user !== undefined) environment.PGUSER = user
    if (password !== undefined) environment.PGPASSWORD = password
    return { timeout, environment }
  }

  /** Throws DATABASE_UNREACHABLE when the server does not answer. */
  async requireAnswer(): Promise<void> {
    await this.query('postgres', 'select 1 as one')
  }

  /** A new, empty database with the encoding and the order of another one, whichever provider that has; hidden. */
  async createLike(model: string, database: string, code: ErrorCode): Promise<void> {
    const sql = `select to_jsonb(d) || jsonb_build_object('encoding', pg_encoding_to_char(encoding)) as row
      from pg_database d where datname = ${quoteText(model)}`
    const [found] = await this.query<{ row: DatabaseRow }>('postgres', sql)
    await this.#createHidden(database, `template template0 ${likeOptions(found?.row)}`, code)
  }

  /** A copy of a database that nobody uses; hidden. */
  async clone(model: string, database: string, code: ErrorCode): Promise<void> {
    await this.#createHidden(database, `template ${quoteName(model)}`, code)
  }

  /**
   * A running Odoo serves every database that its role owns, crons and all, except templates and those that accept no
   * connections. A template can be worked on, and it is one from the moment when it can be seen: createdb has no option for that.
   */
  async #createHidden(database: string, options: string, code: ErrorCode): Promise<void> {
    const sql = `create database ${quoteName(database)} is_template true ${options}`
    await this.run('psql', [...PSQL_FLAGS, '-d', 'postgres', '-c', sql], code)
  }

  /** Drops a database that was made hidden, if it is there. */
  async dropHidden(database: string, code: ErrorCode): Promise<void> {
    if (!(await this.exists(database))) return
    const droppable = 'with is_template false allow_connections false'
    await this.execute('postgres', `alter database ${quoteName(database)} ${droppable}`)
    await this.run('dropdb', ['--if-exists', database], code)
  }

  async exists(database: string): Promise<boolean> {
    const sql = `select 1 as one from pg_database where datname = ${quoteText(database)}`
    return (await this.query('postgres', sql)).length > 0
  }

  async size(database: string): Promise<number> {
    const sql = `select pg_database_size(${quoteText(database)}) as bytes`
    const [row] = await this.query<{ bytes: number }>('postgres', sql)
    return row?.bytes ?? 0
  }
}
