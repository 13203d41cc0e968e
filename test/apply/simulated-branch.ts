// A branch in memory: disk, state, till and clock, with releases that are made from plain objects of files.
import { createHash } from 'node:crypto'
import { createEngine } from '../../node/apply/engine.ts'
import type { EngineParts } from '../../node/apply/parts.ts'
import type { ApplyRequest, Engine } from '../../node/apply/types.ts'
import { type AppConfig, appsSchema } from '../../node/config/apps.ts'
import { type Manifest, makeManifest, manifestBytes, manifestRoot } from '../../src/release/manifest.ts'
import type { Release } from '../../src/release/release.ts'
import { silentLog } from '../../src/system/log.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedState } from './simulated-state.ts'
import { SimulatedTill } from './simulated-till.ts'

export type Files = Readonly<Record<string, string>>

export function manifestOf(files: Files): Manifest {
  return makeManifest(
    Object.entries(files).map(([path, text]) => ({
      path,
      kind: 'file',
      size: text.replace(/^x /, '').length,
      executable: text.startsWith('x '),
      sha256: createHash('sha256')
        .update(Buffer.from(text.replace(/^x /, ''), 'latin1'))
        .digest('hex')
    }))
  )
}

export interface FakeRelease {
  module: string
  version: string
  files: Files
  kind?: 'directory' | 'overlay'
  more?: Partial<Release>
}

export function releaseOf({ module, version, files, kind = 'directory', more = {} }: FakeRelease): Release {
  const manifest = manifestOf(files)
  return {
    schema: 1,
    module,
    track: 'default',
    version,
    order: 'semver',
    created: '2026-01-01T00:00:00Z',
    severity: 'normal',
    kind,
    files: { root: manifestRoot(manifest), count: manifest.entries.length, bytes: manifestBytes(manifest) },
    packs: [{ sha256: '0'.repeat(64), bytes: 1, kind: 'full' }],
    ...more
  }
}

/** Commands of the simulated till. */
const TILL_COMMANDS = {
  stop: ['/bin/ctl', 'stop'],
  start: ['/bin/ctl', 'start'],
  status: ['/bin/ctl', 'status'],
  backup: ['/bin/ctl', 'dump', '{backup}'],
  restore: ['/bin/ctl', 'load', '{backup}'],
  migrate: ['/bin/ctl', 'migrate', '{from}', '{to}']
}

/** The same for a till that can keep its users out. */
export const LOCKING_COMMANDS = {
  ...TILL_COMMANDS,
  lock: ['/bin/ctl', 'lock'],
  unlock: ['/bin/ctl', 'unlock']
}

export interface BranchOptions {
  modules?: string[]
  path?: string
  config?: Record<string, unknown>
  parts?: Partial<EngineParts>
}

export class SimulatedBranch {
  readonly disk: SimulatedDisk
  readonly state: SimulatedState
  readonly app: AppConfig
  readonly till: SimulatedTill
  readonly contents = new Map<string, Files>()
  now = Date.parse('2026-02-01T03:00:00Z')
  #names = 0
  readonly #overrides: Partial<EngineParts>

  constructor(options: BranchOptions = {}, disk = new SimulatedDisk(), state = new SimulatedState()) {
    this.disk = disk
    this.state = state
    const path = options.path ?? '/srv/shop'
    this.app = parseApp({
      profile: 'generic',
      modules: options.modules ?? ['shop'],
      path,
      commands: TILL_COMMANDS,
      checks: [{ kind: 'command', command: ['/bin/ctl', 'health'], retries: 1 }],
      ...options.config
    })
    this.till = new SimulatedTill(this.disk, path)
    this.#overrides = options.parts ?? {}
    this.disk.plant('/bin/ctl', 'program', 0o755)
    this.disk.plant('/srv/other', 'not ours')
  }

  /** A branch in the same state, with a till that has just been started. */
  clone(options: BranchOptions): SimulatedBranch {
    const copy = new SimulatedBranch(options, this.disk.clone(), this.state.clone())
    copy.till.database = structuredClone(this.till.database)
    copy.till.sold.splice(0, Number.POSITIVE_INFINITY, ...this.till.sold)
    copy.#names = this.#names
    return copy
  }

  get parts(): EngineParts {
    return {
      fs: this.disk,
      runner: this.till,
      state: this.state,
      clock: {
        now: () => this.now,
        sleep: async (milliseconds) => {
          this.now += milliseconds
        }
      },
      random: (length) => Buffer.from((++this.#names).toString(16).padStart(length * 2, '0'), 'hex'),
      log: silentLog,
      http: { get: async () => ({ status: 200, body: '', type: 'text/html' }) },
      stage: async ({ module, release }, into) => {
        const files = this.contents.get(`${module}@${release.version}`) ?? {}
        await this.writeFiles(into, files)
        return manifestOf(files)
      },
      platform: 'linux',
      platforms: ['linux', 'linux-x64'],
      environment: { PATH: '/bin' },
      home: '/home',
      ...this.#overrides
    }
  }

  /** Writes files through `parts.fs`, so that faults can hit here too. */
  async writeFiles(into: string, files: Files): Promise<void> {
    const { fs } = this.#overrides.fs === undefined ? { fs: this.disk } : { fs: this.#overrides.fs }
    for (const [path, text] of Object.entries(files)) {
      const folders = path.split('/').slice(0, -1)
      for (const [index] of folders.entries()) {
        const folder = `${into}/${folders.slice(0, index + 1).join('/')}`
        if ((await fs.stat(folder)) === null) await fs.makeDirectory(folder, 0o755)
      }
      const writer = await fs.createFile(`${into}/${path}`, text.startsWith('x ') ? 0o755 : 0o644)
      await writer.write(Buffer.from(text.replace(/^x /, ''), 'latin1'))
      await writer.close()
    }
  }

  engine(): Engine {
    return createEngine(this.parts)
  }

  request(...releases: (FakeRelease & { from: string | null })[]): ApplyRequest {
    for (const one of releases) this.contents.set(`${one.module}@${one.version}`, one.files)
    return {
      app: this.app,
      releases: releases.map((one) => ({
        module: one.module,
        track: 'default',
        from: one.from,
        to: one.version,
        release: releaseOf(one)
      }))
    }
  }

  /** Installs a first version and lets the till run on it. */
  async install(...releases: FakeRelease[]): Promise<void> {
    const result = await this.engine().apply(this.request(...releases.map((one) => ({ ...one, from: null }))))
    if (result.result !== 'committed') throw new Error(JSON.stringify(result))
    this.till.calls.length = 0
  }
}

export function parseApp(config: Record<string, unknown>, name = 'shop'): AppConfig {
  const app = appsSchema.parse({ [name]: config })[name]
  if (app === undefined) throw new Error('no app')
  return app
}
