// What the role of odoo.conf must be allowed, found before anything is stopped: a restore that may not create a database would
// be found out when the old one is already set aside.
import { ChasquiError } from '../../../src/errors.ts'
import type { Odoo } from './context.ts'
import { quoteText } from './postgres.ts'

const TRUSTED_SINCE = 130_000 // server_version_num from which an extension says whether its database's owner may create it

interface Role {
  name: string
  super: boolean
  createdb: boolean
  version: number
}

/** Throws DATABASE_NOT_ALLOWED with what to grant. */
export async function requireRights(odoo: Odoo): Promise<void> {
  const { postgres, config } = odoo
  const sql = `select rolname as name, rolsuper as super, rolcreatedb as createdb,
    current_setting('server_version_num')::int as version from pg_roles where rolname = current_user`
  const [role] = await postgres.query<Role>('postgres', sql)
  if (role === undefined || role.super) return
  if (!role.createdb) {
    throw new ChasquiError('DATABASE_NOT_ALLOWED', `the role ${role.name} may not create a database`, {
      hint: `a restore needs that: alter role "${role.name}" createdb`
    })
  }
  for (const database of config.databases) {
    await requireOwner(odoo, role, database)
    if (role.version >= TRUSTED_SINCE) await requireExtensions(odoo, role, database)
  }
}

/** Only the owner may rename a database aside. */
async function requireOwner({ postgres }: Odoo, role: Role, database: string): Promise<void> {
  const sql = `select pg_has_role(datdba, 'USAGE') as owns from pg_database where datname = ${quoteText(database)}`
  const [row] = await postgres.query<{ owns: boolean }>('postgres', sql)
  if (row?.owns === true) return
  throw new ChasquiError(
    'DATABASE_NOT_ALLOWED',
    `the role ${role.name} does not own the database ${database}`,
    {
      hint: `a restore has to set it aside: alter database "${database}" owner to "${role.name}"`
    }
  )
}

/** An extension that only a superuser may create would end the restore in the middle. */
async function requireExtensions({ postgres }: Odoo, role: Role, database: string): Promise<void> {
  const sql = `select extname as name from pg_extension join pg_available_extension_versions
    on name = extname and version = extversion where superuser and not trusted and extname <> 'plpgsql'`
  const [first] = await postgres.query<{ name: string }>(database, sql)
  if (first === undefined) return
  throw new ChasquiError(
    'DATABASE_NOT_ALLOWED',
    `${database} has the extension ${first.name}, which ${role.name} may not create in a restore`,
    { hint: 'drop it, or give odoo.conf a role that may (superuser)' }
  )
}
