// Holds those who are connected against what the feed says of members, at every new version and whatever else the node is
// busy with: who was revoked, or cloned an invite, loses its connection and its records at once.
import { revokedSets } from '../src/fleet/revoked.ts'
import { toHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import type { NodeApp } from './app.ts'

export interface MemberWatch {
  stop(): Promise<void>
}

/** Looks once, returns, and goes on looking until it is stopped. */
export async function watchMembers(app: NodeApp): Promise<MemberWatch> {
  let isStopped = false
  let isWanted = false
  let looking: Promise<void> | null = null
  const look = async () => {
    do {
      isWanted = false
      await applyMembers(app).catch((error: unknown) =>
        // a version that cannot be trusted says nothing; the schedule tells of it
        app.log.debug({ err: error }, 'members were not looked at')
      )
    } while (isWanted && !isStopped)
    looking = null
  }
  const wake = () => {
    isWanted = true
    looking ??= look()
    return looking
  }
  await wake()
  const stopListening = app.feed.onUpdate(() => void wake())
  return {
    async stop() {
      isStopped = true
      stopListening()
      await looking
    }
  }
}

/** Throws TUF_*, BLOCK_MISSING. */
async function applyMembers(app: NodeApp): Promise<void> {
  const view = await app.refresh()
  if (view === null) return
  const { snapshot, trust } = view
  await app.members.owners.refresh(toHex(app.feed.key), snapshot, enrolmentKeysOf(trust.fleet))
  app.links?.recheckMembers()
  const { invites, nodes } = revokedSets(app.trust.revoked)
  app.records.set.prune(app.now(), (member) => invites.has(member.invite) || nodes.has(member.node))
}
