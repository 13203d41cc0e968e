// How a rollout begins and what `rollout` does to it: the next signed state out of the one before. Pure.
import { formatTime } from '../trust/bytes.ts'
import type { Pointer, Rollout } from './channels.ts'
import { percentageAt } from './rollout.ts'

export type RolloutAction = number | 'pause' | 'resume' | 'halt'

/**
 * What those stay with, or go to, whom the rollout of `release` does not reach yet: the last version that everybody was
 * meant to have. Null: nothing new.
 */
export function earlierVersion(
  before: Pointer | null,
  release: { version: string; previous?: string | undefined },
  now: number
): string | null {
  const from = before === null ? null : meantForAll(before, release.version, now)
  // the channel pointed at it without a rollout: whoever is not reached now stays with what came before it
  return from === release.version ? (release.previous ?? null) : from
}

function meantForAll({ version, rollout }: Pointer, next: string, now: number): string | null {
  if (rollout === undefined) return version
  return version !== next && isOver(rollout, now) ? version : rollout.from
}

/** Does it reach everybody? In its groups only is not everybody; branches that it names besides make no difference. */
function isOver(rollout: Rollout, now: number): boolean {
  const isForAll = rollout.groups === undefined || rollout.groups.length === 0
  return rollout.status === 'active' && isForAll && percentageAt(rollout, now) >= 100
}

/** The rollout after `action`; times in ms. */
export function changeRollout(before: Rollout | undefined, action: RolloutAction, now: number): Rollout {
  const base: Rollout = before ?? { round: 0, status: 'active', started: formatTime(now), from: null }
  const stopped = base.stopped ?? formatTime(now)
  switch (action) {
    case 'pause':
      return { ...base, status: 'paused', stopped }
    case 'halt':
      return { ...base, status: 'halted', stopped }
    case 'resume':
      return resumed(base, now)
    default: {
      const { phases: _, ...rest } = base
      return { ...rest, percentage: action }
    }
  }
}

/** While it stood, nothing soaked: its phases go on from where they were. */
function resumed({ stopped, ...rest }: Rollout, now: number): Rollout {
  const stood = stopped === undefined ? 0 : Math.max(0, now - Date.parse(stopped))
  const started = formatTime(Date.parse(rest.started) + stood)
  return { ...rest, status: 'active', round: rest.round + 1, started }
}
