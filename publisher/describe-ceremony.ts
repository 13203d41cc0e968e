// What a ceremony with keys came to, as text for people; one that waits for signatures never reads like one that is done.
import type { Waiting } from './keys/leave-request.ts'
import type { RotatedFeed } from './keys/rotate-feed.ts'

/** What a change still waits for; null: it is done. */
export function describeWaiting({ request, missing = [] }: Partial<Waiting>): string | null {
  if (request === undefined) return null
  if (missing.length === 0) {
    return `not done yet: the request has its signatures\n  release it with: chasqui publisher sign ${request}\n  then run the same command again`
  }
  const open = missing.map(({ role, have, need }) => `${role} has ${have} of ${need} signatures`)
  return `not done yet: ${open.join(', ')}\n  request: ${request}\n  when it is signed, run the same command again`
}

export function describeRotatedFeed(moved: RotatedFeed): string {
  const waiting = describeWaiting(moved)
  if (waiting !== null) return waiting
  const { feed, generation, granted, copied } = moved
  const left = copied.missing === 0 ? '' : `; ${copied.missing} packs are not on this machine`
  return `the fleet goes on in feed ${feed.slice(0, 16)}… (number ${generation}); ${granted} nodes have its key${left}`
}
