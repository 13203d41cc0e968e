// What the daemon fetches by itself, one download at a time: packs for its own apps, then for neighbours. One may take
// hours. Meanwhile reports go out; it is given up when nobody wants it any more, and it makes way for what matters more
// (what came of it stays). What waits for a paused link is no problem but a state.
import type { ControlEvent } from '../src/control/commands.ts'
import { ChasquiError } from '../src/errors.ts'
import type { PlannedTransaction } from '../src/fleet/plan-input.ts'
import type { NodeApp } from './app.ts'
import { fetchPacks, missingBytes } from './apply-plan.ts'
import type { CarryStep } from './carry.ts'
import type { NodePlan } from './planner.ts'
import type { Reporter } from './reporter.ts'
import { namesOf } from './waiting.ts'

/** milliseconds between looks, during a download, whether there is something to report */
const REPORT_LOOK = { least: 1000, most: 60_000 }

export interface DownloadsParts {
  app: NodeApp
  emit(event: ControlEvent): void
  reporter: Reporter
  /** runs when it is time to look; must not throw */
  report(): Promise<void>
  /** aborts when the daemon stops */
  stop: AbortSignal
}

/** `given-up`: somebody planned something else meanwhile. `paused`: the links carry nothing for now. */
export type DownloadEnd = 'here' | 'given-up' | 'paused'

interface Running {
  abort: AbortController
  isWanted(plan: NodePlan): boolean
  isBeingChecked: boolean
}

export class Downloads {
  readonly #parts: DownloadsParts
  #running: Running | null = null

  constructor(parts: DownloadsParts) {
    this.#parts = parts
  }

  /** Gets what a transaction needs. Throws PLAN_NO_ROUTE, PLAN_NOT_HERE. */
  async own(plan: NodePlan, transaction: PlannedTransaction): Promise<DownloadEnd> {
    const { app, emit } = this.#parts
    const known = new Set(namesOf(criticalOf(plan)))
    const isOvertaken = (now: NodePlan) => namesOf(criticalOf(now)).some((name) => !known.has(name))
    const names = namesOf([transaction])
    const hasWaited = names.filter((name) => app.waiting.delete(name)).length > 0
    const isWanted = (now: NodePlan) =>
      isPlanned(now, transaction) && (isCritical(transaction) || !isOvertaken(now))
    const end = await this.#run(isWanted, (signal) => fetchPacks(app, plan, transaction, { emit, signal }))
    if (end !== 'paused') return end
    for (const name of names) app.waiting.add(name)
    const releases = transaction.releases.map(({ module, to }) => `${module}@${to}`)
    if (!hasWaited) emit({ event: 'paused', app: transaction.app, releases })
    return end
  }

  /** Gets a pack for neighbours, as long as this node itself needs nothing. Throws PLAN_NOT_HERE. */
  carry(plan: NodePlan, { name, paths }: CarryStep): Promise<DownloadEnd> {
    const { transfers, fetcher } = this.#parts.app
    const known = new Set(namesOf(plan.transactions.filter(isWorthFetching)))
    const isWanted = (now: NodePlan) =>
      namesOf(now.transactions.filter(isWorthFetching)).every((one) => known.has(one))
    return this.#run(isWanted, (signal) =>
      transfers.follow({ app: 'carry', releases: [name] }, (onProgress) =>
        fetcher.fetch(paths, { signal, onProgress })
      )
    )
  }

  /** Something has changed: what is on its way may have been halted, withdrawn, held or overtaken. */
  async recheck(): Promise<void> {
    const running = this.#running
    if (running === null || running.isBeingChecked) return
    running.isBeingChecked = true
    const plan = await this.#parts.app.plan('automatic').catch(() => null)
    if (plan !== null) await this.noteCritical(plan)
    running.isBeingChecked = false
    if (plan !== null && !running.isWanted(plan)) running.abort.abort()
  }

  /** By this plan: does a critical release still miss packs? Then pauses and hours do not count. */
  async noteCritical(plan: NodePlan | null): Promise<void> {
    const { app } = this.#parts
    let isDue = false
    for (const transaction of plan === null ? [] : criticalOf(plan)) {
      // what no packs lead to cannot be fetched over any link
      isDue ||= (await missingBytes(app, plan as NodePlan, transaction).catch(() => 0)) > 0
    }
    app.fetcher.isCriticalDue = isDue
  }

  async #run(
    isWanted: Running['isWanted'],
    work: (signal: AbortSignal) => Promise<void>
  ): Promise<DownloadEnd> {
    const abort = new AbortController()
    this.#running = { abort, isWanted, isBeingChecked: false }
    const stopReporting = this.#reportMeanwhile()
    try {
      await work(AbortSignal.any([abort.signal, this.#parts.stop]))
      return abort.signal.aborted ? 'given-up' : 'here'
    } catch (error) {
      if (abort.signal.aborted) return 'given-up'
      if (error instanceof ChasquiError && error.code === 'LINKS_PAUSED') return 'paused'
      throw error
    } finally {
      stopReporting()
      this.#running = null
    }
  }

  /** Returns the way to stop. */
  #reportMeanwhile(): () => void {
    const { reporter, report } = this.#parts
    let timer: NodeJS.Timeout | null = null
    const arm = () => {
      const wait = Math.min(Math.max(reporter.due, REPORT_LOOK.least), REPORT_LOOK.most)
      timer = setTimeout(() => void report().then(() => timer !== null && arm()), wait)
    }
    arm()
    return () => {
      if (timer !== null) clearTimeout(timer)
      timer = null
    }
  }
}

/** Packs come in before they may be applied, so that the window is for applying. */
function isWorthFetching({ blocked }: PlannedTransaction): boolean {
  return blocked === null || blocked.code === 'PLAN_WINDOW' || blocked.code === 'PLAN_MANUAL'
}

function isCritical({ releases }: PlannedTransaction): boolean {
  return releases.some(({ severity }) => severity === 'critical')
}

function criticalOf({ transactions }: NodePlan): PlannedTransaction[] {
  return transactions.filter((one) => isWorthFetching(one) && isCritical(one))
}

/** Some release of each of its modules is still worth fetching, the same or a newer one. */
function isPlanned(plan: NodePlan, { app, releases }: PlannedTransaction): boolean {
  const now = plan.transactions.filter((one) => one.app === app && isWorthFetching(one))
  const modules = new Set(now.flatMap((one) => one.releases.map(({ module }) => module)))
  return releases.every(({ module }) => modules.has(module))
}

/** What is worth fetching; apps with something critical first. The order within an app stays: one may need another. */
export function inOrder({ transactions }: NodePlan): PlannedTransaction[] {
  const wanted = transactions.filter(isWorthFetching)
  const urgent = new Set(wanted.filter(isCritical).map(({ app }) => app))
  return sortedBy(wanted, ({ app }) => !urgent.has(app))
}

/** Those of which `isLast` is not true first; else in their order. */
export function sortedBy<T>(items: readonly T[], isLast: (item: T) => boolean): T[] {
  return [...items.filter((one) => !isLast(one)), ...items.filter(isLast)]
}
