// A real Odoo with PostgreSQL for the tests: the rig program makes and runs it, the probe addons are what is released to it.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createEngine } from '../../node/apply/engine.ts'
import type { EngineParts } from '../../node/apply/parts.ts'
import type { ApplyResult, Engine } from '../../node/apply/types.ts'
import { type AppConfig, appsSchema } from '../../node/config/apps.ts'
import { manifestBytes, manifestRoot } from '../../src/release/manifest.ts'
import type { Release } from '../../src/release/release.ts'
import { openState } from '../../src/system/state.ts'
import { manifestOf, PROGRAM, rigParts } from './rig-parts.ts'

const run = promisify(execFile)
export const MODULES = ['rig_probe', 'rig_child'] as const
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
    return this.folder('RIG_ADDONS')
  }

  get database(): string {
    return this.folder('RIG_DB')
  }

  get scratch(): string {
    return this.#scratch
  }

  /** A path that the rig says, by its name there. */
  folder(name: string): string {
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
    const state = this.folder('STATE')
    const app = appsSchema.parse({
      till: {
        profile: 'odoo',
        modules: ['rig_*'],
        path: this.addons,
        attempts: 20,
        env: { ODOO_SERIES: this.series, RIG_DIR: this.folder('RIG_DIR') },
        odoo: {
          config: this.folder('CONF'),
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

  async drop(database: string): Promise<void> {
    await this.rig('exec', 'postgres', 'dropdb', '-U', 'postgres', '--if-exists', database)
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
