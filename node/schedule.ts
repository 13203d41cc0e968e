// What the daemon does by itself: looks whenever something has changed and every so often, applies what policy and window
// allow, reports. One round at a time; a change during a round makes another one.
import type { ControlEvent } from '../src/control/commands.ts'
import { asChasquiError, ChasquiError } from '../src/errors.ts'
import type { PlannedTransaction } from '../src/fleet/plan.ts'
import { nextOpening } from '../src/fleet/window.ts'
import type { NodeApp } from './app.ts'
import { applyTransactions, fetchPacks, readyTransactions } from './apply-plan.ts'
import { carrySteps } from './carry.ts'
import { collectPacks } from './collect.ts'
import type { NodePlan } from './planner.ts'
import { announceReport } from './report.ts'
import type { FleetView } from './trust-keeper.ts'

const GATHER = 200 // milliseconds in which changes are gathered into one round
const RETRY = 30_000 // milliseconds after a round that failed

interface Fetching {
  transaction: PlannedTransaction
  abort: AbortController
  isBeingChecked: boolean
}

export class Schedule {
  readonly #app: NodeApp
  readonly #emit: (event: ControlEvent) => void
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> = Promise.resolve()
  #isWanted = false
  #isRunning = false
  #lastReport = ''
  #reportedAt = 0
  #lastPlan = ''
  #fetching: Fetching | null = null
  readonly #touched = new Set<string>()
  #carried: FleetView | null = null
  #collected = ''

  constructor(app: NodeApp, emit: (event: ControlEvent) => void) {
    this.#app = app
    this.#emit = emit
  }

  /** Something has changed: looks soon. */
  wake(): void {
    this.#isWanted = true
    void this.#recheck()
    this.#arm(GATHER)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#round
  }

  #arm(milliseconds: number): void {
    if (this.#stop.signal.aborted || this.#isRunning) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    // a timer cannot be longer than 2^31 ms
    this.#timer = setTimeout(() => this.#start(), Math.min(milliseconds, 86_400_000))
  }

  #start(): void {
    this.#isRunning = true
    this.#isWanted = false
    this.#round = this.#look()
      .then(
        () => this.#pause(),
        (error: unknown) => {
          this.#fail('round', error)
          return RETRY
        }
      )
      .then((pause) => {
        this.#isRunning = false
        this.#arm(this.#isWanted ? GATHER : pause)
      })
  }

  async #look(): Promise<void> {
    const app = this.#app
    this.#noteConflict()
    await this.#endPending()
    const plan = await this.#guard('trust', () => app.plan('automatic'))
    if (plan !== null) await this.#follow(plan)
    await this.#showPending()
    await this.#report()
    if (plan !== null) await this.#carry(plan.view)
    if (plan !== null) await this.#collect(plan.view)
  }

  /** Two signed histories of the feed: nothing new is taken from it, and everybody is told. */
  #noteConflict(): void {
    const { conflict } = this.#app.feed
    if (conflict === null || this.#app.problems.has('feed')) return
    const message = `two signed histories of the feed were seen (${conflict.core}, length ${conflict.length})`
    this.#fail('feed', new ChasquiError('FEED_CONFLICT', message))
  }

  /** What could not be ended is tried again when its time has come. */
  async #endPending(): Promise<void> {
    const { engine, config } = this.#app
    if ((await engine.pending()).length === 0) return // no turn is taken for nothing
    const context = { emit: this.#emit, signal: this.#stop.signal }
    const results = await this.#guard('recovery', () =>
      this.#app.inTurn(() => engine.recover(context, { retry: 'due', apps: config.apps }))
    )
    for (const result of results ?? []) this.#emit({ event: 'recovered', ...result })
  }

  /** A problem for as long as it waits, so that it is reported and rounds come soon. */
  async #showPending(): Promise<void> {
    const { engine, problems } = this.#app
    const pending = await engine.pending()
    for (const where of [...problems.keys()].filter((one) => one.startsWith('unended '))) {
      if (!pending.some(({ app }) => where === `unended ${app}`)) problems.delete(where)
    }
    for (const { app, message } of pending) {
      this.#fail(`unended ${app}`, new ChasquiError('APPLY_BLOCKED', message))
    }
  }

  /** Fetches and applies what the plan allows. */
  async #follow(plan: NodePlan): Promise<void> {
    const app = this.#app
    this.#showPlan(plan.transactions)
    for (const transaction of plan.transactions.filter(isWorthFetching)) {
      if (!(await this.#fetch(plan, transaction))) return
    }
    const blocked = new Set((await app.engine.pending()).map((one) => one.app))
    for (const ready of readyTransactions(plan, { modules: [] })) {
      // why it waits is a problem of its own (showPending)
      if (blocked.has(ready.app)) continue
      const order = { mode: 'automatic', modules: [], reason: 'auto', force: false } as const
      const context = { emit: this.#emit, signal: this.#stop.signal }
      const where = `apply ${ready.app}`
      const results = await this.#guard(where, () => applyTransactions(app, plan, [ready], order, context))
      if (results?.length === 0) this.#isWanted = true // it is not what is planned any more: plan again
      const refused = results?.find((one) => one.result === 'refused')?.error
      if (refused !== undefined) this.#fail(where, new ChasquiError(refused.code, refused.message))
    }
    this.#forgetOld()
  }

  /** False when it was given up because nobody wants it any more. */
  async #fetch(plan: NodePlan, transaction: PlannedTransaction): Promise<boolean> {
    const abort = new AbortController()
    const context = { emit: this.#emit, signal: AbortSignal.any([abort.signal, this.#stop.signal]) }
    this.#fetching = { transaction, abort, isBeingChecked: false }
    await this.#guard(`fetch ${nameOf(transaction)}`, () =>
      fetchPacks(this.#app, plan, transaction, context).catch((error: unknown) => {
        if (!abort.signal.aborted) throw error
      })
    )
    this.#fetching = null
    if (abort.signal.aborted) this.#isWanted = true
    return !abort.signal.aborted
  }

  /** What is on its way may have been halted, withdrawn or held meanwhile. */
  async #recheck(): Promise<void> {
    const fetching = this.#fetching
    if (fetching === null || fetching.isBeingChecked) return
    fetching.isBeingChecked = true
    const plan = await this.#app.plan('automatic').catch(() => null)
    fetching.isBeingChecked = false
    if (plan !== null && !isWanted(plan, fetching.transaction)) fetching.abort.abort()
  }

  /** For neighbours, when nothing of its own is missing; once for each version of the feed. */
  async #carry(view: FleetView): Promise<void> {
    if (view === this.#carried || this.#app.problems.size > 0) return
    const context = { signal: this.#stop.signal }
    const steps = (await this.#guard('carry', () => carrySteps(this.#app, view))) ?? []
    for (const { name, paths, bytes } of steps) {
      if (this.#isWanted || this.#stop.signal.aborted) return
      const done = await this.#guard(`carry ${name}`, async () => {
        const { transfers, fetcher } = this.#app
        await transfers.follow({ app: 'carry', releases: [name] }, (onProgress) =>
          fetcher.fetch(paths, { ...context, onProgress })
        )
        return true
      })
      if (done === null) return
      this.#emit({ event: 'carried', release: name, bytes })
    }
    this.#carried = view
  }

  /** Gives room back: once for each version of the feed and each change of what this node is and has. */
  async #collect({ snapshot }: FleetView): Promise<void> {
    const { carry, 'carry-max': limit } = this.#app.config.node
    const text = JSON.stringify([snapshot.version, this.#lastReport, carry, limit])
    if (text === this.#collected || this.#isWanted || this.#stop.signal.aborted) return
    this.#collected = text
    try {
      const { freed } = await collectPacks(this.#app, { dryRun: false })
      if (freed.packs > 0) this.#emit({ event: 'freed', ...freed })
    } catch (error) {
      // it is tried again when something has changed; nothing waits for it
      this.#app.log.warn({ err: error }, 'no room could be given back')
    }
  }

  /** What was a problem with something that is not wanted any more is none. */
  #forgetOld(): void {
    for (const where of this.#app.problems.keys()) {
      if (/^(fetch|apply) /.test(where) && !this.#touched.has(where)) this.#app.problems.delete(where)
    }
    this.#touched.clear()
  }

  /** Runs a piece of a round; what goes wrong is a problem to be shown, and does not stop the rest. */
  async #guard<T>(where: string, work: () => Promise<T | null>): Promise<T | null> {
    this.#touched.add(where)
    try {
      const result = await work()
      this.#app.problems.delete(where)
      return result
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(where, error)
      return null
    }
  }

  #fail(where: string, error: unknown): void {
    const { code, message } = asChasquiError(error)
    const known = this.#app.problems.get(where)
    this.#app.problems.set(where, { code, message })
    if (known?.message === message) return
    this.#app.log.warn({ err: error, where }, message)
    this.#emit({ event: 'problem', where, code, message })
  }

  #showPlan(transactions: readonly PlannedTransaction[]): void {
    const updates = transactions.flatMap(({ app, releases }) =>
      releases.map(({ module, from, to }) => ({ app, module, from, to }))
    )
    const text = JSON.stringify(updates)
    if (text === this.#lastPlan) return
    this.#lastPlan = text
    if (updates.length > 0) this.#emit({ event: 'updates', updates })
  }

  /** Reports when what it would say has changed, or when it is time. */
  async #report(): Promise<void> {
    const app = this.#app
    const installed = await Promise.all(
      Object.keys(app.config.apps).map(async (name) => [name, await app.engine.installed(name)])
    )
    const [last] = await app.engine.history({ limit: 1 })
    const { freshness } = app.trust.view?.trust ?? {}
    const problems = [...app.problems.values()]
    const text = JSON.stringify([
      installed,
      last?.transaction,
      last?.endedAt,
      freshness?.version,
      problems,
      app.config.apps
    ])
    const isDue = app.now() - this.#reportedAt >= app.config.node['report-every']
    if (text === this.#lastReport && !isDue) return
    const isSaid = await this.#guard('report', () => announceReport(app))
    if (isSaid !== true) return
    this.#lastReport = text
    this.#reportedAt = app.now()
    this.#emit({ event: 'reported' })
  }

  /** Until the next regular look, or the next opening of a window. */
  async #pause(): Promise<number> {
    const app = this.#app
    const now = app.now()
    const openings = Object.values(app.config.apps)
      .map((one) => nextOpening(one.window?.windows, now, one.timezone))
      .filter((at) => at !== null && at > now)
      .map((at) => (at as number) - now + 1000)
    const usual = app.problems.size > 0 ? RETRY : app.config.node['check-every']
    return Math.min(usual, ...openings)
  }
}

/** Packs come in before they may be applied, so that the window is for applying. */
function isWorthFetching({ blocked }: PlannedTransaction): boolean {
  return blocked === null || blocked.code === 'PLAN_WINDOW' || blocked.code === 'PLAN_MANUAL'
}

/** Some release of each of its modules is still worth fetching, the same or a newer one. */
function isWanted(plan: NodePlan, { app, releases }: PlannedTransaction): boolean {
  const now = plan.transactions.filter((one) => one.app === app && isWorthFetching(one))
  const modules = new Set(now.flatMap((one) => one.releases.map(({ module }) => module)))
  return releases.every(({ module }) => modules.has(module))
}

function nameOf({ app, releases }: PlannedTransaction): string {
  return `${app}: ${releases.map(({ module, to }) => `${module}@${to}`).join(', ')}`.slice(0, 200)
}
