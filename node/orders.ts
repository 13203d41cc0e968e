// What a stick may bring for this very branch: "apply now" orders of head office, each for one visit and one release, and
// the grant of its membership. Verified before they count; an order is marked as used before it is acted on.
import { asChasquiError } from '../src/errors.ts'
import { checkOrder } from '../src/stick/apply-order.ts'
import type { Letter, LetterBox, StickVisit } from '../src/stick/home.ts'
import { verifyBytes } from '../src/trust/keys.ts'
import type { NodeApp } from './app.ts'

const USED = 'order/used/'
const WAITING = 'order/waiting/'

export interface WaitingOrder {
  id: string
  module: string
  track: string
  version: string
}

export function nodeLetters(app: NodeApp): LetterBox {
  return {
    outgoing: async () => [],
    take: (letter, visit) => takeLetter(app, letter, visit)
  }
}

async function takeLetter(app: NodeApp, letter: Letter, visit: StickVisit): Promise<boolean> {
  if (letter.folder !== 'grants') return false
  try {
    return letter.name.startsWith('apply-') ? await takeOrder(app, letter.bytes, visit) : false
  } catch (error) {
    const { code, message } = asChasquiError(error)
    app.log.warn({ err: error, letter: letter.name }, message)
    app.problems.set(`stick letter ${letter.name}`, { code, message })
    return false
  }
}

async function takeOrder(app: NodeApp, bytes: Uint8Array, visit: StickVisit): Promise<boolean> {
  const signedAt = app.trust.view?.trust.freshness.signedAt ?? 0
  const order = await checkOrder(bytes, {
    fleet: app.home.fleet,
    node: app.identity.node,
    stick: visit,
    now: Math.max(app.now(), signedAt),
    used: async (id) => (await app.state.get(USED + id)) !== undefined,
    verifyMembership: (membership) => app.verifyMember(membership, null),
    verifySignature: (message, signature, node) =>
      verifyBytes(message, signature, new Uint8Array(Buffer.from(node, 'hex')))
  })
  if (order === null) return false
  const { id, module, track, version } = order
  await app.state.put({ [USED + id]: order.expires, [WAITING + id]: { id, module, track, version } })
  return true
}

/** Orders that were taken and not carried out yet. */
export async function waitingOrders(app: NodeApp): Promise<WaitingOrder[]> {
  return (await app.state.list(WAITING)).map(([, value]) => value as WaitingOrder)
}

export async function forgetOrders(app: NodeApp, orders: readonly WaitingOrder[]): Promise<void> {
  await app.state.put(Object.fromEntries(orders.map(({ id }) => [WAITING + id, null])))
}
