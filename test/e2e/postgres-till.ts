// An application whose data is in a real PostgreSQL: a control program for the generic profile, somebody who sells through it
// all, and an audit that tells a half-done migration, a lost sale and a changed one.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { PostgresCluster } from '../apply/postgres.ts'

const execute = promisify(execFile)

/**
 * A migration is four transactions: the database says "half" at first and the version at last; in between a column for the
 * version comes, every sale is rewritten, and the former column goes. It refuses to start from another version than `from`.
 * A sale is made only while the till runs and is not locked; `stop` waits for the one that is being made.
 */
const control = ({ host, bin }: PostgresCluster, database: string) => `#!/bin/bash
cd "$(dirname "$0")"
export PGHOST=${host} PGUSER=postgres PATH=${bin}:$PATH
sql() { psql -X -A -t -q -v ON_ERROR_STOP=1 -d ${database} -c "$1"; }
case $1 in
  prepare) createdb ${database} && sql "create table schema as select '1.0.0'::text as version;
    create table sale (number int primary key, made_for text not null, \\"v1.0.0\\" int)" ;;
  stop) rm -f running; flock -x gate true ;;
  start) touch running ;;
  status) [ -f running ] ;;
  lock) touch locked ;;
  unlock) rm -f locked ;;
  dump) pg_dump -Fc -f "$2" ${database} ;;
  verify) pg_restore -l "$2" > /dev/null ;;
  load) dropdb --if-exists --force ${database} && createdb ${database} &&
    pg_restore --exit-on-error -d ${database} "$2" ;;
  migrate) [ "$(sql 'select version from schema')" = "$2" ] && sql "update schema set version = 'half $3'" &&
    sql "alter table sale add column \\"v$3\\" int" && sleep 0.05 &&
    sql "update sale set made_for = '$3', \\"v$3\\" = number" && sleep 0.05 &&
    sql "alter table sale drop column \\"v$2\\"" && sql "update schema set version = '$3'" ;;
  health) [ -f running ] && [ "$(cat "$2/health.txt")" = good ] &&
    [ "$(sql 'select version from schema')" = "$(cat "$2/version.txt")" ] ;;
  sell) exec 9> gate; flock -s 9; [ -f running ] && [ ! -f locked ] &&
    sql "insert into sale select $2, version from schema" ;;
  audit) [ -f running ] && [ ! -f locked ] && sql "select json_build_object(
    'version', (select version from schema),
    'columns', (select string_agg(attname, ' ' order by attname) from pg_attribute
      where attrelid = 'sale'::regclass and attname like 'v%' and not attisdropped),
    'misfits', (select count(*) from sale, schema where made_for <> version),
    'sales', (select count(*) from sale),
    'checksum', (select md5(coalesce(string_agg(number::text, ',' order by number), '')) from sale))" ;;
esac
`

interface Audit {
  version: string
  columns: string
  misfits: number
  sales: number
  checksum: string
}

export class PostgresTill {
  readonly #program: string
  /** numbers of the sales that were made, as the customer has them on paper */
  readonly #sold: number[] = []
  #isSelling = false
  #selling: Promise<void> = Promise.resolve()
  #number = 0

  private constructor(program: string) {
    this.#program = program
  }

  static async create(folder: string, cluster: PostgresCluster, database: string): Promise<PostgresTill> {
    await mkdir(folder)
    const program = join(folder, 'till')
    await writeFile(program, control(cluster, database), { mode: 0o755 })
    await execute(program, ['prepare'])
    return new PostgresTill(program)
  }

  get sales(): number {
    return this.#sold.length
  }

  /** For chasqui.toml, behind the app's own lines. */
  config(app: string): string {
    const argv = (...words: string[]) => JSON.stringify([this.#program, ...words])
    return `attempts = 20
backup-keep = 2
[apps.shop.commands]
stop = ${argv('stop')}
start = ${argv('start')}
status = ${argv('status')}
lock = ${argv('lock')}
unlock = ${argv('unlock')}
backup = ${argv('dump', '{backup}')}
verify = ${argv('verify', '{backup}')}
restore = ${argv('load', '{backup}')}
migrate = ${argv('migrate', '{from}', '{to}')}
[[apps.shop.checks]]
kind = "command"
command = ${argv('health', app)}
retries = 1
wait = "100 ms"
`
  }

  /** Sells until told to stop; a sale that is refused (the till is closed) counts for nothing. */
  open(): void {
    this.#isSelling = true
    this.#selling = this.#sell()
  }

  /** Resolves when the last sale has been answered. */
  async pause(): Promise<void> {
    this.#isSelling = false
    await this.#selling
  }

  async #sell(): Promise<void> {
    while (this.#isSelling) {
      const number = ++this.#number
      const isSold = await execute(this.#program, ['sell', String(number)]).then(
        () => true,
        () => false
      )
      if (isSold) this.#sold.push(number)
      await sleep(100)
    }
  }

  /** The version of the database. Fails unless it is whole, the till is open and every sale is there, and no other. */
  async audit(): Promise<string> {
    const { stdout } = await execute(this.#program, ['audit'])
    const found = JSON.parse(stdout) as Audit
    const { version } = found
    const checksum = createHash('md5').update(this.#sold.join(',')).digest('hex')
    assert.deepEqual(found, {
      version,
      columns: `v${version}`,
      misfits: 0,
      sales: this.#sold.length,
      checksum
    })
    return version
  }
}
