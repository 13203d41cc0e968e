// What a daemon and a long command tell people while they work: one line for an event, an empty one where there is nothing
// to say. The JSON of the events is the contract; this is only their reading.
import { formatBytes, formatDuration } from '../src/cli/output.ts'
import type { ControlEvent } from '../src/control/commands.ts'
import { describeStickEvent } from '../src/stick/describe.ts'
import { transferText } from './describe-transfers.ts'
import type { Transfer } from './transfers.ts'

type Line = (event: ControlEvent) => string

interface Change {
  app?: string
  module: string
  from: string | null
  to: string | null
}

function changesOf(changes: unknown): string {
  const list = Array.isArray(changes) ? (changes as Change[]) : []
  return list.map(({ module, from, to }) => `${module} ${from ?? 'new'} → ${to ?? 'gone'}`).join(', ')
}

function ended({ app, result, releases, error }: ControlEvent): string {
  const why = error as { code: string; message: string } | undefined
  return `${app}: ${result}: ${changesOf(releases)}${why === undefined ? '' : `: ${why.code}: ${why.message}`}`
}

const LINES: Record<string, Line> = {
  ready({ name, listening }) {
    const at = listening as { host: string; port: number } | null | undefined
    return `ready: ${name}${at ? `, listening on ${at.host}:${at.port}` : ''}`
  },
  stick: describeStickEvent,
  peer: ({ name, class: link }) => `met ${name} (${link})`,
  'peer-gone': ({ name }) => `lost ${name}`,
  updates: ({ updates }) => `updates: ${changesOf(updates)}`,
  fetching: (event) => `fetching ${transferText(event as unknown as Transfer)}`,
  paused: ({ app, releases }) => `${app}: ${[releases].flat().join(' ')} waits: the links are paused`,
  step: ({ app, step, state, ms }) =>
    state === 'begins' ? '' : `${app}: ${step} ${state}, ${formatDuration(Number(ms ?? 0))}`,
  applied: ended,
  recovered: (event) => `after a cut: ${ended(event)}`,
  recovery: ({ app, state }) => `${app}: an update was cut in the state "${state}"; it is ended now`,
  problem: ({ where, code, message }) => `problem: ${where}: ${code}: ${message}`,
  carried: ({ release, bytes }) => `${release} is here for neighbours, ${formatBytes(Number(bytes))}`,
  freed: ({ packs, bytes }) => `${packs} packs let go, ${formatBytes(Number(bytes))}`,
  reported: () => 'reported',
  feed: ({ generation }) => `the fleet goes on in feed number ${generation}`,
  stopping: () => 'stopping'
}

/** One line of the daemon's log for people; empty: nothing worth a line. */
export function describeEvent(event: ControlEvent): string {
  const line = LINES[event.event]
  return line === undefined ? `${event.event} ${scalars(event)}`.trimEnd() : line(event)
}

/** What is on the progress line of a command: also what has only begun. */
export function describeProgress(event: ControlEvent): string {
  const { event: name, app, step, state } = event
  return name === 'step' && state === 'begins' ? `${app}: ${step} …` : describeEvent(event)
}

function scalars({ event: _, ...rest }: ControlEvent): string {
  return Object.values(rest)
    .filter((one) => typeof one !== 'object')
    .join(' ')
}
