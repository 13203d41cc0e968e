// One scenario under one fault: the transaction is cut or disturbed, the machine starts again as often as it takes, users
// work whenever the application lets them, an operator helps where the node cannot. What is there at the end is judged: one
// of the scenario's two worlds, whole, running, and every sale in the database or in a copy that was kept.
import { createEngine } from '../../node/apply/engine.ts'
import type { EngineParts } from '../../node/apply/parts.ts'
import type { ApplyResult } from '../../node/apply/types.ts'
import { applies, canStay, FAULTS, type Injection, Injector } from './faults.ts'
import { act, clone, isEmptyAt, prepare, type Scenario, type World, worldsOf } from './scenarios.ts'
import { type Files, manifestOf, type SimulatedBranch } from './simulated-branch.ts'

export type Verdict = 'old' | 'new'

export interface Outcome {
  verdict: Verdict
  /** how the transaction itself ended, or that it was cut */
  first: ApplyResult['result'] | 'cut'
  /** operations that were counted in the disturbed run */
  operations: string[]
  /** sales that are in a copy and no longer in the database */
  setAside: string[]
}

const MAX_STARTS = 8

class Sweep {
  readonly #scenario: Scenario
  #template: SimulatedBranch | undefined
  #recovery: string[] = []

  constructor(scenario: Scenario) {
    this.#scenario = scenario
  }

  /** One disturbed transaction. `recovery`: a fault in the start that follows the first cut. */
  async run(injection: Injection | null, recovery: Injection | null = null): Promise<Outcome> {
    this.#template ??= await prepare(this.#scenario)
    const branch = clone(this.#template, this.#scenario)
    const injector = new Injector()
    const parts = disturbed(branch, injector)
    injector.arm(...(injection === null ? [] : [injection]))
    const first = await untilDeath(injector, () => act(this.#scenario, branch, createEngine(parts)))
    const operations = [...injector.seen]
    await this.#untilItRests(branch, parts, injector, recovery)
    const verdict = await this.#judge(branch)
    const setAside = branch.till.sold.filter((sale) => !branch.till.database.sales.includes(sale))
    await this.#tryAgain(branch, parts, injector, verdict)
    return { verdict, first: first?.result ?? 'cut', operations, setAside }
  }

  /** The operations of the start that follows a cut. */
  async recoveryOf(injection: Injection): Promise<string[]> {
    this.#recovery = []
    await this.run(injection)
    return this.#recovery
  }

  /** Starts the node until nothing is pending; where that does not help, an operator steps in. */
  async #untilItRests(
    branch: SimulatedBranch,
    parts: EngineParts,
    injector: Injector,
    recovery: Injection | null
  ): Promise<void> {
    for (let starts = 0; ; starts++) {
      restart(branch, injector)
      branch.till.sell(`before start ${starts}`)
      if ((await branch.state.list('apply/transaction/')).length === 0) return
      if (starts === MAX_STARTS) throw new Error(`still pending after ${starts} starts`)
      injector.arm(...(starts === 0 && recovery !== null ? [recovery] : []))
      await untilDeath(injector, () => createEngine(parts).recover())
      if (starts === 0) this.#recovery = [...injector.seen]
      if (!injector.isDead && (await branch.state.list('apply/transaction/')).length > 0) {
        await this.#helpByHand(branch, parts, injector, starts)
      }
    }
  }

  /** The operator starts the application as it is; users work; then the cause is mended and the node asked to go on. */
  async #helpByHand(
    branch: SimulatedBranch,
    parts: EngineParts,
    injector: Injector,
    starts: number
  ): Promise<void> {
    branch.till.startByHand()
    branch.till.sell(`by hand ${starts}`)
    injector.repair()
    injector.arm()
    branch.till.faults = { ...branch.till.faults, ...HEALED }
    await untilDeath(injector, () => createEngine(parts).recover({}, { retry: 'now' }))
  }

  /** Throws when it is a third state, nobody can work, or a sale is nowhere. */
  async #judge(branch: SimulatedBranch): Promise<Verdict> {
    const worlds = worldsOf(this.#scenario, branch.till.printed)
    const seen = await worldAt(branch, worlds.old)
    const verdict = (['old', 'new'] as const).find((name) => isSame(seen, worlds[name]))
    if (verdict === undefined) throw new Error(`neither old nor new: ${JSON.stringify(seen)}`)
    const { running, locked, database, sold } = branch.till
    const isGone = isEmptyAt(this.#scenario, verdict)
    if ((!running && !isGone) || locked)
      throw new Error(`lockout: running ${running}, locked ${locked} (${verdict})`)
    const gone = sold.filter((sale) => !database.sales.includes(sale))
    const kept = gone.length === 0 ? [] : Object.values(branch.disk.snapshot('/srv'))
    for (const sale of gone) {
      if (kept.some((text) => text.includes('"sales"') && text.includes(`"${sale}"`))) continue
      throw new Error(`the sale "${sale}" is lost`)
    }
    return verdict
  }

  /** "ENOSPC and EIO: old, clear error, retry works": the next try, undisturbed, must end well. */
  async #tryAgain(
    branch: SimulatedBranch,
    parts: EngineParts,
    injector: Injector,
    verdict: Verdict
  ): Promise<void> {
    if (verdict === 'new') return
    injector.repair()
    injector.arm()
    branch.till.faults = {}
    const result = await act(this.#scenario, branch, createEngine(parts), true)
    if (result.result !== 'committed') throw new Error(`the next try: ${JSON.stringify(result.error)}`)
    if ((await this.#judge(branch)) !== 'new') throw new Error('the next try did not bring the new state')
  }
}

/** What an operator puts right; a release that is sick stays sick. */
const HEALED = { startFailsWith: '', loadFails: false, unlockFails: false }

/** The branch's own parts with the injector between. */
function disturbed(branch: SimulatedBranch, injector: Injector): EngineParts {
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
  return { ...parts, stage }
}

function restart(branch: SimulatedBranch, injector: Injector): void {
  if (injector.isDead && injector.wasPowerCut) {
    branch.disk.cutPower()
    branch.till.restart()
  }
  injector.arm()
}

async function worldAt(branch: SimulatedBranch, like: World): Promise<World> {
  const modules = Object.keys(like.files)
  const installed = await createEngine(branch.parts).installed('shop')
  const { schema, migrations } = branch.till.database
  return {
    files: Object.fromEntries(modules.map((one) => [one, branch.disk.snapshot(`/srv/shop/${one}`)])),
    installed: Object.fromEntries(
      modules.map((one) => [one, installed.find(({ module }) => module === one)?.version ?? null])
    ),
    schema,
    migrations: migrations.length
  }
}

function isSame(a: World, b: World): boolean {
  const text = ({ files, installed, schema, migrations }: World) =>
    JSON.stringify([
      Object.entries(files).map(([module, inside]) => [module, Object.entries(inside).sort()]),
      Object.entries(installed),
      schema,
      migrations
    ])
  return text(a) === text(b)
}

/** The result, or null when the process died in between, or gave up on its journal. */
async function untilDeath<T>(injector: Injector, work: () => Promise<T>): Promise<T | null> {
  const death = new Promise<null>((resolve) => {
    injector.onDeath = () => resolve(null)
  })
  const working = work().catch((error: { code?: string }) => {
    if (injector.isDead || injector.isBroken || error.code === 'JOURNAL_FAILED') return null
    // a request that never became a transaction: nothing was begun
    if (['EIO', 'EBUSY', 'ENOSPC'].includes(error.code ?? '')) return null
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

const TURN = 50 // injections

/** Counts outcomes and collects what must not be. */
class Tally {
  injections = 0
  readonly #outcomes = new Map<string, number>()
  readonly #problems: string[] = []

  async add(what: string, run: () => Promise<Outcome>): Promise<void> {
    this.injections++
    // everything is in memory and never waits: without this nothing is printed, and no time limit seen, before all is done
    if (this.injections % TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    try {
      const { first, verdict, setAside } = await run()
      const outcome = `${first} → ${verdict}${setAside.length > 0 ? ' (sales set aside)' : ''}`
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
    } catch (error) {
      this.#problems.push(`${what}: ${(error as Error).message.slice(0, 600)}`)
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
    return `${operations} operations, ${this.injections} injections, 0 third states, 0 lockouts, 0 sales lost: ${outcomes}`
  }
}

/**
 * Every fault at every `stride`-th operation of a scenario, as an accident and to stay until it is mended; and a power cut at
 * every change of state, where a folder that was not synced is seen.
 */
export async function sweepAll(scenario: Scenario, stride: number): Promise<string> {
  const sweep = new Sweep(scenario)
  const { operations } = await sweep.run(null)
  const tally = new Tally()
  for (const [index, operation] of operations.entries()) {
    const at = index + 1
    const isSampled = index % stride === 0
    for (const fault of FAULTS) {
      const isCut = fault === 'power cut' && operation === 'put'
      if (!applies(fault, operation) || !(isSampled || isCut)) continue
      for (const stays of canStay(fault) ? [false, true] : [false]) {
        const what = `${fault}${stays ? ', staying,' : ''} at ${at} (${operation})`
        await tally.add(what, async () => keptIfHeld(scenario, await sweep.run({ at, fault, stays }), stays))
      }
    }
  }
  return tally.summary(operations.length)
}

/** Where nothing starts what the node keeps down, and nothing is wrong with the application, no sale is even set aside. */
function keptIfHeld(scenario: Scenario, outcome: Outcome, stays: boolean): Outcome {
  const isMeant = scenario.action === 'restore with database'
  const isWell = Object.keys(scenario.till).length === 0
  if (!scenario.honoursHold || !isWell || stays || isMeant || outcome.setAside.length === 0) return outcome
  throw new Error(`sales were possible before the recovery: ${outcome.setAside.join()}`)
}

/** A kill after each change of state, and then every fault at every `stride`-th operation of the recovery that follows. */
export async function recoveries(scenario: Scenario, stride: number): Promise<string> {
  const sweep = new Sweep(scenario)
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
        for (const stays of canStay(fault) ? [false, true] : [false]) {
          const what = `killed after ${first.at}, then ${fault}${stays ? ', staying,' : ''} at ${at} (${name})`
          await tally.add(what, () => sweep.run(first, { at, fault, stays }))
        }
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
    return { at: 1 + below(operations.length), fault, stays: canStay(fault) && below(3) === 0 }
  }
  for (let pair = 0; pair < count; pair++) {
    const [first, second] = [pick(), pick()]
    const what = `${first.fault} at ${first.at}, then ${second.fault} at ${second.at}`
    await tally.add(what, () => sweep.run(first, { ...second, at: 1 + (second.at % 120) }))
  }
  return tally.summary(operations.length)
}
