// Branches that joined with an invite and whose report reached the publisher, without programs of their own.
import { randomBytes } from 'node:crypto'
import type { NodeIdentity } from '../../node/identity.ts'
import type { PublisherApp } from '../../publisher/app.ts'
import { signRecord } from '../../src/fleet/record.ts'
import type { AddResult } from '../../src/fleet/record-set.ts'
import { encodeReportHeader } from '../../src/fleet/report.ts'
import { parseInvite } from '../../src/trust/invite.ts'
import { keyPairOf } from '../../src/trust/keys.ts'
import { createMembership } from '../../src/trust/membership.ts'

export interface Joined {
  identity: NodeIdentity
  seed: Uint8Array
}

/** A node that joined with an invite. */
export function join1(text: string): Joined {
  const { details: _, certificate, inviteSeed, ...access } = parseInvite(text)
  const seed = new Uint8Array(randomBytes(32))
  const keyPair = keyPairOf(seed)
  const membership = createMembership(certificate, inviteSeed, keyPair.publicKey)
  const node = Buffer.from(keyPair.publicKey).toString('hex')
  return { seed, identity: { node, keyPair, membership, access } }
}

/** The node's report reaches the publisher, by a stick say. */
export async function report(
  app: PublisherApp,
  { identity }: Joined,
  sequence = 1,
  header?: Uint8Array
): Promise<AddResult> {
  const { keyPair, membership } = identity
  const fields = { type: 'report', author: keyPair.publicKey, membership, epoch: 1, sequence } as const
  const text = encodeReportHeader({
    schema: 1,
    feed: { key: Buffer.from(app.feed.key).toString('hex'), db: 0, blobs: 0 },
    apps: {},
    outcomes: [],
    stale: false
  })
  const said = { ...fields, at: app.now(), header: header ?? text, body: text }
  const record = signRecord(said, keyPair.secretKey)
  await app.records.open()
  return app.records.offer(record.bytes, 'stick')
}
