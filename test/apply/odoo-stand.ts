// A branch with the odoo profile on a real disk and a real PostgreSQL. A shell script stands in for Odoo where the real one
// cannot be made to do a thing on request (the real one is in test/odoo).
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { EngineParts } from '../../node/apply/parts.ts'
import { systemClock, systemHttp } from '../../node/apply/real-parts.ts'
import { realProcessRunner } from '../../src/system/process.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { type PostgresCluster, startPostgres, whyNoPostgres } from './postgres.ts'
import { manifestOf, SimulatedBranch } from './simulated-branch.ts'

const run = promisify(execFile)

/** Upgrades like Odoo (each database when it is named, status and log), and writes into the filestore as Odoo does. */
const STAND_IN = `#!/bin/bash
cd "$(dirname "$0")"
while [ $# -gt 0 ]; do case $1 in
  -c) conf=$2; shift ;; -d) db=$2; shift ;; -u) modules=$2; shift ;; --addons-path=*) path=\${1#*=} ;;
esac; shift; done
log() { grep -q '^syslog' "$conf" || echo "2026-01-01 03:00:00,000 42 $1 $db odoo.modules.loading: $2"; }
sql() { PATH=@bin@:$PATH psql -X -q -h @host@ -U "$(sed -n 's/^db_user = //p' "$conf")" -d "$db" -c "$1"; }
echo "$(id -u) $db" >> data/calls
[ -z "$path" ] || ls "\${path%%,*}/rig/__manifest__.py" || { log CRITICAL 'no such addons'; exit 255; }
mkdir -p "data/filestore/$db/cd" && echo made > "data/filestore/$db/cd/made"
sql "insert into sale values ('half')"
[ ! -f "hook-$db" ] || . "./hook-$db"
sql "update ir_module_module set latest_version = '17.0.2.0.0' where name = 'rig'"
log INFO 'Modules loaded.'
`

export interface Stand {
  branch: SimulatedBranch
  folder: string
  role: string
  databases: string[]
  sql(database: string, text: string): Promise<string>
  /** shell lines that the upgrade of a database runs in its middle */
  hook(database: string, script: string): Promise<void>
  /** a line of odoo.conf */
  configure(line: string): Promise<void>
  calls(): Promise<string[]>
  /** somebody else who stays connected, until PostgreSQL or the end of the test ends it */
  session(role: string, database: string): Promise<void>
  remove(): Promise<void>
}

export interface StandOptions {
  databases?: string[]
  /** of the role */
  rights?: string
  /** more of createdb */
  createdb?: string[]
  odoo?: Record<string, unknown>
  /** more of the app's configuration */
  config?: Record<string, unknown>
  parts?: (folder: string) => Partial<EngineParts>
}

const V1 = { '__manifest__.py': "{'name': 'rig', 'version': '17.0.1.0.0'}", 'models.py': 'one' }
const V2 = { '__manifest__.py': "{'name': 'rig', 'version': '17.0.2.0.0'}", 'models.py': 'two' }

export function upgradeRequest(branch: SimulatedBranch) {
  return branch.request({ module: 'rig', version: '2.0.0', from: '1.0.0', files: V2 })
}

export const applyTo = ({ branch }: Stand) => branch.engine().apply(upgradeRequest(branch))

/** Of a hook: the upgrade fails. */
export const FAIL = 'log CRITICAL "no"; exit 255'

export interface Stands {
  cluster(): PostgresCluster
  /** goes with its test */
  stand(t: TestContext, options?: StandOptions): Promise<Stand>
}

/** Tests on a PostgreSQL of their own. */
export function describeStands(name: string, tests: (stands: Stands) => void): void {
  const reason = whyNoPostgres()
  describe(name, reason === undefined ? {} : { skip: reason }, () => {
    let cluster: PostgresCluster
    before(async () => {
      cluster = await startPostgres()
    })
    after(() => cluster.stop())
    tests({
      cluster: () => cluster,
      async stand(t, options) {
        const made = await makeStand(cluster, options)
        t.after(() => made.remove())
        return made
      }
    })
  })
}

async function makeStand(cluster: PostgresCluster, options: StandOptions = {}): Promise<Stand> {
  const { databases = ['till'], rights = 'createdb', createdb = [] } = options
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-stand-'))
  await run('chmod', ['755', folder])
  const role = `odoo_${randomBytes(4).toString('hex')}`
  const names = databases.map((name) => `${name}_${role}`)
  const tool = (name: string, ...args: string[]) =>
    run(join(cluster.bin, name), ['-h', cluster.host, '-U', 'postgres', ...args])
  const sql = async (database: string, text: string) =>
    (await tool('psql', '-X', '-A', '-t', '-q', '-d', database, '-c', text)).stdout.trim()
  await sql('postgres', `create role ${role} login ${rights}`)
  for (const name of names) await makeDatabase(name)
  await makeFiles()
  const branch = new SimulatedBranch({
    modules: ['rig*'],
    path: join(folder, 'addons'),
    config: {
      profile: 'odoo',
      commands: undefined,
      checks: [{ kind: 'files' }],
      odoo: {
        config: join(folder, 'odoo.conf'),
        databases: names,
        program: [join(folder, 'odoo')],
        'postgres-bin': cluster.bin,
        lockout: false,
        url: {},
        ...options.odoo
      },
      ...options.config
    },
    parts: {
      fs: realFileSystem,
      runner: realProcessRunner,
      clock: systemClock,
      http: systemHttp,
      random: randomBytes,
      environment: process.env,
      home: folder,
      ...options.parts?.(folder)
    }
  })
  await adopt(branch)
  const sessions: ChildProcess[] = []
  return {
    branch,
    folder,
    role,
    databases: names,
    sql,
    hook: (database, script) => writeFile(join(folder, `hook-${database}`), script),
    configure: (line) => appendFile(join(folder, 'odoo.conf'), `${line}\n`),
    calls: async () => (await readFile(join(folder, 'data', 'calls'), 'utf8')).trim().split('\n'),
    async session(user, database) {
      const argv = ['-h', cluster.host, '-U', user, '-d', database, '-c', 'select pg_sleep(600)']
      sessions.push(spawn(join(cluster.bin, 'psql'), argv, { stdio: 'ignore' }))
      const count = `select count(*) from pg_stat_activity where datname = '${database}' and usename = '${user}'`
      while ((await sql('postgres', count)) === '0') await sleep(50)
    },
    async remove() {
      for (const one of sessions) one.kill()
      const list = await sql('postgres', `select datname from pg_database where datname like '%${role}%'`)
      for (const name of list.split('\n').filter(Boolean)) await tool('dropdb', '-f', name)
      await rm(folder, { recursive: true, force: true })
    }
  }

  async function makeDatabase(name: string): Promise<void> {
    await tool('createdb', '-O', role, '-T', 'template0', ...createdb, name)
    await sql(
      name,
      `set role ${role};
      create table ir_module_module (name text, state text, latest_version text);
      insert into ir_module_module values ('base', 'installed', '17.0.1.3'), ('rig', 'installed', '17.0.1.0.0');
      create table ir_attachment (res_model text, url text);
      create table sale (name text); insert into sale values ('before in ${name}')`
    )
    await mkdir(join(folder, 'data', 'filestore', name, 'ab'), { recursive: true })
    await writeFile(join(folder, 'data', 'filestore', name, 'ab', 'file'), `of ${name}`)
  }

  async function makeFiles(): Promise<void> {
    const conf = [
      '[options]',
      `db_host = ${cluster.host}`,
      `db_user = ${role}`,
      `data_dir = ${join(folder, 'data')}`
    ]
    await writeFile(join(folder, 'odoo.conf'), `${conf.join('\n')}\n`)
    const script = STAND_IN.replaceAll('@bin@', cluster.bin).replaceAll('@host@', cluster.host)
    await writeFile(join(folder, 'odoo'), script, { mode: 0o755 })
    await mkdir(join(folder, 'addons', 'rig'), { recursive: true })
    for (const [path, text] of Object.entries(V1)) await writeFile(join(folder, 'addons', 'rig', path), text)
  }
}

async function adopt(branch: SimulatedBranch): Promise<void> {
  const one = { module: 'rig', track: 'default', version: '1.0.0', kind: 'directory' as const }
  await branch.engine().adopt({ app: branch.app, candidates: [{ ...one, manifest: manifestOf(V1) }] })
}
