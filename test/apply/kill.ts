// kill -9 of a real process in the middle of real applies: the apply runs until a moment that is chosen at random, dies, is
// started again, and what is there is compared with the old version and with the new one, whole.
import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { LOCAL, readTree, versionFiles, writeTree } from './kill-files.ts'

const execute = promisify(execFile)
const VICTIM = join(import.meta.dirname, 'victim.ts')

/** A stand-in for the application: a database of one file that a migration changes in two halves, and a flag that it runs. */
const FILE_CTL = `#!/bin/bash
cd "$(dirname "$0")"
put() { printf '%s\\n' "$2" > "$1.tmp" && mv "$1.tmp" "$1"; }
case $1 in
  stop) rm -f running ;;
  start) put running yes ;;
  status) [ -f running ] ;;
  dump) cp database "$2" ;;
  load) put database "$(cat "$2")" ;;
  migrate) put database "half $3"; sleep 0.05; put database "$3" ;;
  health) [ -f running ] ;;
  version) cat database ;;
  sell|audit|prepare) ;;
esac
`

/** The same with a real PostgreSQL: dump, restore and migration are its own programs', and every sale is counted. */
export function postgresCtl(host: string, bin: string): string {
  return `#!/bin/bash
cd "$(dirname "$0")"
export PGHOST=${host} PGUSER=postgres PATH=${bin}:$PATH
sql() { psql -X -A -t -q -v ON_ERROR_STOP=1 -d till -c "$1"; }
case $1 in
  prepare) createdb till && sql "create table schema as select '1.0.0' as version; create table sale (id serial)" ;;
  stop) rm -f running ;;
  start) touch running ;;
  status|health) [ -f running ] ;;
  dump) pg_dump -Fc -f "$2" till ;;
  load) dropdb --if-exists --force till && createdb till && pg_restore --exit-on-error -d till "$2" ;;
  migrate) sql "update schema set version = 'half $3'" && sql "alter table sale add column if not exists c_\${3##*.} int" &&
    sql "update schema set version = '$3'" ;;
  version) sql 'select version from schema' ;;
  sell) sql 'insert into sale default values' && echo sold >> sold ;;
  audit) [ "$(sql 'select count(*) from sale')" = "$(wc -l < sold)" ] ;;
esac
`
}

export interface KillOptions {
  kind: 'directory' | 'overlay'
  kills: number
  /** the application's program; default: a database of one file */
  ctl?: string
  /** 0…1 */
  random(): number
}

export interface KillTally {
  kills: number
  old: number
  new: number
  /** died before it had begun, or had ended by then */
  outside: number
}

interface Run {
  lines: string[]
  wasKilled: boolean
  /** milliseconds from "ready" to its end */
  ms: number
}

/** Runs the victim; kills it `delay` ms after it has said that it is ready. */
function runVictim(args: string[], delay: number | null): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [VICTIM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    let errors = ''
    let wasKilled = false
    let readyAt = 0
    child.stdout.on('data', (chunk: Buffer) => {
      const wasReady = text.includes('ready')
      text += chunk.toString()
      if (wasReady || !text.includes('ready')) return
      readyAt = performance.now()
      if (delay === null) return
      setTimeout(() => {
        wasKilled = child.kill('SIGKILL')
      }, delay)
    })
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') reject(new Error(`the victim ended with ${code}: ${errors}`))
      else {
        const ms = performance.now() - readyAt
        resolve({ lines: text.trim().split('\n'), wasKilled: wasKilled && signal === 'SIGKILL', ms })
      }
    })
  })
}

/** Kills `kills` applies one after the other and judges each. Throws at the first third state. */
export async function killApplies(options: KillOptions): Promise<KillTally> {
  const directory = await mkdtemp(join(tmpdir(), 'chasqui-kill-'))
  const tally: KillTally = { kills: 0, old: 0, new: 0, outside: 0 }
  try {
    await prepare(directory, options)
    let { ms: length } = await runVictim([directory, 'apply', '1.0.1'], null)
    for (const module of ['pos_a', 'pos_b']) await writeTree(join(directory, 'app', module), LOCAL)
    let version = 1
    while (tally.kills < options.kills) {
      await execute(join(directory, 'ctl'), ['sell'])
      const [old, fresh] = [`1.0.${version}`, `1.0.${version + 1}`]
      const run = await runVictim([directory, 'apply', fresh], options.random() * length)
      if (!run.wasKilled) {
        tally.outside++
        length = run.ms
        assert.ok(tally.outside < options.kills * 5, `no apply could be killed in time: ${run.lines.at(-1)}`)
      } else tally.kills++
      await runVictim([directory, 'recover'], null)
      const seen = await judge(directory, old, fresh)
      if (run.wasKilled) tally[seen]++
      if (seen === 'new') version++
    }
    const last = await runVictim([directory, 'apply', `1.0.${version + 1}`], null)
    assert.match(last.lines.at(-1) ?? '', /"result":"committed"/, 'the next run finishes')
    return tally
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function prepare(directory: string, { ctl = FILE_CTL, kind }: KillOptions): Promise<void> {
  const program = join(directory, 'ctl')
  await writeFile(program, ctl, { mode: 0o755 })
  await execute(program, ['prepare'])
  await writeFile(join(directory, 'database'), '1.0.0\n')
  await mkdir(join(directory, 'app'))
  const config = {
    profile: 'generic',
    modules: ['pos_*'],
    path: join(directory, 'app'),
    'backup-keep': 2,
    attempts: 20,
    ...(kind === 'overlay' ? { keep: ['.env'] } : {}),
    commands: {
      stop: [program, 'stop'],
      start: [program, 'start'],
      status: [program, 'status'],
      backup: [program, 'dump', '{backup}'],
      restore: [program, 'load', '{backup}'],
      migrate: [program, 'migrate', '{from}', '{to}']
    },
    checks: [{ kind: 'command', command: [program, 'health'], wait: '50 ms' }]
  }
  await writeFile(join(directory, 'app.json'), JSON.stringify(config))
}

/** Old or new: both modules, byte for byte, with what is not ours, the database that fits, and the application up. */
async function judge(directory: string, old: string, fresh: string): Promise<'old' | 'new'> {
  const version = (await readFile(join(directory, 'app', 'pos_a', 'version.txt'), 'utf8')).trim()
  assert.ok(version === old || version === fresh, `version ${version}`)
  for (const module of ['pos_a', 'pos_b']) {
    const seen = await readTree(join(directory, 'app', module))
    assert.deepEqual(seen, { ...versionFiles(module, version), ...LOCAL }, `${module} is not whole`)
  }
  const asked = (verb: string) => spawnSync(join(directory, 'ctl'), [verb], { encoding: 'utf8' })
  // the first install had nothing to migrate from
  const database = asked('version').stdout.trim()
  assert.ok(
    database === version || (version === '1.0.1' && database === '1.0.0'),
    `files ${version}, database ${database}`
  )
  assert.equal(asked('status').status, 0, 'the application does not run')
  assert.equal(asked('audit').status, 0, 'a sale is lost')
  return version === old ? 'old' : 'new'
}
