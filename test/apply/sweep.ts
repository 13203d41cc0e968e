// One scenario under one fault: the apply is cut or disturbed, the machine starts again as often as it takes, and what is
// there at the end is judged: old or new, whole, running, with a database that fits and no sale lost.
import { createEngine } from '../../node/apply/engine.ts'
import type { ApplyResult, EngineParts } from '../../node/apply/types.ts'
import { applies, FAULTS, type Injection, Injector } from './faults.ts'
import { type FakeRelease, type Files, manifestOf, SimulatedBranch } from './simulated-branch.ts'
import type { TillFaults } from './simulated-till.ts'

export interface Scenario {
  name: string
  kind: 'directory' | 'overlay'
  modules: number
  /** makes the apply roll back by itself, so that faults hit the way back */
  till: TillFaults
}

export type Verdict = 'old' | 'new'

export interface Outcome {
  verdict: Verdict
  /** how the apply itself ended, or that it was cut */
  first: ApplyResult['result'] | 'cut'
  /** starts that it took until nothing was pending */
  starts: number
  /** operations that were counted in the disturbed run */
  operations: string[]
}

const MAX_STARTS = 6
const OPTIONS = { modules: ['pos_*'], config: { attempts: 20 } }

function filesOf(version: string, module: string): Files {
  const own = `${module} ${version}`
  return version === '1.0.0'
    ? {
        'version.txt': version,
        'src/main.js': own,
        'src/old.js': 'old',
        'same.txt': 'same',
        'run.sh': 'x go'
      }
    : {
        'version.txt': version,
        'src/main.js': own,
        'lib/new.js': 'new',
        'same.txt': 'same',
        'run.sh': 'x go'
      }
}

/** What is not ours lies here, and must be there at the end, whatever happens. */
const LOCAL: Files = { 'media/photo.jpg': 'photo', 'src/local.js': 'local' }

class Sweep {
  readonly #scenario: Scenario
  #template: SimulatedBranch | undefined
  #recovery: string[] = []
  readonly #releases: (FakeRelease & { from: string | null })[]

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    const names = Array.from({ length: scenario.modules }, (_, index) => `pos_${index}`)
    this.#releases = names.map((module) => ({
      module,
      version: '2.0.0',
      from: '1.0.0',
      kind: scenario.kind,
      files: filesOf('2.0.0', module)
    }))
  }

  /** One disturbed apply. `recovery`: a fault in the start that follows the first cut. */
  async run(injection: Injection | null, recovery: Injection | null = null): Promise<Outcome> {
    const branch = await this.#prepare()
    const injector = new Injector()
    const parts: EngineParts = {
      ...branch.parts,
      fs: injector.fileSystem(branch.disk),
      runner: injector.runner(branch.till),
      state: injector.state(branch.state)
    }
    const stage: EngineParts['stage'] = async ({ module, release }, into) => {
      const files = branch.contents.get(`${module}@${release.version}`) ?? {}
      await writeFiles(parts, into, files)
      return manifestOf(files)
    }
    const request = branch.request(...this.#releases)
    injector.arm(...(injection === null ? [] : [injection]))
    const first = await untilDeath(injector, () => createEngine({ ...parts, stage }).apply(request))
    const operations = [...injector.seen]
    let starts = 0
    for (; ; starts++) {
      this.#restart(branch, injector)
      if ((await branch.state.list('apply/transaction/')).length === 0) break
      if (starts === MAX_STARTS) throw new Error(`still pending after ${starts} starts`)
      injector.arm(...(starts === 0 && recovery !== null ? [recovery] : []))
      await untilDeath(injector, () => createEngine({ ...parts, stage }).recover())
      if (starts === 0) this.#recovery = [...injector.seen]
    }
    const verdict = await this.#judge(branch)
    await this.#tryAgain(branch, parts, stage, injector, verdict)
    return { verdict, first: first?.result ?? 'cut', starts, operations }
  }

  /** The operations of the start that follows a cut. */
  async recoveryOf(injection: Injection): Promise<string[]> {
    this.#recovery = []
    await this.run(injection)
    return this.#recovery
  }

  async #prepare(): Promise<SimulatedBranch> {
    this.#template ??= await this.#installed()
    const branch = this.#template.clone(OPTIONS)
    branch.till.faults = { ...this.#scenario.till }
    return branch
  }

  async #installed(): Promise<SimulatedBranch> {
    const branch = new SimulatedBranch(OPTIONS)
    const old = this.#releases.map(({ module, kind }) => ({
      module,
      version: '1.0.0',
      ...(kind === undefined ? {} : { kind }),
      files: filesOf('1.0.0', module)
    }))
    await branch.install(...old)
    for (const { module } of this.#releases) {
      for (const [path, text] of Object.entries(LOCAL)) branch.disk.plant(`/srv/shop/${module}/${path}`, text)
    }
    return branch
  }

  #restart(branch: SimulatedBranch, injector: Injector): void {
    if (!injector.isDead) return
    if (injector.wasPowerCut) {
      branch.disk.cutPower()
      branch.till.restart()
    }
    injector.arm()
  }

  /** Throws when it is a third state, or nobody can work. */
  async #judge(branch: SimulatedBranch): Promise<Verdict> {
    const verdicts = new Set<Verdict>()
    for (const { module } of this.#releases) {
      const seen = branch.disk.snapshot(`/srv/shop/${module}`)
      const verdict = (['1.0.0', '2.0.0'] as const).find((version) =>
        isSame(seen, { ...filesOf(version, module), ...LOCAL })
      )
      if (verdict === undefined) throw new Error(`${module} is neither old nor new: ${JSON.stringify(seen)}`)
      verdicts.add(verdict === '1.0.0' ? 'old' : 'new')
      const installed = (await createEngine(branch.parts).installed('shop')).find(
        (one) => one.module === module
      )
      if (installed?.version !== verdict) throw new Error(`files ${verdict}, recorded ${installed?.version}`)
    }
    const [verdict] = verdicts
    if (verdict === undefined || verdicts.size > 1) throw new Error('some modules are old, some are new')
    const { database, running, locked } = branch.till
    if (database.schema !== (verdict === 'old' ? '1.0.0' : '2.0.0')) {
      throw new Error(`the files are ${verdict}, the database is ${JSON.stringify(database)}`)
    }
    const migrated = verdict === 'old' ? 0 : this.#releases.length
    if (database.migrations.length !== migrated) throw new Error(`migrations: ${database.migrations.join()}`)
    if (!database.sales.includes('before')) throw new Error('a sale is lost')
    if (!running || locked) throw new Error(`lockout: running ${running}, locked ${locked}`)
    return verdict
  }

  /** "ENOSPC and EIO: old, clear error, retry works": the next apply, undisturbed, must end well. */
  async #tryAgain(
    branch: SimulatedBranch,
    parts: EngineParts,
    stage: EngineParts['stage'],
    injector: Injector,
    verdict: Verdict
  ): Promise<void> {
    if (verdict === 'new') return
    injector.arm()
    branch.till.faults = {}
    const request = { ...branch.request(...this.#releases), force: true }
    const result = await createEngine({ ...parts, stage }).apply(request)
    if (result.result !== 'committed') throw new Error(`the next apply: ${JSON.stringify(result.error)}`)
    const after = await this.#judge(branch)
    if (after !== 'new') throw new Error('the next apply did not bring the new version')
  }
}

function isSame(a: Files, b: Files): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/** The result, or null when the process died in between, or gave up on its journal. */
async function untilDeath<T>(injector: Injector, work: () => Promise<T>): Promise<T | null> {
  const death = new Promise<null>((resolve) => {
    injector.onDeath = () => resolve(null)
  })
  const working = work().catch((error: { code?: string }) => {
    if (injector.isDead || error.code === 'JOURNAL_FAILED') return null
    throw error
  })
  return Promise.race([working, death])
}

async function writeFiles({ fs }: EngineParts, into: string, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const folder = path.includes('/') ? `${into}/${path.slice(0, path.lastIndexOf('/'))}` : into
    if ((await fs.stat(folder)) === null) await fs.makeDirectory(folder, 0o755)
    const isExecutable = text.startsWith('x ')
    const writer = await fs.createFile(`${into}/${path}`, isExecutable ? 0o755 : 0o644)
    await writer.write(Buffer.from(isExecutable ? text.slice(2) : text, 'latin1'))
    await writer.close()
  }
}

export const SCENARIOS: readonly Scenario[] = (['directory', 'overlay'] as const).flatMap((kind) =>
  [1, 3].flatMap((modules) => [
    { name: `apply, ${kind}, ${modules} modules`, kind, modules, till: {} },
    { name: `rollback, ${kind}, ${modules} modules`, kind, modules, till: { sickVersion: '2.0.0' } }
  ])
)

/** Counts outcomes and collects what must not be. */
class Tally {
  injections = 0
  readonly #outcomes = new Map<string, number>()
  readonly #problems: string[] = []

  async add(what: string, run: () => Promise<Outcome>): Promise<void> {
    this.injections++
    try {
      const { first, verdict } = await run()
      const outcome = `${first} → ${verdict}`
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
    } catch (error) {
      this.#problems.push(`${what}: ${(error as Error).message.slice(0, 300)}`)
    }
  }

  /** One line. Throws with the first of what went wrong. */
  summary(operations: number): string {
    if (this.#problems.length > 0) {
      throw new Error(
        `${this.#problems.length} of ${this.injections}: ${this.#problems.slice(0, 8).join('\n')}`
      )
    }
    const outcomes = [...this.#outcomes].map(([what, count]) => `${count} × ${what}`).join(', ')
    return `${operations} operations, ${this.injections} injections, 0 third states, 0 lockouts: ${outcomes}`
  }
}

/** Every fault at every `stride`-th operation of a scenario. */
export async function sweepAll(scenario: Scenario, stride: number): Promise<string> {
  const sweep = new Sweep(scenario)
  const { operations } = await sweep.run(null)
  const tally = new Tally()
  for (let at = 1; at <= operations.length; at += stride) {
    const operation = operations[at - 1] ?? ''
    for (const fault of FAULTS) {
      if (!applies(fault, operation)) continue
      await tally.add(`${fault} at ${at} (${operation})`, () => sweep.run({ at, fault }))
    }
  }
  return tally.summary(operations.length)
}

/** A kill after each change of state, and then every fault at every `stride`-th operation of the recovery that follows. */
export async function recoveries(kind: Scenario['kind'], stride: number): Promise<string> {
  const sweep = new Sweep({ name: kind, kind, modules: 1, till: { sickVersion: '2.0.0' } })
  const { operations } = await sweep.run(null)
  const tally = new Tally()
  let counted = 0
  for (const [index, operation] of operations.entries()) {
    if (operation !== 'put') continue
    const first = { at: index + 1, fault: 'kill after' as const }
    const recovery = await sweep.recoveryOf(first)
    counted += recovery.length
    for (let at = 1; at <= recovery.length; at += stride) {
      for (const fault of FAULTS) {
        const name = recovery[at - 1] ?? ''
        if (!applies(fault, name)) continue
        const what = `killed after ${first.at}, then ${fault} at ${at} (${name})`
        await tally.add(what, () => sweep.run(first, { at, fault }))
      }
    }
  }
  return tally.summary(counted)
}

/** Pairs of faults: one in the apply, one in the start after it; the same seed gives the same pairs. */
export async function randomPairs(scenario: Scenario, count: number, seed: number): Promise<string> {
  const sweep = new Sweep(scenario)
  const { operations } = await sweep.run(null)
  const tally = new Tally()
  let state = seed
  const below = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % limit
  }
  const pick = (): Injection => {
    const fault = FAULTS[below(FAULTS.length)] ?? 'EIO'
    return { at: 1 + below(operations.length), fault }
  }
  for (let pair = 0; pair < count; pair++) {
    const [first, second] = [pick(), pick()]
    const what = `${first.fault} at ${first.at}, then ${second.fault} at ${second.at}`
    await tally.add(what, () => sweep.run(first, { ...second, at: 1 + (second.at % 120) }))
  }
  return tally.summary(operations.length)
}
