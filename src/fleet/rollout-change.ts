// How a rollout begins and what `rollout` does to it: the next signed state out of the one before. Pure.
import { formatTime } from '../trust/bytes.ts'
import type { Pointer, Rollout } from './channels.ts'
import { percentageAt } from './rollout.ts'

export type RolloutAction = number | 'pause' | 'resume' | 'halt'

export interface Beginning {
  /** the release that the rollout is for */
  release: { version: string; previous?: string | undefined }
  isYanked(version: string): boolean
  /** ms */
  now: number
}

/**
 * What those stay with, or go to, whom a rollout does not reach yet: the last version that everybody was meant to have and
 * that was not withdrawn. Null: nothing new.
 */
export function earlierVersion(before: Pointer | null, { release, isYanked, now }: Beginning): string | null {
  const meant = before === null ? [] : meantForAll(before, release.version, now)
  // the channel pointed at it without a rollout: whoever is not reached now stays with what came before it
  const earlier = meant.map((version) => (version === release.version ? (release.previous ?? null) : version))
  return earlier.find((version) => version !== null && !isYanked(version)) ?? null
}

/** Newest first. */
function meantForAll({ version, rollout }: Pointer, next: string, now: number): (string | null)[] {
  if (rollout === undefined) return [version]
  return version !== next && isOver(rollout, now) ? [version, rollout.from] : [rollout.from]
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
