// The words and tables of the demo, from figures.
import { formatBytes, formatDuration, formatTable } from '../cli/output.ts'
import type { Applied } from './branch.ts'
import type { FleetRow, Published } from './headquarters.ts'

export interface BranchSummary {
  name: string
  link: string
  version: string
  updates: number
  rolledBack: number
  /** of packs */
  bytes: number
  /** longest time between stop and start, ms */
  downtime: number
  sales: { acknowledged: number; lost: number; waited: number }
}

/** The table at the end. */
export function summaryTable(module: string, branches: readonly BranchSummary[]): string {
  return formatTable([
    ['branch', 'link', module, 'updates', 'rolled back', 'packs', 'longest stop', 'sales', 'lost'],
    ...branches.map((branch) => [
      branch.name,
      branch.link,
      branch.version,
      String(branch.updates),
      String(branch.rolledBack),
      formatBytes(branch.bytes),
      formatDuration(branch.downtime),
      String(branch.sales.acknowledged),
      String(branch.sales.lost)
    ])
  ])
}

export function fleetTable(module: string, rows: readonly FleetRow[]): string {
  const text = formatTable([
    ['branch', module, 'via'],
    ...rows.map((row) => [
      row.name,
      row.modules[module] ?? '-',
      row.via === row.name ? 'itself' : (row.via ?? '-')
    ])
  ])
  return text.replaceAll(/^/gm, '           ')
}

export function describePublish({ releases, unchanged, ms }: Published): string {
  const files = releases.reduce((sum, release) => sum + release.files, 0)
  const size = releases.reduce((sum, release) => sum + release.size, 0)
  const packs = releases.flatMap((release) => release.packs)
  const deltas = packs.filter((pack) => pack.kind === 'delta')
  const travels = (deltas.length > 0 ? deltas : packs).reduce((sum, pack) => sum + pack.bytes, 0)
  const kind = deltas.length > 0 ? 'as deltas' : 'packed'
  const same = unchanged.length === 0 ? '' : `, ${unchanged.length} unchanged`
  return `${releases.length === 1 ? '1 module' : `${releases.length} modules`}${same}: ${files} files, ${formatBytes(size)} → ${formatBytes(travels)} ${kind}, in ${formatDuration(ms)}`
}

export function describeDowntime({ downtime }: Applied): string {
  return downtime === undefined ? '' : `, till stopped for ${formatDuration(downtime)}`
}
