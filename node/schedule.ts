// What the daemon does by itself: looks whenever something has changed and every so often, applies what policy and window
// allow, reports. One round at a time; a change during a round makes another one.
import type { ControlEvent } from '../src/control/commands.ts'
import { ChasquiError } from '../src/errors.ts'
import type { PlannedTransaction } from '../src/fleet/plan-input.ts'
import { nextOpening } from '../src/fleet/window.ts'
import type { NodeApp } from './app.ts'
import { applyTransactions } from './apply-plan.ts'
import { carrySteps } from './carry.ts'
import { collectPacks } from './collect.ts'
import { Downloads, inOrder, sortedBy } from './downloads.ts'
import type { NodePlan } from './planner.ts'
import { Problems } from './problems.ts'
import { Reporter } from './reporter.ts'
import { shortenOutput } from './services/output.ts'
import type { FleetView } from './trust-keeper.ts'
import { nameOf, namesOf } from './waiting.ts'

const GATHER = 200 // milliseconds in which changes are gathered into one round
const RETRY = 30_000 // milliseconds after a round that failed
const CARRY_FAILURES = 3 // packs that cannot be had now, each after a wait, until the rest is left for the next round

export class Schedule {
  readonly #app: NodeApp
  readonly #emit: (event: ControlEvent) => void
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> = Promise.resolve()
  #isWanted = false
  #isRunning = false
  readonly #problems: Problems
  readonly #reporter: Reporter
  readonly #downloads: Downloads
  #lastPlan = ''
  #carried: FleetView | null = null
  #collected = ''

  constructor(app: NodeApp, emit: (event: ControlEvent) => void) {
    this.#app = app
    this.#emit = emit
    this.#problems = new Problems({ app, emit, stop: this.#stop.signal })
    this.#reporter = new Reporter(app, () => emit({ event: 'reported' }))
    this.#downloads = new Downloads({
      app,
      emit,
      reporter: this.#reporter,
      report: () => this.#report(),
      stop: this.#stop.signal
    })
  }

  /** Something has changed: looks soon. */
  wake(): void {
    this.#isWanted = true
    void this.#downloads.recheck()
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
        () => {
          this.#problems.right('round')
          return this.#pause()
        },
        (error: unknown) => {
          this.#problems.fail('round', error)
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
    this.#problems.begin()
    this.#noteConflict()
    await this.#endPending()
    const plan = await this.#problems.guard('trust', () => app.plan('automatic'))
    await this.#downloads.noteCritical(plan)
    if (plan !== null) await this.#follow(plan)
    await this.#showPending()
    await this.#report()
    if (plan !== null) await this.#carry(plan)
    if (plan !== null) await this.#collect(plan.view)
    for (const name of Object.keys(app.config.apps)) {
      await this.#problems.guard(`output ${name}`, () => shortenOutput(app.paths.root, name))
    }
  }

  /** Two signed histories of the feed: nothing new is taken from it, and everybody is told. */
  #noteConflict(): void {
    const { conflict } = this.#app.feed
    if (conflict === null) this.#problems.right('feed')
    if (conflict === null || this.#app.problems.has('feed')) return
    const message = `two signed histories of the feed were seen (${conflict.core}, length ${conflict.length})`
    this.#problems.fail('feed', new ChasquiError('FEED_CONFLICT', message))
  }

  /** What was left in the middle goes on; what could not be ended is tried again when its time has come. */
  async #endPending(): Promise<void> {
    const { engine, config } = this.#app
    if ((await engine.pending()).length + (await engine.cut()).length === 0) {
      this.#problems.right('recovery')
      return // no turn is taken for nothing
    }
    const context = { emit: this.#emit, signal: this.#stop.signal }
    const results = await this.#problems.guard('recovery', () =>
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
      this.#problems.fail(`unended ${app}`, new ChasquiError('APPLY_BLOCKED', message))
    }
  }

  /** Fetches and applies what the plan allows, one transaction after the other: what is here waits for no download. */
  async #follow(plan: NodePlan): Promise<void> {
    this.#showPlan(plan.transactions)
    for (const transaction of inOrder(plan)) {
      const where = `fetch ${nameOf(transaction)}`
      const end = await this.#problems.guard(where, () => this.#downloads.own(plan, transaction))
      if (end === 'given-up') {
        this.#isWanted = true // another plan says what comes first now
        return
      }
      if (end === 'here' && transaction.blocked === null) await this.#apply(plan, transaction)
    }
    this.#forgetOld(plan)
  }

  async #apply(plan: NodePlan, transaction: PlannedTransaction): Promise<void> {
    const app = this.#app
    // why it waits is a problem of its own (showPending)
    if ((await app.engine.pending()).some((one) => one.app === transaction.app)) return
    const order = { mode: 'automatic', modules: [], reason: 'auto', force: false } as const
    const context = { emit: this.#emit, signal: this.#stop.signal }
    const where = `apply ${transaction.app}`
    const results = await this.#problems.guard(where, () =>
      applyTransactions(app, plan, [transaction], order, context)
    )
    if (results?.length === 0) this.#isWanted = true // it is not what is planned any more: plan again
    const refused = results?.find((one) => one.result === 'refused')?.error
    if (refused !== undefined) this.#problems.fail(where, new ChasquiError(refused.code, refused.message))
  }

  /**
   * For neighbours, when nothing of its own is missing; once for each version of the feed. What cannot be had now keeps nothing
   * else from being carried, and is tried again in the next round.
   */
  async #carry(plan: NodePlan): Promise<void> {
    const { view } = plan
    const { problems, waiting } = this.#app
    const own = [...problems.keys()].filter((where) => !where.startsWith('carry'))
    if (view === this.#carried || own.length + waiting.size > 0) return
    const steps = await this.#problems.guard('carry', () => carrySteps(this.#app, view))
    if (steps === null) return
    let failed = 0
    // what could not be had the last time comes last
    for (const step of sortedBy(steps, ({ name }) => problems.has(`carry ${name}`))) {
      if (this.#isWanted || this.#stop.signal.aborted) return
      const end = await this.#problems.guard(`carry ${step.name}`, () => this.#downloads.carry(plan, step))
      if (end === 'here') this.#emit({ event: 'carried', release: step.name, bytes: step.bytes })
      else if (end !== null || ++failed === CARRY_FAILURES) return
    }
    this.#problems.forget('carry ')
    if (failed === 0) this.#carried = view
  }

  /** Gives room back: once for each version of the feed and each change of what this node is and has. */
  async #collect({ snapshot }: FleetView): Promise<void> {
    const { carry, 'carry-max': limit } = this.#app.config.node
    const text = JSON.stringify([snapshot.version, this.#reporter.last, carry, limit])
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

  #forgetOld(plan: NodePlan): void {
    this.#problems.forget('fetch ', 'apply ')
    const planned = new Set(namesOf(plan.transactions))
    for (const name of this.#app.waiting) if (!planned.has(name)) this.#app.waiting.delete(name)
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

  async #report(): Promise<void> {
    await this.#problems.guard('report', () => this.#reporter.report())
  }

  /** Until the next regular look, or the next opening of a window. */
  async #pause(): Promise<number> {
    const app = this.#app
    const now = app.now()
    const openings = Object.values(app.config.apps)
      .map((one) => nextOpening(one.window?.windows, now, one.timezone))
      .filter((at) => at !== null && at > now)
      .map((at) => (at as number) - now + 1000)
    const usual = app.problems.size + app.waiting.size > 0 ? RETRY : app.config.node['check-every']
    return Math.min(usual, ...openings)
  }
}
