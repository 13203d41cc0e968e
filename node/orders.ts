// What a stick may bring for this very branch: "apply now" orders of head office, each for one stick and one release.
// Verified before they count; an order is marked as used before it is acted on, and waits for its own stick until it could
// be carried out or ran out. What was refused, and why one waits, is told in status and reports.
import { asChasquiError } from '../src/errors.ts'
import { type ApplyOrder, checkOrder, claimedOrder } from '../src/stick/apply-order.ts'
import type { Letter, LetterBox, StickVisit } from '../src/stick/home.ts'
import { verifyBytes } from '../src/trust/keys.ts'
import type { NodeApp } from './app.ts'
import type { Problem } from './report.ts'

const USED = 'order/used/'
const WAITING = 'order/waiting/'
/** refused at the last visit of a stick, by letter */
const REFUSED = 'order/refused/'
const REFUSED_LIMIT = 20 // letters that are told of

export type WaitingOrder = Omit<ApplyOrder, 'fleet' | 'node' | 'sequence'> & {
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
    verifyMembership: (membership) => app.members.verify(membership, null),
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

/** Refusals of the last visit, as text. */
export async function refusals(app: NodeApp): Promise<string[]> {
  return (await app.state.list(REFUSED)).map(([, value]) => orderTrouble((value as Problem).message))
}

/** Orders that were taken and not carried out yet. */
export async function waitingOrders(app: NodeApp): Promise<WaitingOrder[]> {
  return (await app.state.list(WAITING)).map(([, value]) => value as WaitingOrder)
}

/** By the clock, or the signed time when that is later. */
export function isOver(app: NodeApp, { expires }: WaitingOrder): boolean {
  const signedAt = app.trust.view?.trust.freshness.signedAt ?? 0
  return Math.max(app.now(), signedAt) >= Date.parse(expires)
}

/** It was carried out, or ran out. */
export async function forget(app: NodeApp, { id }: WaitingOrder): Promise<void> {
  await app.state.put({ [WAITING + id]: null })
}

/** It stays for the next visit of its stick. */
export async function keep(app: NodeApp, order: WaitingOrder, why: string): Promise<string[]> {
  const trouble = `the order to apply ${nameOf(order)} waits: ${why}`
  await app.state.put({ [WAITING + order.id]: { ...order, trouble } })
  return [orderTrouble(trouble)]
}

/** With its code: the stick's page says it in the reader's language. */
export function orderTrouble(text: string): string {
  return `STICK_ORDER: ${text}`
}

export function nameOf({ module, version }: WaitingOrder): string {
  return `${module}@${version}`
}
