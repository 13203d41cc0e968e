// A second reader of apply orders (docs/FORMAT.md 12.8), written from that text with libsodium. It shares no code with src;
// the membership is judged by whoever calls.
import sodium from 'sodium-native'
import { demand, refuse } from './refused.ts'

const REFUSED = 'STICK_ORDER'

export interface OrderGiven {
  fleet: string
  node: string
  stick: string
  sequence: number
  now: string
  used: boolean
  role: 'publisher' | 'branch'
  bytes: string
}

interface OrderFile {
  schema: number
  order: Record<string, string | number>
  membership: string
  signature: string
}

/** OLPC's canonical JSON of a flat object whose text needs no escape. */
function canonical(order: Record<string, string | number>): string {
  const fields = Object.keys(order)
    .sort()
    .map((key) => `"${key}":${typeof order[key] === 'number' ? order[key] : `"${order[key]}"`}`)
  return `{${fields.join(',')}}`
}

function parse(text: string): OrderFile {
  try {
    return JSON.parse(text) as OrderFile
  } catch {
    return refuse(REFUSED)
  }
}

/** Refused as OTHER when the order is sound and for another branch. The membership of the vectors is the signer's bare key. */
export function readOrder(given: OrderGiven): void {
  const { schema, order, membership, signature } = parse(given.bytes)
  demand(schema === 1, REFUSED)
  demand(order.fleet === given.fleet, REFUSED)
  demand(order.node === given.node, 'OTHER')
  const signed = Buffer.from(`chasqui/apply-now/1\0${canonical(order)}`)
  const signer = Buffer.from(membership, 'base64')
  demand(sodium.crypto_sign_verify_detached(Buffer.from(signature, 'hex'), signed, signer), REFUSED)
  demand(given.role === 'publisher', REFUSED)
  demand(order.stick === given.stick && given.sequence >= Number(order.sequence), REFUSED)
  demand(Date.parse(String(order.expires)) > Date.parse(given.now), REFUSED)
  demand(!given.used, REFUSED)
}
