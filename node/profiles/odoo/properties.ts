// What belongs to a database and is not in it, or not restored with it: who may do what (GRANT), and its settings (ALTER
// DATABASE … SET). A restored database gets both as the one had them whose place it takes, as far as the role may.
import { join } from 'node:path'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../../../src/system/durable.ts'
import type { Work } from '../../apply/work.ts'
import type { Odoo } from './context.ts'
import { quoteText } from './postgres.ts'

const PRIVATE = 0o700
const LIST_LIMIT = 64 * 1024 * 1024 // bytes of a dump's table of contents
/** Of one object or by default; those of the database itself pg_restore leaves out. */
const PRIVILEGES = /^\d+; \d+ \d+ (DEFAULT )?ACL (?!- DATABASE )/

/**
 * GRANTs on what is in the database, from its dump. One that fails (a role that is gone) must not end a restore, so they come
 * after it.
 */
export async function restorePrivileges(work: Work, odoo: Odoo, dump: string, into: string): Promise<void> {
  const { fs } = work.parts
  const list = join(work.places.staging, 'privileges.list')
  await ensureDirectory(fs, work.places.staging, PRIVATE)
  try {
    await odoo.postgres.run('pg_restore', ['-l', '-f', list, dump], 'RESTORE_FAILED')
    const lines = Buffer.from((await readFileLimited(fs, list, LIST_LIMIT)) ?? []).toString('utf8')
    const privileges = lines.split('\n').filter((line) => PRIVILEGES.test(line))
    if (privileges.length === 0) return
    await writeFileDurably(fs, list, Buffer.from(`${privileges.join('\n')}\n`), 0o600)
    await odoo.postgres.run('pg_restore', ['--no-owner', '-L', list, '-d', into, dump], 'RESTORE_FAILED')
  } catch (error) {
    work.note(`not every GRANT is back in the restored database: ${(error as Error).message}`)
  } finally {
    if ((await fs.stat(list)) !== null) await fs.remove(list)
  }
}

/** GRANTs and settings of the database itself. */
export async function copyProperties(work: Work, odoo: Odoo, from: string, to: string): Promise<void> {
  for (const { sql } of await odoo.postgres.query<{ sql: string }>('postgres', statements(from, to))) {
    try {
      await odoo.postgres.execute('postgres', sql)
    } catch (error) {
      work.note(`the restored database lacks something: ${sql}: ${(error as Error).message}`)
    }
  }
}

/** A query for the statements that make one database like another: "from current" quotes the values of lists as SET would. */
function statements(from: string, to: string): string {
  const [model, name] = [quoteText(from), quoteText(to)]
  const grantee = `case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end`
  const quoted = `(select string_agg(quote_ident(part), '.') from unnest(string_to_array(name, '.')) part)`
  const whose = `case setrole when 0 then '' else format('role %I in ', pg_get_userbyid(setrole)) end`
  return `select sql from (
    select 1 as place, format('revoke all on database %I from public', ${name}) as sql
      from pg_database where datname = ${model} and datacl is not null
    union all
    select 2, format('grant %s on database %I to %s', privilege_type, ${name}, ${grantee})
        || case when is_grantable then ' with grant option' else '' end
      from pg_database, aclexplode(datacl) where datname = ${model}
    union all
    select 3, format('alter database %I connection limit %s', ${name}, datconnlimit)
      from pg_database where datname = ${model} and datconnlimit >= 0
    union all
    select 3, format('select set_config(%L, %L, false); alter %sdatabase %I set %s from current',
        name, value, ${whose}, ${name}, ${quoted})
      from pg_database d join pg_db_role_setting on setdatabase = d.oid, unnest(setconfig) setting,
        split_part(setting, '=', 1) name, substr(setting, length(name) + 2) value
      where datname = ${model}
  ) found order by place`
}
