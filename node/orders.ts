// What a stick may bring for this very branch: "apply now" orders of head office, each for one stick and one release.
// Verified before they count; an order is marked as used before it is acted on, and waits for its own stick until it could
// be carried out or ran out. What was refused, and why one waits, is told in status and reports.
import type { CommandContext } from '../src/control/commands.ts'
import { asChasquiError } from '../src/errors.ts'
import { type ApplyOrder, checkOrder, claimedOrder } from '../src/stick/apply-order.ts'
import type { Letter, LetterBox, StickVisit } from '../src/stick/home.ts'
import { verifyBytes } from '../src/trust/keys.ts'
import type { NodeApp } from './app.ts'
import { applyTransactions, readyTransactions } from './apply-plan.ts'
import type { NodePlan } from './planner.ts'
import type { Problem } from './report.ts'

const USED = 'order/used/'
const WAITING = 'order/waiting/'
/** refused at the last visit of a stick, by letter */
const REFUSED = 'order/refused/'
const REFUSED_LIMIT = 20 // letters that are told of

type WaitingOrder = Omit<ApplyOrder, 'fleet' | 'node' | 'sequence'> & {
  /** why it could not be carried out yet */
  trouble: string | null
}

export function nodeLetters(app: NodeApp): LetterBox {
  return {
    outgoing: async () => [],
    take: (letter, visit) => takeLetter(app, letter, visit),
    isSpent: (letter) => isSpent(app, letter)
  }
}

/** Before a stick's letters are read: what the last one brought is no news any more. */
export async function beginOrders(app: NodeApp): Promise<void> {
  const refused = await app.state.list(REFUSED)
  await app.state.put(Object.fromEntries(refused.map(([key]) => [key, null])))
}

async function takeLetter(app: NodeApp, letter: Letter, visit: StickVisit): Promise<boolean> {
  if (!isOrder(letter)) return false
  try {
    return await takeOrder(app, letter.bytes, visit)
  } catch (error) {
    const { code, message } = asChasquiError(error)
    app.log.warn({ err: error, letter: letter.name }, message)
    if ((await app.state.list(REFUSED)).length >= REFUSED_LIMIT) return false
    await app.state.put({ [REFUSED + letter.name]: { code, message } satisfies Problem })
    return false
  }
}

function isOrder({ folder, name }: Letter): boolean {
  return folder === 'grants' && name.startsWith('apply-')
}

async function takeOrder(app: NodeApp, bytes: Uint8Array, visit: StickVisit): Promise<boolean> {
  const id = claimedOrder(bytes)?.id ?? ''
  if ((await app.state.get(USED + id)) !== undefined) return false
  const order = await verified(app, bytes, visit)
  if (order === null) return false
  const { fleet: _, node: __, sequence: ___, ...waiting } = order
  const others = (await waitingOrders(app)).filter(({ module }) => module === order.module)
  const isNewest = others.every(({ created }) => created <= order.created)
  const older = others.filter(({ created }) => created <= order.created)
  await app.state.put({
    [USED + id]: order.expires,
    // of two orders for one module the later one counts
    ...(isNewest ? Object.fromEntries(older.map((one) => [WAITING + one.id, null])) : {}),
    ...(isNewest ? { [WAITING + id]: { ...waiting, trouble: null } satisfies WaitingOrder } : {})
  })
  return isNewest
}

function verified(app: NodeApp, bytes: Uint8Array, visit: StickVisit): Promise<ApplyOrder | null> {
  return checkOrder(bytes, {
    fleet: app.home.fleet,
    node: app.identity.node,
    stick: visit,
    // one that came late is taken as well, so that it is said once that it ran out
    now: 0,
    used: async () => false,
    verifyMembership: (membership) => app.verifyMember(membership, null),
    verifySignature: (message, signature, node) =>
      verifyBytes(message, signature, new Uint8Array(Buffer.from(node, 'hex')))
  })
}

/** An order for this branch that is over; by what it claims, for it is only taken off the stick. */
async function isSpent(app: NodeApp, letter: Letter): Promise<boolean> {
  const order = isOrder(letter) ? claimedOrder(letter.bytes) : null
  if (order === null || order.node !== app.identity.node || order.fleet !== app.home.fleet) return false
  const isUsed = (await app.state.get(USED + order.id)) !== undefined
  return isUsed && (await app.state.get(WAITING + order.id)) === undefined
}

/** Refused orders, and those that wait; for status and reports. */
export async function orderProblems(app: NodeApp): Promise<Problem[]> {
  const refused = (await app.state.list(REFUSED)).map(([, value]) => value as Problem)
  const waiting = (await waitingOrders(app)).flatMap((order) =>
    order.trouble === null || isOver(app, order)
      ? []
      : [{ code: 'STICK_ORDER' as const, message: order.trouble }]
  )
  return [...refused, ...waiting]
}

/** Does what the stick at hand orders, if it can be done now. What cannot comes back as text, with what was refused. */
export async function carryOutOrders(
  app: NodeApp,
  visit: StickVisit,
  context: CommandContext
): Promise<string[]> {
  const troubles = (await app.state.list(REFUSED)).map(([, value]) => (value as Problem).message)
  for (const order of await waitingOrders(app)) {
    if (isOver(app, order)) {
      await forget(app, order)
      troubles.push(`the order to apply ${nameOf(order)} ran out at ${order.expires}`)
    } else if (order.stick === visit.id) {
      troubles.push(...(await carryOut(app, order, context)))
    }
  }
  return troubles
}

async function waitingOrders(app: NodeApp): Promise<WaitingOrder[]> {
  return (await app.state.list(WAITING)).map(([, value]) => value as WaitingOrder)
}

/** By the clock, or the signed time when that is later. */
function isOver(app: NodeApp, { expires }: WaitingOrder): boolean {
  const signedAt = app.trust.view?.trust.freshness.signedAt ?? 0
  return Math.max(app.now(), signedAt) >= Date.parse(expires)
}

async function forget(app: NodeApp, { id }: WaitingOrder): Promise<void> {
  await app.state.put({ [WAITING + id]: null })
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

/** It stays for the next visit of its stick. */
async function keep(app: NodeApp, order: WaitingOrder, why: string): Promise<string[]> {
  const trouble = `the order to apply ${nameOf(order)} waits: ${why}`
  await app.state.put({ [WAITING + order.id]: { ...order, trouble } })
  return [trouble]
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

function nameOf({ module, version }: WaitingOrder): string {
  return `${module}@${version}`
}
