// `links` of nodes and publishers: what the links may carry now, and an operator's pause.
import { type Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../fleet/units.ts'
import { formatBytes } from './output.ts'
import { act, type CommandLine } from './program.ts'

/** What is shown of a class of link (src/member/link-states.ts). */
interface ClassText {
  open: boolean
  paused: { by: string; until: string | null } | null
  rates: { down: number | null; up: number | null }
  gossip: { spent: number; limit: number | null } | null
}

export interface LinksText {
  lan: ClassText & { enabled: boolean }
  internet: ClassText & { enabled: boolean; metered: boolean; month: { used: number; cap: number | null } }
}

type Call = (line: CommandLine, name: string, args: unknown) => Promise<unknown>

export function linksCommands(group: Command, call: Call): void {
  const links = group.command('links').description('what the links may carry now; a pause')
  const pause = links.command('pause').description('no releases over any link; what is critical passes')
  pause.option('--for <time>', 'ends by itself, for example "2 h"', milliseconds)
  const commands = [
    links.command('show', { isDefault: true }).description('by class of link: open, paused, rates, costs'),
    pause,
    links.command('resume').description('ends a pause')
  ]
  for (const command of commands) {
    act(command, async (line, options) => {
      const args = options.for === undefined ? {} : { for: options.for }
      const states = (await call(line, `links.${command.name()}`, args)) as LinksText
      line.output.result(states, linkLines(states).join('\n'))
      return undefined
    })
  }
}

function milliseconds(text: string): number {
  const value = parseDuration(text)
  if (value !== undefined && value >= 1) return value
  throw new InvalidArgumentError('write it as "90 min" or "2 h"')
}

const WHY: Readonly<Record<string, string>> = {
  operator: 'by command',
  metered: 'it is metered',
  hours: 'outside its hours',
  'monthly-cap': "the month's bytes are used up"
}

/** One line for each link that is switched on. */
export function linkLines({ lan, internet }: LinksText): string[] {
  const { used, cap } = internet.month
  const month = `${formatBytes(used)}${cap === null ? '' : ` of ${formatBytes(cap)}`} this month`
  return [
    ...(lan.enabled ? [`link  lan       ${classText(lan)}`] : []),
    ...(internet.enabled
      ? [`link  ${internet.metered ? 'metered ' : 'internet'}  ${classText(internet)}, ${month}`]
      : [])
  ]
}

function classText({ open, paused, rates, gossip }: ClassText): string {
  const until = paused === null || paused.until === null ? '' : ` until ${paused.until}`
  const state =
    paused === null ? (open ? 'open' : 'closed') : `paused${until}: ${WHY[paused.by] ?? paused.by}`
  const limits = [rateText('down', rates.down), rateText('up', rates.up)].filter((text) => text !== '')
  const news = gossip === null || gossip.limit === null ? [] : [newsText(gossip.spent, gossip.limit)]
  return [state, ...limits, ...news].join(', ')
}

function rateText(direction: string, rate: number | null): string {
  return rate === null ? '' : `${direction} ${formatBytes(rate)}/s`
}

function newsText(spent: number, limit: number): string {
  return `news ${formatBytes(spent)} of ${formatBytes(limit)} today`
}
