// What a daemon prints of its sticks for people: when to wait and when to pull. Nothing for what only programs want to know.
import { formatBytes } from '../cli/output.ts'
import type { ControlEvent } from '../control/commands.ts'
import type { WatchedStick } from './watched-stick.ts'

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
      return `FAILED, ${nextFor(given.safeToRemove !== false)}: ${given.code}: ${given.message}`
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

const nextFor = (safeToRemove: boolean) =>
  safeToRemove ? 'safe to remove' : 'another program goes on with it, do not remove it yet'

/** One line for a stick at hand, in `status`. */
export function describeStick(stick: WatchedStick): string {
  const { place, state, progress, safeToRemove, error, troubles, since } = stick
  const next = nextFor(safeToRemove)
  switch (state) {
    case 'working':
      return `stick  ${place}  working since ${since}${progressText(progress)}, do not remove it yet`
    case 'done':
      return `stick  ${place}  ${doneWith(troubles)} ${since}, ${next}${firstOf(troubles)}`
    case 'failed':
      return `stick  ${place}  FAILED ${since}, ${next}: ${error?.code}: ${error?.message}`
  }
}

function progressText(progress: WatchedStick['progress']): string {
  if (progress === null) return ''
  const { step, bytes, total } = progress
  const of = total === null ? '' : ` of ${formatBytes(total)}`
  return `, ${formatBytes(bytes)}${of} ${step === 'import' ? 'read' : 'written'}`
}
