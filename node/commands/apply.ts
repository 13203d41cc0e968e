// `apply`, `rollback`, `remove`: the commands that change an app.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import type { Command, CommandContext } from '../../src/control/commands.ts'
import { ChasquiError, type ErrorCode } from '../../src/errors.ts'
import type { PlannedTransaction } from '../../src/fleet/plan-input.ts'
import type { NodeApp } from '../app.ts'
import type { ApplyResult, OperatorRequest, Outcome } from '../apply/types.ts'
import { applyTransactions, fetchPacks, missingBytes, readyTransactions } from '../apply-plan.ts'
import { hasWays, noPeer, visitPeers } from '../ask-peers.ts'
import { declinedKey, type NodePlan } from '../planner.ts'
import { announceReport } from '../report.ts'
import { appName, appsOf, moduleNames, oneApp, requireKnown } from './args.ts'
import { refuseNeeded } from './needed.ts'
import { describeTransactions } from './plan.ts'

const applyArgs = z.strictObject({
  modules: moduleNames,
  app: appName,
  now: z.boolean().default(false),
  force: z.boolean().default(false),
  dryRun: z.boolean().default(false)
})

type ApplyArgs = z.infer<typeof applyArgs>

/** What is not wanted now is no failure of `apply` without names. */
const QUIET: readonly ErrorCode[] = [
  'PLAN_ROLLOUT',
  'PLAN_HELD',
  'PLAN_HALTED',
  'PLAN_YANKED',
  'PLAN_NOT_ENTITLED'
]

export const apply: Command<NodeApp> = async (app, args, context) => {
  const order = parseArguments(applyArgs, args)
  appsOf(app, order.app)
  if (order.force) await letTryAgain(app, order.modules, order.app)
  const isAlone = app.links === null && !order.dryRun
  if (isAlone && (await isLacking(app, order))) {
    return visitPeers(app, context, async (met) => {
      if (met === 0 && hasWays(app) && app.trust.view === null) throw noPeer()
      return applyOrder(app, order, context)
    })
  }
  return applyOrder(app, order, context)
}

/** Is something of what would be applied, or all that is known of the fleet, not on this machine? */
async function isLacking(app: NodeApp, order: ApplyArgs): Promise<boolean> {
  const plan = await app.plan(order.now ? 'now' : 'manual', order.app)
  if (plan === null) return true
  for (const transaction of readyTransactions(plan, order)) {
    if ((await missingBytes(app, plan, transaction)) > 0) return true
  }
  return false
}

async function applyOrder(app: NodeApp, order: ApplyArgs, context: CommandContext) {
  const plan = await requirePlan(app, order.now, order.app)
  await requireNamed(app, plan, order.modules)
  const ready = readyTransactions(plan, order)
  const blocked = plan.transactions.filter((one) => one.blocked !== null && isAsked(one, order.modules))
  refuseBlocked(ready, blocked, order.modules)
  if (order.dryRun) return dryRun(app, plan, ready, blocked)
  for (const transaction of ready) await fetchPacks(app, plan, transaction, context)
  const work = {
    mode: order.now ? 'now' : 'manual',
    modules: order.modules,
    reason: 'operator',
    force: order.force
  } as const
  const results = await applyTransactions(app, plan, ready, work, context)
  if (results.length === 0 && ready.length > 0) await refuseChanged(app, order)
  app.events.emit('changed')
  return summarize(results, await describeTransactions(plan, blocked))
}

async function requirePlan(app: NodeApp, now: boolean, name: string | undefined): Promise<NodePlan> {
  const plan = await app.plan(now ? 'now' : 'manual', name)
  if (plan !== null) return plan
  throw new ChasquiError('FEED_EMPTY', 'nothing of the feed is on this machine yet', {
    hint: 'start "chasqui node run" where a peer can be reached, or import a stick'
  })
}

/** Every module that was named must be installed, on a channel, or at least in the fleet. */
async function requireNamed(app: NodeApp, plan: NodePlan, modules: readonly string[]): Promise<void> {
  if (modules.length === 0) return
  const known = new Set(Object.values(plan.view.channels.channels).flatMap((channel) => Object.keys(channel)))
  for (const name of Object.keys(app.config.apps)) {
    for (const { module } of await app.engine.installed(name)) known.add(module)
  }
  requireKnown(modules, known)
}

function isAsked(transaction: PlannedTransaction, modules: readonly string[]): boolean {
  return modules.length === 0 || transaction.releases.some((one) => modules.includes(one.module))
}

function refuseBlocked(
  ready: readonly PlannedTransaction[],
  blocked: readonly PlannedTransaction[],
  modules: readonly string[]
): void {
  const loud = blocked.find(
    ({ blocked: why }) => why !== null && (modules.length > 0 || !QUIET.includes(why.code))
  )
  if (ready.length > 0 || loud === undefined || loud.blocked === null) return
  const hint =
    loud.blocked.code === 'PLAN_WINDOW'
      ? 'add --now to apply it outside the window'
      : 'see "chasqui node plan"'
  throw new ChasquiError(loud.blocked.code, loud.blocked.reason, { hint })
}

/** What could be applied when it was asked for cannot any more: why. */
async function refuseChanged(app: NodeApp, order: ApplyArgs): Promise<void> {
  const { transactions } = await requirePlan(app, order.now, order.app)
  const blocked = transactions.filter((one) => one.blocked !== null && isAsked(one, order.modules))
  refuseBlocked([], blocked, order.modules)
}

async function letTryAgain(
  app: NodeApp,
  modules: readonly string[],
  name: string | undefined
): Promise<void> {
  for (const config of appsOf(app, name)) {
    for (const { module } of await app.engine.quarantine(config.name)) {
      if (modules.length === 0 || modules.includes(module)) await app.engine.release(config.name, module)
    }
  }
}

async function dryRun(
  app: NodeApp,
  plan: NodePlan,
  ready: readonly PlannedTransaction[],
  blocked: readonly PlannedTransaction[]
) {
  const transactions = await describeTransactions(plan, [...ready, ...blocked])
  const refusals = []
  for (const transaction of ready) {
    const config = app.config.apps[transaction.app]
    if (config === undefined) continue
    const releases = transaction.releases.flatMap(({ release, ...rest }) =>
      release === null ? [] : [{ ...rest, release }]
    )
    const refusal = await app.engine.preflight({ app: config, releases })
    if (refusal !== null) refusals.push({ app: transaction.app, ...refusal })
  }
  return { transaction: null, result: 'dry-run', steps: [], transactions, refusals }
}

/** The answer of a dry run, in the form of `apply`. */
async function preview(app: NodeApp, request: OperatorRequest) {
  const { releases, refusal } = await app.engine.preview(request)
  const name = request.app.name
  const planned = releases.map((one) => ({ ...one, bytes: 0, severity: 'normal', notes: null }))
  const transactions = [{ app: name, releases: planned, window: null, blocked: null }]
  const refusals = refusal === null ? [] : [{ app: name, ...refusal }]
  return { transaction: null, result: 'dry-run', steps: [], transactions, refusals }
}

const WORST: readonly Outcome[] = ['rollback-failed', 'unfinished', 'rolled-back', 'refused', 'committed']

/** One transaction as it is; several under the worst of them. */
function summarize(results: readonly ApplyResult[], blocked: unknown[]) {
  const [worst] = [...results].sort((a, b) => WORST.indexOf(a.result) - WORST.indexOf(b.result))
  if (worst === undefined) return { transaction: null, result: 'nothing-to-do', steps: [], blocked }
  return results.length === 1 ? { ...worst, blocked } : { ...worst, transactions: results, blocked }
}

const rollbackArgs = z.strictObject({
  to: z.string().min(1).max(200).optional(),
  app: appName,
  withDatabase: z.boolean().default(false),
  dryRun: z.boolean().default(false)
})

export const rollback: Command<NodeApp> = async (app, args, context) => {
  const { to, app: name, withDatabase, dryRun: isDry } = parseArguments(rollbackArgs, args)
  const config = await appOfBackup(app, name, to)
  if (isDry) return preview(app, { kind: 'restore', app: config, backup: to ?? null, withDatabase })
  const before = await app.engine.installed(config.name)
  const result = await app.inTurn(() =>
    app.engine.rollback({ app: config, backup: to ?? null, withDatabase, reason: 'operator' }, context)
  )
  // what was taken back by hand does not come again by itself
  const left = before.filter((one) =>
    result.releases.some(({ module, to: now }) => module === one.module && now !== one.version)
  )
  if (result.result === 'committed') {
    await app.state.put(Object.fromEntries(left.map((one) => [declinedKey(config.name, one), true])))
  }
  await announceReport(app)
  return result
}

async function appOfBackup(app: NodeApp, name: string | undefined, backup: string | undefined) {
  if (name !== undefined || backup === undefined) return oneApp(app, name)
  for (const config of appsOf(app, undefined)) {
    if ((await app.engine.backups(config.name)).some((one) => one.id === backup)) return config
  }
  return oneApp(app, undefined)
}

const removeArgs = z.strictObject({
  module: z.string().min(1).max(100),
  app: appName,
  dryRun: z.boolean().default(false)
})

/** Takes a module away and holds it, so that it does not come again by itself. */
export const remove: Command<NodeApp> = async (app, args, context) => {
  const { module, app: name, dryRun: isDry } = parseArguments(removeArgs, args)
  const config = await appWith(app, module, name)
  await refuseNeeded(app, config, module)
  if (isDry) return preview(app, { kind: 'remove', app: config, module })
  const result = await app.inTurn(() =>
    app.engine.remove({ app: config, module, reason: 'operator' }, context)
  )
  if (result.result === 'committed') await app.engine.setHold(config.name, module, true)
  await announceReport(app)
  return result
}

async function appWith(app: NodeApp, module: string, name: string | undefined) {
  const having = []
  for (const config of appsOf(app, name)) {
    if ((await app.engine.installed(config.name)).some((one) => one.module === module)) having.push(config)
  }
  const [only] = having
  if (only === undefined)
    throw new ChasquiError('NOT_INSTALLED', `${module} is not installed on this node`, {
      hint: 'see "chasqui node status" for names'
    })
  if (having.length === 1) return only
  const names = having.map((one) => one.name).join(', ')
  throw new ChasquiError('APP_AMBIGUOUS', `${module} is installed in ${names}`, {
    hint: 'name one with --app'
  })
}
