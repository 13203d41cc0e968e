// What usb-sync tells people: one or two lines per round, tables for what is on a stick.
import { formatBytes, formatCount, formatDuration, formatTable } from '../src/cli/output.ts'
import type { ExportSummary } from '../src/stick/export-summary.ts'
import type { FeedSummary, StickSummary } from '../src/stick/inspect.ts'
import type { ExportResult, ImportResult, SyncResult } from '../src/stick/round-types.ts'
import { CODE_DIGITS, platformOf } from '../src/stick/start-scripts.ts'
import type { StickWish } from '../src/stick/wish.ts'

export function describeExport({ wrote, reports, complete, ms }: ExportResult | SyncResult): string {
  const what =
    wrote.segments === 0
      ? 'nothing new to write'
      : `wrote ${formatBytes(wrote.bytes)} in ${formatDuration(ms)}`
  return `${what}; ${formatCount(reports.out, 'report')} put on the stick${complete ? '' : '; more is left for another stick'}`
}

const LISTED = 40 // releases of a plan; the JSON has them all

/** What is going to be written, before it is. */
export function describePlan(plan: ExportSummary): string {
  const { total, bytes, reports, installer, free, minutes, parts, part, branches, releases } = plan
  const parcels = [
    ...(bytes > 0 ? [`${formatBytes(bytes)} of releases`] : []),
    ...(reports.count > 0 ? [`${formatCount(reports.count, 'report')} (${formatBytes(reports.bytes)})`] : []),
    ...(installer > 0 ? [`the program (${formatBytes(installer)})`] : [])
  ]
  const room = free === null ? '' : `, ${formatBytes(free)} are free`
  const time =
    total === 0
      ? ''
      : `, ${minutes < 1 ? 'less than a minute' : `about ${Math.round(minutes)} min`} on a slow stick`
  const head = parcels.length === 0 ? 'nothing new to write' : `to write: ${parcels.join(', ')}${time}${room}`
  const rows = releases.map((one) => [`  ${one.module}`, one.track, one.version, packsOf(one)])
  const left = rows.length > LISTED ? [`  … and ${rows.length - LISTED} more`] : []
  const table = [['  MODULE', 'TRACK', 'VERSION', 'PACKS'], ...rows.slice(0, LISTED)]
  return [
    head,
    ...(parts > 1 ? [`stick ${part} of ${parts}`] : []),
    ...(branches.length > 0 ? [`for ${branches.join(', ')}`] : []),
    ...(rows.length > 0 ? ['the stick carries afterwards:', formatTable(table), ...left] : [])
  ].join('\n')
}

/** Of one that is cut over several sticks both: what is on this one, and what it is of. */
function packsOf({ bytes, size }: ExportSummary['releases'][number]): string {
  return bytes < size ? `${formatBytes(bytes)} of ${formatBytes(size)}` : formatBytes(bytes)
}

/** To print for the new site: what to compare before anything on the stick is run. */
export function describeInstaller({ installer }: Pick<ExportResult, 'installer'>): string {
  if (installer === undefined || installer.length === 0) return ''
  const scripts = installer.filter(({ file }) => platformOf(file) === null)
  const archives = installer.filter(({ file }) => platformOf(file) !== null)
  return [
    '',
    'Invite sheet: print it, or read it out on the phone; it must not travel on the stick.',
    '1. At the site open a terminal in the folder chasqui/installer of the stick. Run nothing of it yet. Type',
    ...scripts.map(({ file }) => `     ${hashCommand(file)}`),
    '   and compare every digit. If one differs, stop and tell head office:',
    ...scripts.map(({ file, sha256 }) => `     ${sha256}  ${file}`),
    `2. Run it (${scripts.map(({ file }) => (file.endsWith('.sh') ? `sh ${file}` : file)).join(' or ')}), and type the code of the archive when it asks:`,
    ...archives.map(({ file, sha256 }) => `     ${codeOf(sha256)}  ${file}`),
    '3. Type the PIN when it asks.',
    'By hand, in place of 2: compare the whole SHA-256 of the archive, unpack it, and run chasqui node join.',
    ...archives.map(({ file, sha256 }) => `     ${sha256}  ${file}`),
    ''
  ].join('\n')
}

/** With what is on every machine already: the stick may bring another tool of that name. */
function hashCommand(file: string): string {
  return file.endsWith('.cmd')
    ? `%SystemRoot%\\System32\\certutil -hashfile ${file} SHA256   (Windows)`
    : `sha256sum ${file}   (Linux)`
}

/** In groups, to be read out and typed. */
function codeOf(sha256: string): string {
  return (sha256.slice(0, CODE_DIGITS).match(/.{4}/g) ?? []).join(' ')
}

export function describeSync(result: SyncResult): string {
  return `${describeImport(result)}\n${describeExport(result)}${describeInstaller(result)}`
}

export function describeImport({ read, reports, releases, troubles, waiting, ms }: ImportResult): string {
  const what =
    read.blocks === 0
      ? 'nothing new on the stick'
      : `read ${formatBytes(read.bytes)} in ${formatDuration(ms)}`
  const lines = releases.map(({ module, version }) => `  ${module} ${version}`)
  const wrong = troubles.map((text) => `  trouble: ${text}`)
  const later = waiting.map(
    ({ app, module, version, reason }) => `  not applied yet: ${app}: ${module} ${version}: ${reason}`
  )
  return [`${what}; ${formatCount(reports.in, 'report')} taken`, ...lines, ...wrong, ...later].join('\n')
}

export function describeStick(summary: StickSummary): string {
  const label = summary.label === '' ? '' : ` (${summary.label})`
  const head = `stick ${summary.stick ?? 'without stick.json'}${label}: ${summary.state}`
  const feeds = summary.feeds.map((feed) => describeFeed(feed, summary.fleets))
  const wishes = summary.fleets.flatMap(({ name, wish }) =>
    wish === null ? [] : [`made for ${name}: ${describeWish(wish)}`]
  )
  const damage = describeDamage(summary.rejected)
  return [head, ...wishes, ...feeds, ...describeBranches(summary), ...damage].join('\n')
}

function describeWish({ modules, channel, branches, latest, maxSize, part }: StickWish): string {
  return [
    ...(branches.length > 0 ? [`what ${branches.join(', ')} lack`] : []),
    ...(modules.length > 0 ? [`modules ${modules.join(', ')}`] : []),
    ...(channel === null ? [] : [`channel ${channel}`]),
    ...(latest ? ['only the newest'] : []),
    ...(maxSize === null ? [] : [`part ${part} of ${formatBytes(maxSize)} each`])
  ].join('; ')
}

function describeBranches({ branches, reports }: StickSummary): string[] {
  const count = `reports of ${formatCount(reports.length, 'machine')}`
  if (branches.length === 0) return [count]
  const rows = branches.map(({ node, name, reported, visited }) => [
    `  ${name ?? '-'}`,
    node.slice(0, 8),
    reported ?? '-',
    visited ?? '-'
  ])
  return [count, formatTable([['  MACHINE', 'KEY', 'REPORTED', 'MET THIS STICK'], ...rows])]
}

function describeFeed(feed: FeedSummary, fleets: StickSummary['fleets']): string {
  const name = fleets.find(({ id }) => id === feed.fleet)?.name ?? ''
  const written = feed.written === null ? 'no finished export' : `exported ${feed.written}`
  const part = feed.part === null ? '' : `, part ${feed.part.part} of ${feed.part.parts}`
  const title = `${name === '' ? 'fleet' : name} ${(feed.fleet ?? '').slice(0, 8)}: ${feed.state}${part}, ${written}`
  const size = `  ${formatBytes(feed.bytes)} in ${formatCount(feed.segments.length, 'file')}, entries ${feed.db.blocks} of ${feed.db.length}, data ${feed.blobs.blocks} of ${feed.blobs.length} blocks`
  const releases = feed.releases.map(({ module, track, version }) => [`  ${module}`, track, version])
  const table = releases.length === 0 ? [] : [formatTable([['  MODULE', 'TRACK', 'VERSION'], ...releases])]
  const damage = describeDamage(feed.rejected)
  return [title, size, ...table, ...damage].join('\n')
}

function describeDamage(rejected: StickSummary['rejected']): string[] {
  return rejected.map(({ file, code, message }) => `  ${file}: ${code}: ${message}`)
}
