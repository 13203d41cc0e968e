// When an update that is ready may be applied: the window, the windows that were missed because this machine was off, and a
// clock that cannot be believed. Pure.
import { isOpen, lastOpening, type MissedPolicy, nextOpening, type Window } from './window.ts'

const DAY = 86_400_000 // milliseconds

export type Timing =
  | { when: 'now'; why: 'no-window' | 'open' | 'missed' | 'forced' }
  | { when: 'later'; why: 'closed' | 'clock-behind'; at: number | null }
  | { when: 'ask'; why: 'missed' }

/** From when until when (ms since the epoch) nothing ran. */
export interface OffTime {
  from: number
  to: number
}

export interface TimingQuestion {
  windows: readonly Window[] | undefined
  timeZone?: string | undefined
  missed: MissedPolicy
  /** ms since the epoch */
  now: number
  /** the clock is known to have been later than this; a clock behind it is not trusted */
  timeFloor: number
  /** when this machine could first have applied the update */
  availableSince: number
  /** when this node did not run, oldest first */
  off: readonly OffTime[]
  /** an operator asked for it */
  isForced: boolean
}

/** When an update that is ready may be applied. */
export function decideTiming(question: TimingQuestion): Timing {
  const { windows, timeZone, now } = question
  if (question.isForced) return { when: 'now', why: 'forced' }
  if (windows === undefined || windows.length === 0) return { when: 'now', why: 'no-window' }
  if (now < question.timeFloor) return { when: 'later', why: 'clock-behind', at: null }
  if (isOpen(windows, now, timeZone)) return { when: 'now', why: 'open' }
  const later: Timing = { when: 'later', why: 'closed', at: nextOpening(windows, now, timeZone) }
  return wasMissed(question) ? missedTiming(question, later) : later
}

/**
 * A window opened after the update was there, and this machine was off when it did. One in which the update had to wait for another
 * reason was not missed: a daemon that is started again in opening hours must not take that for a reason to stop the application.
 */
function wasMissed({ windows = [], timeZone, now, availableSince, off }: TimingQuestion): boolean {
  const opened = lastOpening(windows, now, timeZone)
  if (opened === null || opened < availableSince) return false
  return off.some(({ from, to }) => from < opened && opened < to)
}

function missedTiming(question: TimingQuestion, later: Timing): Timing {
  switch (question.missed.kind) {
    case 'at-boot':
      return { when: 'now', why: 'missed' }
    case 'ask':
      return { when: 'ask', why: 'missed' }
    case 'after': {
      const isDue = question.now - question.availableSince >= question.missed.days * DAY
      return isDue ? { when: 'now', why: 'missed' } : later
    }
  }
}
