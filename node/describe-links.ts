// Links and transfers as text for people.
import { formatBytes, formatDuration } from '../src/cli/output.ts'
import type { ClassState, LinkStates } from './link-states.ts'
import type { Transfer } from './transfers.ts'

const WHY: Readonly<Record<string, string>> = {
  operator: 'by command',
  metered: 'it is metered',
  hours: 'outside its hours',
  'monthly-cap': "the month's bytes are used up"
}

/** One line for each link that is switched on. */
export function linkLines({ lan, internet }: LinkStates): string[] {
  const { used, cap } = internet.month
  const month = `${formatBytes(used)}${cap === null ? '' : ` of ${formatBytes(cap)}`} this month`
  return [
    ...(lan.enabled ? [`link  lan       ${classText(lan)}`] : []),
    ...(internet.enabled
      ? [`link  ${internet.metered ? 'metered ' : 'internet'}  ${classText(internet)}, ${month}`]
      : [])
  ]
}

function classText({ open, paused, rates, gossip }: ClassState): string {
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

/** `3.1 MB of 5.0 MB, 250 kB/s, 8.0 s left` */
export function transferText({ done, total, rate, eta }: Omit<Transfer, 'app' | 'releases'>): string {
  const left = eta === null || eta === 0 ? '' : `, ${formatDuration(eta * 1000)} left`
  return `${formatBytes(done)} of ${formatBytes(total)}, ${formatBytes(rate)}/s${left}`
}

export function transferLine(transfer: Transfer): string {
  return `fetching  ${transfer.app}: ${transfer.releases.join(' ')}  ${transferText(transfer)}`
}
