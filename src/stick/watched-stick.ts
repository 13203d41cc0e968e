// What a stick at hand is doing, for `status`.
import type { ControlEvent } from '../control/commands.ts'

export interface WatchedStick {
  place: string
  state: 'working' | 'done' | 'failed'
  /** of a round that goes on: how far its step is; `total` is null where nobody knows it before */
  progress: { step: 'import' | 'export'; bytes: number; total: number | null } | null
  /** false as long as this or another program of the machine works with it */
  safeToRemove: boolean
  error: { code: string; message: string } | null
  /** of a round that was done: what did not go well, as `CODE: message` */
  troubles: readonly string[]
  /** RFC 3339 */
  since: string
}

/** One whose round begins now. */
export function workingStick(place: string, now: number): WatchedStick {
  const since = new Date(now).toISOString()
  return { place, state: 'working', progress: null, safeToRemove: false, error: null, troubles: [], since }
}

/** The same one after `event` of its round. */
export function withProgress(stick: WatchedStick, event: ControlEvent): WatchedStick {
  if (event.event !== 'progress') return stick
  const { step, done, total } = event as unknown as { step: 'import'; done: number; total: number | null }
  return { ...stick, progress: { step, bytes: done, total } }
}
