// Who else is connected to a database. It can be renamed and brought back only when nobody is, and a role may not end
// everybody's sessions: that is found out before the stop.
import { ChasquiError, type ErrorCode } from '../../../src/errors.ts'
import type { AppWork } from '../../apply/work.ts'
import type { Odoo } from './context.ts'
import { quoteName, quoteText } from './postgres.ts'

const TRIES = 20
const PAUSE = 100 // milliseconds between them

/** PostgreSQL's own rule for pg_terminate_backend, of a session's role r. */
const MAY_END = `((select rolsuper from pg_roles where rolname = current_user)
  or not r.rolsuper and (pg_has_role(r.oid, 'USAGE') or pg_has_role('pg_signal_backend', 'USAGE')))`

interface Session {
  user: string
  program: string
  /** only a superuser may end it */
  super: boolean
  /** who asks */
  role: string
}

/** PostgreSQL's own workers have no user, and step aside by themselves. */
function others(database: string): string {
  return `pg_stat_activity a join pg_roles r on r.oid = a.usesysid
    where datname = ${quoteText(database)} and pid <> pg_backend_pid()`
}

/** Ends every other session, and waits until there is none. Throws SERVICE_FAILED. */
export async function disconnect(work: AppWork, odoo: Odoo, database: string): Promise<void> {
  const ended = `count(case when ${MAY_END} then pg_terminate_backend(pid) end)`
  const sql = `select count(*) as count, ${ended} as ended from ${others(database)}`
  for (let tries = 0; tries < TRIES; tries++) {
    const [row] = await odoo.postgres.query<{ count: number }>('postgres', sql)
    if ((row?.count ?? 0) === 0) return
    await work.parts.clock.sleep(PAUSE)
  }
  await refuseOthers(odoo, database, 'SERVICE_FAILED')
  throw new ChasquiError('SERVICE_FAILED', `something keeps connecting to the database ${database}`, {
    hint: 'stop what else uses it, or make its service part of the app'
  })
}

/** Throws DATABASE_NOT_ALLOWED when somebody stays connected whose sessions the role may not end. */
export async function requireEndable(work: AppWork, odoo: Odoo): Promise<void> {
  for (const database of odoo.config.databases) {
    for (let tries = 1; tries < TRIES && (await foreign(odoo, database)) !== undefined; tries++) {
      await work.parts.clock.sleep(PAUSE)
    }
    await refuseOthers(odoo, database, 'DATABASE_NOT_ALLOWED')
  }
}

async function foreign({ postgres }: Odoo, database: string): Promise<Session | undefined> {
  const columns = 'usename as user, application_name as program, rolsuper as super, current_user as role'
  const sql = `select ${columns} from ${others(database)} and not ${MAY_END} order by rolsuper desc, pid limit 1`
  return (await postgres.query<Session>('postgres', sql))[0]
}

async function refuseOthers(odoo: Odoo, database: string, code: ErrorCode): Promise<void> {
  const found = await foreign(odoo, database)
  if (found === undefined) return
  const { user, program, role } = found
  const who = program === '' ? user : `${user} (${program})`
  const grant = `grant pg_signal_backend to ${quoteName(role)}`
  throw new ChasquiError(code, `${who} is connected to ${database}, and ${role} may not end that session`, {
    hint: found.super
      ? `end it, and let that program connect as a role that is no superuser, after: ${grant}`
      : `end it, or let it be ended: ${grant}`
  })
}
