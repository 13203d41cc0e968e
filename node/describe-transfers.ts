// Transfers as text for people.
import { formatBytes, formatDuration } from '../src/cli/output.ts'
import type { Transfer } from './transfers.ts'

/** `3.1 MB of 5.0 MB, 250 kB/s, 8.0 s left` */
export function transferText({ done, total, rate, eta }: Omit<Transfer, 'app' | 'releases'>): string {
  const left = eta === null || eta === 0 ? '' : `, ${formatDuration(eta * 1000)} left`
  return `${formatBytes(done)} of ${formatBytes(total)}, ${formatBytes(rate)}/s${left}`
}

export function transferLine(transfer: Transfer): string {
  return `fetching  ${transfer.app}: ${transfer.releases.join(' ')}  ${transferText(transfer)}`
}
