// What a daemon prints of its sticks for people: when to wait and when to pull. Nothing for what only programs want to know.
import { formatBytes } from '../cli/output.ts'
import type { ControlEvent } from '../control/commands.ts'
import type { WatchedStick } from './watcher.ts'

/** One line for a `stick` event; '' for one that is no news to a person. */
export function describeStickEvent(event: ControlEvent): string {
  const text = stickText(event)
  return text === '' ? '' : `stick ${event.place}: ${text}`
}

function stickText(event: ControlEvent): string {
  const given = event as Record<string, unknown>
  switch (given.what) {
    case 'plugged':
      return 'working, do not remove it yet'
    case 'again':
      return 'working again, do not remove it yet'
    case 'applied': {
      const releases = given.releases as { module: string; to: string | null }[]
      const names = releases.map(({ module, to }) => `${module} ${to ?? 'removed'}`).join(', ')
      const { message } = (given.error ?? {}) as { message?: string }
      return `${given.app}: ${names} ${given.result}${message === undefined ? '' : `: ${message}`}`
    }
    case 'done':
      return doneText(given as unknown as Done)
    case 'failed':
      return `FAILED, safe to remove: ${given.code}: ${given.message}`
    case 'removed':
      return 'removed'
    default:
      return ''
  }
}

interface Done {
  read: { bytes: number }
  wrote: { bytes: number }
  reports: { in: number; out: number }
  troubles: readonly string[]
  safeToRemove: boolean
}

function doneText({ read, wrote, reports, troubles, safeToRemove }: Done): string {
  const carried = `read ${formatBytes(read.bytes)}, wrote ${formatBytes(wrote.bytes)}, ${reports.in} reports taken, ${reports.out} given`
  return safeToRemove
    ? `${doneWith(troubles)}, safe to remove (${carried})${firstOf(troubles)}`
    : `another program goes on with it (${carried})${firstOf(troubles)}`
}

const doneWith = (troubles: readonly string[]) => (troubles.length > 0 ? 'done with errors' : 'done')
const firstOf = ([trouble]: readonly string[]) => (trouble === undefined ? '' : `: ${trouble}`)

/** One line for a stick at hand, in `status`. */
export function describeStick({ place, state, error, troubles, since }: WatchedStick): string {
  switch (state) {
    case 'working':
      return `stick  ${place}  working since ${since}, do not remove it yet`
    case 'done':
      return `stick  ${place}  ${doneWith(troubles)} ${since}, safe to remove${firstOf(troubles)}`
    case 'failed':
      return `stick  ${place}  FAILED ${since}, safe to remove: ${error?.code}: ${error?.message}`
  }
}
