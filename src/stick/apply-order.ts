// "Apply now": head office tells one branch to apply one release at the next visit of this very stick, outside its window.
// Signed by a publisher of the fleet; single use. Pure: bytes, keys and the time come in, an order or an error comes out.
import { canonicalize } from '@tufjs/canonical-json'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { toHex } from '../trust/bytes.ts'
import type { Member } from '../trust/membership.ts'

/** FORMAT 12.8 */
const ORDER_LIMIT = 64 * 1024 // bytes
const DOMAIN = 'chasqui/apply-now/1\0'
const plain = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.+~-]{0,99}$/)
const time = z.iso.datetime({ precision: 0 })

const order = z.strictObject({
  /** 16 random bytes, hex: it works once */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  fleet: z.string().regex(/^[0-9a-f]{64}$/),
  /** node key of the branch, hex */
  node: z.string().regex(/^[0-9a-f]{64}$/),
  module: plain,
  track: plain,
  version: plain,
  /** the stick that carries it, and its sequence when the order was put on it */
  stick: z.string().regex(/^[0-9a-f]{32}$/),
  sequence: z.int().min(0),
  created: time,
  expires: time
})
export type ApplyOrder = z.infer<typeof order>

const orderFile = z.strictObject({
  schema: z.literal(1),
  order,
  /** membership of the publisher that signed, base64 */
  membership: z.string().max(ORDER_LIMIT),
  /** Ed25519 over the domain and the canonical JSON of `order`, hex */
  signature: z.string().regex(/^[0-9a-f]{128}$/)
})

/** What is signed. */
export function orderBytes(value: ApplyOrder): Uint8Array {
  return Buffer.from(DOMAIN + canonicalize(order.parse(value)))
}

/** The file of an order: what was signed, by whom. FORMAT 12.6. */
export function encodeOrder(value: ApplyOrder, membership: Uint8Array, signature: Uint8Array): Uint8Array {
  const file = {
    schema: 1,
    order: value,
    membership: Buffer.from(membership).toString('base64'),
    signature: toHex(signature)
  }
  return Buffer.from(`${JSON.stringify(orderFile.parse(file))}\n`)
}

export interface OrderCheck {
  fleet: string
  /** this branch's node key, hex */
  node: string
  /** of the stick that brought it */
  stick: { id: string; sequence: number }
  /** ms since the epoch: the clock, or the time floor when that is later */
  now: number
  /** order ids that were used here */
  used(id: string): Promise<boolean>
  /** Throws when it is not a member of the fleet. */
  verifyMembership(bytes: Uint8Array): Member
  verifySignature(message: Uint8Array, signature: Uint8Array, node: string): boolean
}

/** The order when it is for this branch and may be carried out; null when it is for another one. Throws STICK_ORDER. */
export async function checkOrder(bytes: Uint8Array, check: OrderCheck): Promise<ApplyOrder | null> {
  const { order: found, membership, signature } = parseOrder(bytes)
  if (found.node !== check.node) return null
  if (found.fleet !== check.fleet) throw refused('it is of another fleet')
  const signer = check.verifyMembership(Buffer.from(membership, 'base64'))
  if (signer.role !== 'publisher') throw refused('a branch signed it, not head office')
  if (!check.verifySignature(orderBytes(found), Buffer.from(signature, 'hex'), signer.node)) {
    throw refused('its signature does not verify')
  }
  if (found.stick !== check.stick.id || check.stick.sequence < found.sequence) {
    throw refused('it was made for another stick')
  }
  if (await check.used(found.id)) throw refused('it was used before')
  if (check.now >= Date.parse(found.expires)) throw refused(`it ran out at ${found.expires}`)
  return found
}

/** What a letter says of itself, before any check: who it is for and until when. Null when it is no order. */
export function claimedOrder(bytes: Uint8Array): ApplyOrder | null {
  try {
    return parseOrder(bytes).order
  } catch {
    return null
  }
}

function parseOrder(bytes: Uint8Array) {
  if (bytes.length > ORDER_LIMIT) throw refused('it is too large')
  try {
    return orderFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (cause) {
    throw refused('it does not follow its format', cause)
  }
}

function refused(why: string, cause?: unknown): ChasquiError {
  return new ChasquiError('STICK_ORDER', `an order to apply now was refused: ${why}`, {
    cause,
    hint: 'ask head office for a new one; updates by window and policy are not affected'
  })
}
