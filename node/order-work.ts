// Does what the stick at hand orders: the very release that was named, in every app that wants it, or says why not yet.
import type { CommandContext } from '../src/control/commands.ts'
import { asChasquiError } from '../src/errors.ts'
import type { StickVisit } from '../src/stick/home.ts'
import type { NodeApp } from './app.ts'
import { applyTransactions, readyTransactions } from './apply-plan.ts'
import {
  forget,
  isOver,
  keep,
  nameOf,
  orderTrouble,
  refusals,
  type WaitingOrder,
  waitingOrders
} from './orders.ts'
import type { NodePlan } from './planner.ts'

/** Does what the stick at hand orders, if it can be done now. What cannot comes back as text, with what was refused. */
export async function carryOutOrders(
  app: NodeApp,
  visit: StickVisit,
  context: CommandContext
): Promise<string[]> {
  const troubles = await refusals(app)
  for (const order of await waitingOrders(app)) {
    if (isOver(app, order)) {
      await forget(app, order)
      troubles.push(orderTrouble(`the order to apply ${nameOf(order)} ran out at ${order.expires}`))
    } else if (order.stick === visit.id) {
      troubles.push(...(await carryOut(app, order, context)))
    }
  }
  return troubles
}

async function carryOut(app: NodeApp, order: WaitingOrder, context: CommandContext): Promise<string[]> {
  try {
    const plan = await app.plan('now')
    const trouble = plan === null ? 'nothing of the feed is here' : await whyNot(app, plan, order)
    if (plan === null || trouble !== null) return await keep(app, order, trouble ?? '')
    const { tried, troubles } = await applyOrdered(app, plan, order, context)
    if (!tried) return await keep(app, order, troubles.join('; '))
    await forget(app, order)
    return troubles
  } catch (error) {
    return keep(app, order, asChasquiError(error).message)
  }
}

/** Why the very release that was ordered cannot be applied; null when it can, or runs here already. */
async function whyNot(app: NodeApp, plan: NodePlan, order: WaitingOrder): Promise<string | null> {
  const planned = plan.transactions.flatMap(({ releases, blocked }) =>
    releases.filter(({ module }) => module === order.module).map((release) => ({ ...release, blocked }))
  )
  const exact = planned.filter((one) => isOrdered(one, order))
  if (exact.some(({ blocked }) => blocked === null)) return null
  const [blocked] = exact
  if (blocked?.blocked) return blocked.blocked.reason
  if (await isInstalled(app, order)) return null
  const [other] = planned
  return other === undefined
    ? 'no app of this branch wants it'
    : `${other.module}@${other.to} (track ${other.track}) is what the channel offers next`
}

function isOrdered({ track, to }: { track: string; to: string }, order: WaitingOrder): boolean {
  return track === order.track && to === order.version
}

async function isInstalled(app: NodeApp, order: WaitingOrder): Promise<boolean> {
  for (const name of Object.keys(app.config.apps)) {
    const installed = await app.engine.installed(name)
    if (
      installed.some(
        ({ module, track, version: to }) => module === order.module && isOrdered({ track, to }, order)
      )
    )
      return true
  }
  return false
}

/** Applies the ordered release, and what it needs, in every app that wants it. */
async function applyOrdered(app: NodeApp, plan: NodePlan, order: WaitingOrder, context: CommandContext) {
  const ready = readyTransactions(plan, { modules: [order.module] }).filter(({ releases }) =>
    releases.some((one) => one.module === order.module && isOrdered(one, order))
  )
  const work = { mode: 'now', modules: [order.module], reason: 'stick', force: false } as const
  const results = await applyTransactions(app, plan, ready, work, context)
  const troubles = results.flatMap(({ error }) =>
    error === undefined ? [] : [`${error.code}: ${error.message}`]
  )
  // none: it runs here already, or somebody else's round was first
  const tried = results.length === 0 ? await isInstalled(app, order) : results.some(isTried)
  return { tried, troubles }
}

function isTried({ result }: { result: string }): boolean {
  return result !== 'refused'
}
