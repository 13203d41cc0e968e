// From a plan to applied releases: gets the packs, hands each app's transaction to the engine. One
// at a time in the whole node, whoever asks: the daemon's schedule, a command, a stick.
import type { CommandContext } from '../src/control/commands.ts'
import { ChasquiError } from '../src/errors.ts'
import type { FetchProgress } from '../src/feed/types.ts'
import { pointerOf } from '../src/fleet/channels.ts'
import type { PlanMode, PlannedRelease, PlannedTransaction } from '../src/fleet/plan-input.ts'
import type { NodeApp } from './app.ts'
import type { ApplyRequest, ApplyResult } from './apply/types.ts'
import type { NodePlan } from './planner.ts'
import { announceReport, roundKey } from './report.ts'
import { packPaths, routeTo } from './stager.ts'

export interface ApplyOrder {
  mode: PlanMode
  /** only these modules, and what they need; empty: all */
  modules: readonly string[]
  /** only this app */
  app?: string
  reason: string
  /** go on although a release failed here before */
  force: boolean
}

/** What can be applied now, of what was asked for. */
export function readyTransactions(plan: NodePlan, order: Pick<ApplyOrder, 'modules'>): PlannedTransaction[] {
  const open = plan.transactions.filter((one) => one.blocked === null)
  return open
    .map((one) => {
      // what is tried apart may need what comes in the transaction before it
      const all = open.flatMap(({ app, releases }) => (app === one.app ? releases : []))
      const needed = withNeeded(all, order.modules)
      return { ...one, releases: one.releases.filter((release) => needed.includes(release)) }
    })
    .filter((one) => one.releases.length > 0)
}

/** The named releases and those of the app that they require. */
function withNeeded(releases: readonly PlannedRelease[], modules: readonly string[]): PlannedRelease[] {
  if (modules.length === 0) return [...releases]
  const wanted = new Set(modules)
  for (let size = -1; size !== wanted.size; ) {
    size = wanted.size
    for (const one of releases) {
      if (!wanted.has(one.module)) continue
      for (const needed of Object.keys(one.release?.requires ?? {})) wanted.add(needed)
    }
  }
  return releases.filter((one) => wanted.has(one.module))
}

/**
 * Applies transactions one after the other; each is reported whatever becomes of it. Packs may take hours to come: whatever
 * is not planned in the same way any more when they are here (halted, withdrawn, held, the window closed, somebody else was
 * first) is left out, and a new plan says what is left.
 */
export function applyTransactions(
  app: NodeApp,
  plan: NodePlan,
  ready: readonly PlannedTransaction[],
  order: ApplyOrder,
  context: CommandContext
): Promise<ApplyResult[]> {
  return app.inTurn(async () => {
    const results: ApplyResult[] = []
    for (const transaction of ready) {
      if (!(await isStillPlanned(app, transaction, order.mode))) continue
      await fetchPacks(app, plan, transaction, context)
      if (!(await isStillPlanned(app, transaction, order.mode))) continue
      const result = await applyOne(app, plan, transaction, order, context)
      results.push(result)
      context.emit({ event: 'applied', ...summary(result) })
    }
    if (results.length > 0) await announceReport(app)
    return results
  })
}

async function isStillPlanned(
  app: NodeApp,
  { app: name, releases }: PlannedTransaction,
  mode: PlanMode
): Promise<boolean> {
  const plan = await app.plan(mode, name)
  const ready = (plan?.transactions ?? []).flatMap((one) => (one.blocked === null ? one.releases : []))
  return releases.every(({ module, track, from, to }) =>
    ready.some((one) => one.module === module && one.track === track && one.from === from && one.to === to)
  )
}

function summary(result: ApplyResult) {
  const { transaction, app, releases, error } = result
  return { transaction, app, result: result.result, releases, ...(error === undefined ? {} : { error }) }
}

async function applyOne(
  app: NodeApp,
  plan: NodePlan,
  transaction: PlannedTransaction,
  order: ApplyOrder,
  context: CommandContext
): Promise<ApplyResult> {
  const config = app.config.apps[transaction.app]
  if (config === undefined) throw new TypeError(`no app ${transaction.app}`)
  const releases = requestReleases(transaction)
  await noteRounds(app, plan, config.channel, releases)
  const request: ApplyRequest = { app: config, releases, reason: order.reason, force: order.force }
  return app.engine.apply(request, { emit: context.emit, signal: context.signal })
}

function requestReleases(transaction: PlannedTransaction): ApplyRequest['releases'] {
  return transaction.releases.map(({ module, track, from, to, release }) => {
    if (release === null) throw new TypeError(`${module}@${to} has no release`)
    return { module, track, from, to, release }
  })
}

/** Evidence counts for the round of the rollout in which it was made. */
async function noteRounds(app: NodeApp, plan: NodePlan, channel: string, releases: ApplyRequest['releases']) {
  const rounds = releases.map(({ module, track, to }) => [
    roundKey({ module, track, version: to }),
    pointerOf(plan.view.channels, channel, module, track)?.rollout?.round ?? 0
  ])
  await app.state.put(Object.fromEntries(rounds))
}

/** Bytes of the packs that lead to each release of a transaction, null where no way leads. */
export async function packBytes(plan: NodePlan, transaction: PlannedTransaction): Promise<(number | null)[]> {
  return Promise.all(
    transaction.releases.map(async (one) => {
      const route = await routeOf(plan, one)
      return route === null ? null : route.steps.reduce((sum, step) => sum + step.pack.bytes, 0)
    })
  )
}

async function routeOf(plan: NodePlan, { module, track, from, to }: PlannedRelease) {
  return routeTo(plan.view.snapshot, plan.catalog.releases(module, track), from, to)
}

/** Gets what the transaction needs. Throws PLAN_NO_ROUTE, PLAN_NOT_HERE, LINKS_PAUSED, CANCELLED. */
export async function fetchPacks(
  app: NodeApp,
  plan: NodePlan,
  transaction: PlannedTransaction,
  context: CommandContext
): Promise<void> {
  const paths = await neededPacks(plan, transaction)
  const signal = AbortSignal.any([context.signal, app.stopped])
  const releases = transaction.releases.map(({ module, to }) => `${module}@${to}`)
  const isCritical = transaction.releases.some((one) => one.severity === 'critical')
  await app.transfers.follow({ app: transaction.app, releases }, (update) => {
    const onProgress = (progress: FetchProgress) => context.emit({ event: 'fetching', ...update(progress) })
    return app.fetcher.fetch(paths, { signal, onProgress, isCritical })
  })
}

/** Bytes of packs that would have to be fetched first. Throws PLAN_NO_ROUTE. */
export async function missingBytes(
  app: NodeApp,
  plan: NodePlan,
  transaction: PlannedTransaction
): Promise<number> {
  return app.feed.missing(await neededPacks(plan, transaction))
}

async function neededPacks(plan: NodePlan, { releases }: PlannedTransaction): Promise<string[]> {
  const paths: string[] = []
  for (const one of releases) {
    const route = await routeOf(plan, one)
    if (route === null) {
      const way = `from ${one.from ?? 'nothing'} to ${one.module}@${one.to}`
      throw new ChasquiError('PLAN_NO_ROUTE', `no packs lead ${way}`, {
        hint: 'the publisher must publish a full pack of it'
      })
    }
    paths.push(...packPaths(route.steps))
  }
  return paths
}
