// Is a branch allowed to go down? Only with a statement, for this fleet, channel and release, signed by as many of the
// module's release keys as its delegation asks for (FORMAT 11.2). The online role carries statements; it cannot make one.
import { releasePath } from '../release/release.ts'
import { fromHex, verifySignature } from '../trust/bytes.ts'
import type { Delegations } from '../trust/read-delegations.ts'
import { type Channels, DOWNGRADE, type Downgrade, downgradeBytes } from './channels.ts'

export interface DowngradeQuestion {
  channels: Channels
  /** of the trusted targets role */
  delegations: Delegations | null
  /** fleet id, hex */
  fleet: string
  /** ms since the epoch */
  now: number
  channel: string
  module: string
  track: string
  version: string
  /** when (ms) what it would go down from was released; null: nobody knows any more */
  fromReleased: number | null
}

/** True when a statement about just this is signed by the release keys. */
export function isDowngradeAllowed(question: DowngradeQuestion): boolean {
  return question.channels.downgrades.some(
    (downgrade) => isAbout(downgrade, question) && isSigned(downgrade, question)
  )
}

function isAbout({ statement }: Downgrade, question: DowngradeQuestion): boolean {
  const { fleet, channel, module, track, version, fromReleased, now } = question
  return (
    statement.fleet === fleet &&
    statement.channel === channel &&
    statement.module === module &&
    statement.track === track &&
    statement.version === version &&
    // who signed it knew what it leads away from: it says nothing about releases that came later
    fromReleased !== null &&
    fromReleased <= Date.parse(statement.created) &&
    (statement.expires === undefined || now <= Date.parse(statement.expires))
  )
}

/** Distinct keys of the first role that covers the release; anything that cannot be read counts as no signature. */
function isSigned({ statement, signatures }: Downgrade, question: DowngradeQuestion): boolean {
  const { delegations, module, track, version } = question
  const role = delegations?.index.rolesFor(releasePath(module, track, version))[0]
  if (delegations === null || role === undefined) return false
  const message = downgradeBytes(statement)
  const good = new Set<string>()
  for (const { keyid, sig } of signatures) {
    const key = role.keyIDs.includes(keyid) ? delegations.keys.get(keyid) : undefined
    const publicKey = fromHex(String(key?.keyVal.public ?? ''), 32)
    const signature = fromHex(sig, 64)
    if (publicKey === null || signature === null) continue
    if (verifySignature(DOWNGRADE, message, signature, publicKey)) good.add(String(key?.keyVal.public))
  }
  return good.size >= role.threshold
}
