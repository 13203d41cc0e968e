// What the daemon does by itself: grants to members that came in with a new invite, and a timestamp that is signed every day.
import type { GrantOwners } from '../src/feed/grant-owners.ts'
import type { AddResult } from '../src/fleet/record-set.ts'
import type { PublisherApp } from './app.ts'
import { grantNewMembers } from './grants.ts'
import { resignWhenDue } from './timestamp.ts'
import { oneChange } from './turns.ts'

const FIRST_CARE = 30_000 // milliseconds after the start: peers have had time to say what they hold
const CARE = 60 * 60_000 // milliseconds
const GATHER = 1_000 // milliseconds in which reports of members without a grant are gathered

export interface Care {
  /** A report of a member without a grant came in: the first node of an invite gets it now, before a second one turns up. */
  heard(result: AddResult, owners: GrantOwners): void
  stop(): void
}

/** Begins soon after the start, goes on every hour until it is stopped. */
export function takeCare(app: PublisherApp): Care {
  const grant = (invites: ReadonlySet<string> | null) => {
    oneChange(app, () => grantNewMembers(app, invites)).catch((error: unknown) =>
      app.log.warn({ err: error }, 'new members were not granted')
    )
  }
  const care = () => {
    grant(null)
    resignWhenDue(app).catch((error: unknown) =>
      app.log.warn({ err: error }, 'the timestamp was not signed again')
    )
  }
  const first = setTimeout(care, FIRST_CARE)
  const hourly = setInterval(care, CARE)
  let soon: NodeJS.Timeout | null = null
  let waiting = new Set<string>()
  const grantWaiting = () => {
    const invites = waiting
    waiting = new Set()
    soon = null
    grant(invites)
  }
  return {
    heard(result, owners) {
      if (result.outcome !== 'added' || result.record.type !== 'report') return
      const { granted, role, invite } = app.fleet.verifyMembership(result.record.membership, null)
      if (granted || role !== 'branch' || owners.owner(invite) !== null) return
      waiting.add(invite)
      soon ??= setTimeout(grantWaiting, GATHER)
    },
    stop() {
      clearTimeout(first)
      clearInterval(hourly)
      if (soon !== null) clearTimeout(soon)
    }
  }
}
