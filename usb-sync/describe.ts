// What usb-sync tells people: one or two lines per round, tables for what is on a stick.
import { formatBytes, formatDuration, formatTable } from '../src/cli/output.ts'
import type { FeedSummary, StickSummary } from '../src/stick/inspect.ts'
import type { ExportResult, ImportResult, SyncResult } from '../src/stick/round.ts'

export function describeExport({ wrote, reports, complete, ms }: ExportResult | SyncResult): string {
  const what =
    wrote.segments === 0
      ? 'nothing new to write'
      : `wrote ${formatBytes(wrote.bytes)} in ${formatDuration(ms)}`
  return `${what}; ${reports.out} reports put on the stick${complete ? '' : '; more is left for another stick'}`
}

/** To print for the new site: what to compare before the installer is run. */
export function describeInstaller({ installer }: Pick<ExportResult, 'installer'>): string {
  if (installer === undefined || installer.length === 0) return ''
  const sums = installer.map(({ file, sha256 }) => `  ${file}\n  SHA-256 ${sha256}`)
  return [
    '',
    'Invite sheet: print it, or read it out on the phone; it must not travel on the stick.',
    ...sums,
    '  At the site: open the folder chasqui/installer, run start.sh (Linux) or start.cmd (Windows),',
    '  compare the SHA-256 with this sheet, and type the PIN when it asks.'
  ].join('\n')
}

export function describeImport({ read, reports, releases, troubles, ms }: ImportResult): string {
  const what =
    read.blocks === 0
      ? 'nothing new on the stick'
      : `read ${formatBytes(read.bytes)} in ${formatDuration(ms)}`
  const lines = releases.map(({ module, version }) => `  ${module} ${version}`)
  const wrong = troubles.map((text) => `  trouble: ${text}`)
  return [`${what}; ${reports.in} reports taken`, ...lines, ...wrong].join('\n')
}

export function describeStick(summary: StickSummary): string {
  const label = summary.label === '' ? '' : ` (${summary.label})`
  const head = `stick ${summary.stick ?? 'without stick.json'}${label}: ${summary.state}`
  const feeds = summary.feeds.map((feed) => describeFeed(feed, summary.fleets))
  return [head, ...feeds, `reports of ${summary.reports.length} machines`].join('\n')
}

function describeFeed(feed: FeedSummary, fleets: StickSummary['fleets']): string {
  const name = fleets.find(({ id }) => id === feed.fleet)?.name ?? ''
  const written = feed.written === null ? 'no finished export' : `exported ${feed.written}`
  const title = `${name === '' ? 'fleet' : name} ${(feed.fleet ?? '').slice(0, 8)}: ${feed.state}, ${written}`
  const size = `  ${formatBytes(feed.bytes)} in ${feed.segments.length} files, entries ${feed.db.blocks} of ${feed.db.length}, data ${feed.blobs.blocks} of ${feed.blobs.length} blocks`
  const releases = feed.releases.map(({ module, track, version }) => [`  ${module}`, track, version])
  const table = releases.length === 0 ? [] : [formatTable([['  MODULE', 'TRACK', 'VERSION'], ...releases])]
  const damage = feed.rejected.map(({ file, code, message }) => `  ${file}: ${code}: ${message}`)
  return [title, size, ...table, ...damage].join('\n')
}
