// A real Odoo with PostgreSQL for the tests: the rig program makes and runs it, the probe addons are what is released to it.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createEngine } from '../../node/apply/engine.ts'
import { systemClock, systemHttp } from '../../node/apply/real.ts'
import type { ApplyResult, Engine, EngineParts } from '../../node/apply/types.ts'
import { type AppConfig, appsSchema } from '../../node/config/apps.ts'
import { readTree } from '../../src/pack/tree.ts'
import { type Manifest, manifestBytes, manifestRoot } from '../../src/release/manifest.ts'
import type { Release } from '../../src/release/release.ts'
import { realFileSystem } from '../../src/system/file-system.ts'
import { silentLog } from '../../src/system/log.ts'
import { realProcessRunner } from '../../src/system/process.ts'
import { openState } from '../../src/system/state.ts'

const run = promisify(execFile)
const PROGRAM = resolve(
  process.env.CHASQUI_ODOO_RIG ?? join(import.meta.dirname, '../../../shared/tools/odoo/odoo-rig')
)
const MODULES = ['rig_probe', 'rig_child'] as const
/** Tables that a running server writes by itself. */
const RESTLESS = [
  'ir_cron*',
  'ir_attachment',
  'bus_*',
  'ir_logging',
  '*signaling*',
  'res_users_log',
  'res_device*'
]

/** What the rig builds and enters its root file system with. */
const RIG_TOOLS = ['debootstrap', 'unshare', 'zstd', 'flock', 'curl']

/** Why the tests cannot run here, or undefined. */
export function whyNot(): string | undefined {
  if (!existsSync(PROGRAM)) return `there is no Odoo rig at ${PROGRAM} (CHASQUI_ODOO_RIG)`
  if (process.getuid?.() !== 0) return 'the Odoo rig needs root'
  const folders = (process.env.PATH ?? '').split(delimiter)
  const missing = RIG_TOOLS.filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))))
  return missing.length === 0 ? undefined : `the Odoo rig needs ${missing.join(', ')}`
}

async function manifestOf(folder: string): Promise<Manifest> {
  return (await readTree(realFileSystem, folder, { kind: 'directory' })).manifest
}

/** Everything real; a release's files come from the variant that its label names. */
export function rigParts(scratch: string, state: EngineParts['state']): EngineParts {
  return {
    fs: realFileSystem,
    runner: realProcessRunner,
    state,
    clock: systemClock,
    random: randomBytes,
    log: silentLog,
    http: systemHttp,
    stage: async ({ module, release }, into) => {
      await cp(join(scratch, 'variants', release.labels?.[0] ?? '', module), into, { recursive: true })
      return manifestOf(into)
    },
    platform: process.platform,
    platforms: ['linux'],
    environment: process.env,
    home: scratch
  }
}

export interface State {
  files: string
  database: string
  schema: string
}

export class Rig {
  readonly series: '14' | '19'
  readonly app: AppConfig
  readonly #folders: Record<string, string>
  readonly #scratch: string
  #state: EngineParts['state']

  private constructor(
    series: '14' | '19',
    folders: Record<string, string>,
    scratch: string,
    state: EngineParts['state']
  ) {
    this.series = series
    this.#folders = folders
    this.#scratch = scratch
    this.app = this.config({})
    this.#state = state
  }

  /** A freshly installed database with both probe addons at their first version, adopted by an engine, running. */
  static async start(series: '14' | '19'): Promise<Rig> {
    const environment = { ...process.env, ODOO_SERIES: series }
    await run(PROGRAM, ['up'], { env: environment, timeout: 600_000 })
    await run(PROGRAM, ['reset'], { env: environment, timeout: 600_000 })
    const { stdout } = await run(PROGRAM, ['env'], { env: environment })
    const folders: Record<string, string> = {}
    for (const [, name, value] of stdout.matchAll(/^(\w+)="(.*)"$/gm))
      folders[name as string] = value as string
    const scratch = await mkdtemp(join(tmpdir(), 'chasqui-odoo-'))
    await run(join(dirname(PROGRAM), 'probe-addons'), [join(scratch, 'variants'), series])
    const rig = new Rig(series, folders, scratch, await openState(join(scratch, 'state')))
    for (const module of MODULES)
      await cp(rig.variant('v1', module), join(rig.addons, module), { recursive: true })
    const flags = ['--stop-after-init', '--no-http']
    await rig.rig('stop')
    await rig.rig('odoo', '-d', rig.database, '-i', MODULES.join(','), ...flags)
    await rig.rig('start')
    const candidates = []
    for (const module of MODULES) {
      const manifest = await manifestOf(rig.variant('v1', module))
      candidates.push({
        module,
        track: `${series}.0`,
        version: rig.version('1.0.0'),
        kind: 'directory' as const,
        manifest
      })
    }
    await rig.engine.adopt({ app: rig.app, candidates })
    return rig
  }

  async stop(): Promise<void> {
    await this.#state.close()
    await this.rig('down')
    await rm(join(dirname(this.addons), `.chasqui-addons`), { recursive: true, force: true })
    await rm(this.#scratch, { recursive: true, force: true })
  }

  get engine(): Engine {
    return createEngine(rigParts(this.#scratch, this.#state))
  }

  get addons(): string {
    return this.#folder('RIG_ADDONS')
  }

  get database(): string {
    return this.#folder('RIG_DB')
  }

  get scratch(): string {
    return this.#scratch
  }

  #folder(name: string): string {
    const found = this.#folders[name]
    assert.ok(found !== undefined, `the rig says no ${name}`)
    return found
  }

  version(short: string): string {
    return `${this.series}.0.${short}`
  }

  variant(name: string, module: string): string {
    return join(this.#scratch, 'variants', name, module)
  }

  config(odoo: Record<string, unknown>, more: Record<string, unknown> = {}): AppConfig {
    const state = this.#folder('STATE')
    const app = appsSchema.parse({
      till: {
        profile: 'odoo',
        modules: ['rig_*'],
        path: this.addons,
        attempts: 20,
        env: { ODOO_SERIES: this.series, RIG_DIR: this.#folder('RIG_DIR') },
        odoo: {
          config: this.#folder('CONF'),
          databases: [this.database],
          program: [join(state, 'bin', 'odoo')],
          'postgres-bin': join(state, 'bin'),
          // the rig's program changes to Odoo's user itself, inside
          user: 'root',
          ...odoo
        },
        service: {
          kind: 'command',
          stop: [PROGRAM, 'stop'],
          start: [PROGRAM, 'start'],
          status: [PROGRAM, 'health']
        },
        ...more
      }
    }).till
    assert.ok(app !== undefined)
    return app
  }

  async rig(...args: string[]): Promise<string> {
    const env = { ...process.env, ODOO_SERIES: this.series }
    const { stdout } = await run(PROGRAM, args, { env, timeout: 300_000, maxBuffer: 2 ** 30 })
    return stdout
  }

  async sql(query: string): Promise<string> {
    return (await this.rig('psql', '-A', '-t', '-c', query)).trim()
  }

  /** Applies the two addons of a variant, at the version that their manifests say. */
  async apply(
    variant: string,
    short: string,
    app = this.app,
    modules: readonly string[] = MODULES
  ): Promise<ApplyResult> {
    return this.engine.apply(await this.request(variant, short, app, modules))
  }

  async request(variant: string, short: string, app = this.app, modules: readonly string[] = MODULES) {
    const installed = new Map((await this.engine.installed('till')).map((one) => [one.module, one.version]))
    const releases = []
    for (const module of modules) {
      const manifest = await manifestOf(this.variant(variant, module))
      const release: Release = {
        schema: 1,
        module,
        track: `${this.series}.0`,
        version: this.version(short),
        order: 'odoo',
        created: '2026-01-01T00:00:00Z',
        severity: 'normal',
        kind: 'directory',
        files: {
          root: manifestRoot(manifest),
          count: manifest.entries.length,
          bytes: manifestBytes(manifest)
        },
        labels: [variant],
        packs: [{ sha256: '0'.repeat(64), bytes: 1, kind: 'full' }]
      }
      const from = installed.get(module) ?? null
      releases.push({ module, track: release.track, from, to: release.version, release })
    }
    return { app, releases, force: true }
  }

  /** An apply in a process of its own, killed with -9 as soon as `isTime` says so; gives what it had printed. */
  async applyAndKill(variant: string, short: string, isTime: () => Promise<boolean>): Promise<string> {
    const request = await this.request(variant, short)
    await writeFile(join(this.#scratch, 'request.json'), JSON.stringify(request))
    await this.#state.close()
    const child = spawn(process.execPath, [join(import.meta.dirname, 'victim.ts'), this.#scratch], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    const ended = new Promise((resolve) => child.on('close', resolve))
    while (child.exitCode === null && !(await isTime())) await sleep(200)
    child.kill('SIGKILL')
    await ended
    this.#state = await openState(join(this.#scratch, 'state'))
    return printed
  }

  /** A second database of the same server, which then knows no database without being told one; gives the app with both. */
  async addDatabase(name: string): Promise<AppConfig> {
    const [data, conf] = [this.#folder('DATA'), this.#folder('CONF')]
    await this.rig('stop')
    await this.rig('exec', 'postgres', 'createdb', '-U', 'postgres', '-O', 'odoo', '-T', this.database, name)
    const [from, to] = [this.database, name].map((one) => join(data, 'filestore', one))
    await this.rig('exec', 'odoo', 'cp', '-a', from as string, to as string)
    const text = (await readFile(conf, 'utf8')).replaceAll(/^db(_name|filter) = .*\n/gm, '')
    await writeFile(conf, `${text}dbfilter = ^(${this.database}|${name})$\n`)
    const answers = `[ "$(${PROGRAM} health)" != 000 ]`
    const service = {
      kind: 'command',
      stop: [PROGRAM, 'stop'],
      // the rig takes every answer but 200 for a failed start
      start: ['/bin/sh', '-c', `${PROGRAM} start || ${answers}`],
      status: ['/bin/sh', '-c', answers]
    }
    return this.config({ databases: [this.database, name] }, { service })
  }

  /** A variant of another number: nothing else changes. */
  async renumber(variant: string, short: string): Promise<string> {
    const name = `${variant}-${short}`
    for (const module of MODULES) {
      await cp(this.variant(variant, module), this.variant(name, module), { recursive: true })
      const manifest = join(this.variant(name, module), '__manifest__.py')
      const text = await readFile(manifest, 'utf8')
      await writeFile(manifest, text.replace(/\d+\.0\.\d+\.\d+\.\d+/, this.version(short)))
    }
    return name
  }

  async query(database: string, sql: string): Promise<string> {
    return (await this.rig('exec', 'odoo', 'psql', '-X', '-A', '-t', '-d', database, '-c', sql)).trim()
  }

  /** Everything that must be as before after a failure. */
  async state(database = this.database): Promise<State> {
    const hash = createHash('sha256')
    const entries = await readdir(this.addons, { recursive: true, withFileTypes: true })
    const paths = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
    for (const path of paths.filter((one) => !one.endsWith('.pyc')).sort()) {
      hash.update(path).update(await readFile(path))
    }
    const restless = RESTLESS.map((table) => `--exclude-table-data=public.${table}`)
    return {
      files: hash.digest('hex'),
      database: await this.#dump(database, '--data-only', '--inserts', ...restless),
      schema: await this.#dump(database, '--schema-only')
    }
  }

  /** A plain dump as sorted lines, without what differs from one to the next by itself. */
  async #dump(database: string, ...args: string[]): Promise<string> {
    const text = await this.rig('exec', 'odoo', 'pg_dump', '--no-owner', ...args, database)
    const lines = text.split('\n').filter((line) => !/^--|setval\(|^\\(un)?restrict|^$/.test(line))
    return createHash('sha256').update(lines.sort().join('\n')).digest('hex')
  }

  async health(): Promise<string> {
    return (await this.rig('health').catch((error: { stdout?: string }) => error.stdout ?? '')).trim()
  }
}
