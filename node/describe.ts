// What the node's commands print for people. JSON results go out as they are; here they become a few lines of text.
import { createInterface } from 'node:readline/promises'
import type { LinksText } from '../src/cli/links-command.ts'
import { linkLines } from '../src/cli/links-command.ts'
import { formatBytes, formatDuration, formatTable } from '../src/cli/output.ts'
import type { CommandLine } from '../src/cli/program.ts'
import { ChasquiError } from '../src/errors.ts'
import { describeStick } from '../src/stick/describe.ts'
import type { WatchedStick } from '../src/stick/watcher.ts'
import type { BackupInfo, HistoryEntry, PendingTransaction, SetAsideInfo } from './apply/types.ts'
import type { CheckResult } from './checks/types.ts'
import type { Collected } from './collect.ts'
import { transferLine } from './describe-links.ts'
import type { Joined } from './join.ts'
import type { AppState } from './status.ts'
import type { Transfer } from './transfers.ts'

export function joined({ name, node, renewed }: Joined, config: string): string {
  if (renewed) return `${name} goes on as another node (${node.slice(0, 16)}…); everything else was kept`
  return [
    `${name} has joined (node ${node.slice(0, 16)}…)`,
    `next: describe your apps in ${config}, then start "chasqui node run"`
  ].join('\n')
}

interface Status {
  name: string
  node: string
  running: boolean
  feed: {
    version: number
    signedAt: string | null
    heardAt: string | null
    stale: boolean
    conflict: unknown
  }
  apps: AppState[]
  peers: { name: string; class: string; address: string }[]
  links: LinksText
  transfers: Transfer[]
  pending: PendingTransaction[]
  setAside: SetAsideInfo[]
  sticks: WatchedStick[]
  problems: { code: string; message: string }[]
}

export function status(given: Status): string {
  const { name, node, feed } = given
  const freshness =
    feed.signedAt === null ? 'nothing received yet' : `signed ${feed.signedAt}, heard ${feed.heardAt}`
  const lines = [
    `${name}  (node ${node.slice(0, 16)}…${given.running ? '' : ', daemon not running'})`,
    `feed  version ${feed.version}, ${freshness}${feed.stale ? ', STALE' : ''}${feed.conflict === null ? '' : ', CONFLICT'}`
  ]
  const rows = given.apps.flatMap(({ app, modules }) =>
    modules.map((one) => [app, one.module, one.version ?? '-', one.available ?? '', one.reason ?? one.state])
  )
  if (rows.length > 0)
    lines.push('', formatTable([['app', 'module', 'version', 'available', 'state'], ...rows]))
  else lines.push('', given.apps.length === 0 ? 'no app is configured' : 'nothing is installed or offered')
  for (const peer of given.peers) lines.push(`peer  ${peer.name}  ${peer.class}  ${peer.address}`)
  lines.push(...linkLines(given.links), ...given.transfers.map(transferLine))
  lines.push(...given.pending.flatMap(pendingText))
  lines.push(...given.setAside.map(setAsideText))
  lines.push(...given.sticks.map(describeStick))
  for (const { code, message } of given.problems) lines.push(`problem  ${code}: ${message}`)
  return lines.join('\n')
}

interface Blocked {
  code: string
  reason: string
}
interface PlannedText {
  app: string
  releases: { module: string; from: string | null; to: string; bytes: number | null; severity: string }[]
  blocked: Blocked | null
}

export function plan({ transactions }: { transactions: PlannedText[] }): string {
  if (transactions.length === 0) return 'nothing to do'
  return transactions.map(plannedText).join('\n')
}

function plannedText({ app, releases, blocked }: PlannedText): string {
  const rows = releases.map(({ module, from, to, bytes, severity }) => {
    const size = bytes === null ? 'no way' : formatBytes(bytes)
    return `  ${module}  ${from ?? 'new'} → ${to ?? 'removed'}  ${size}${severity === 'critical' ? '  critical' : ''}`
  })
  return [`${app}: ${blocked === null ? 'ready' : `${blocked.code}: ${blocked.reason}`}`, ...rows].join('\n')
}

interface Checked {
  updates: { app: string; module: string; from: string | null; to: string; blocked: Blocked | null }[]
  peers: number
}

export function check({ updates, peers: count }: Checked): string {
  if (updates.length === 0) return `nothing new (${count} peers)`
  return updates
    .map(
      ({ app, module, from, to, blocked }) =>
        `${app}: ${module}  ${from ?? 'new'} → ${to}${blocked === null ? '' : `  (${blocked.reason})`}`
    )
    .join('\n')
}

interface FailureText {
  code: string
  message: string
  hint?: string
}

export interface Applied {
  transaction: string | null
  result: string
  app?: string
  releases?: { module: string; from: string | null; to: string | null }[]
  steps: { step: string; ms: number; ok: boolean }[]
  error?: FailureText
  alsoFailed?: FailureText[]
  setAside?: string[]
  transactions?: (Applied | PlannedText)[]
  blocked?: PlannedText[]
  refusals?: { app: string; code: string; message: string }[]
}

export function applied(given: Applied): string {
  if (given.result === 'dry-run') {
    const texts = (given.transactions as PlannedText[]).map(plannedText)
    const refusals = (given.refusals ?? []).map(
      ({ app, code, message }) => `${app}: would be refused: ${code}: ${message}`
    )
    return [...texts, ...refusals].join('\n') || 'nothing to do'
  }
  const all = (given.transactions as Applied[] | undefined) ?? (given.transaction === null ? [] : [given])
  const lines = all.flatMap(appliedText)
  for (const one of given.blocked ?? []) lines.push(plannedText(one))
  return lines.length === 0 ? 'nothing to do' : lines.join('\n')
}

function appliedText({ app, result, releases, steps, error, alsoFailed, setAside }: Applied): string[] {
  const ms = steps.reduce((sum, step) => sum + step.ms, 0)
  const lines = [`${app ?? ''}: ${result} in ${formatDuration(ms)}`]
  for (const { module, from, to } of releases ?? [])
    lines.push(`  ${module}  ${from ?? 'new'} → ${to ?? 'removed'}`)
  if (error !== undefined) lines.push(...failureText('', error))
  for (const one of alsoFailed ?? []) lines.push(...failureText('then ', one))
  for (const one of setAside ?? []) lines.push(`  set aside: ${one}`)
  return lines
}

function failureText(when: string, { code, message, hint }: FailureText): string[] {
  return [`  ${when}${code}: ${message}`, ...(hint === undefined ? [] : [`  hint: ${hint}`])]
}

export interface Recovered {
  results: (Applied & { settledAt?: string })[]
  pending: PendingTransaction[]
}

export function recovered({ results, pending }: Recovered): string {
  const lines = results.flatMap((one) => [
    ...appliedText(one),
    ...(one.settledAt === undefined ? [] : ['  settled by hand'])
  ])
  lines.push(...pending.flatMap(pendingText))
  return lines.length === 0 ? 'nothing waits' : lines.join('\n')
}

function setAsideText({ app, path, bytes, databases, createdAt }: SetAsideInfo): string {
  const what = [...(path === null ? [] : [`${path} (${formatBytes(bytes)})`]), ...databases]
  return `set aside  ${app}  ${createdAt}  ${what.join(', ')}`
}

function pendingText({ app, message, retryAt, hold }: PendingTransaction): string[] {
  return [
    `waits  ${app}: ${message}`,
    `       ${retryAt === null ? 'not tried again by itself' : `the daemon tries again at ${retryAt}`}; now: chasqui node recover`,
    ...(hold === null ? [] : [`       kept down by ${hold}`])
  ]
}

type KeptText = ({ kind: 'backup' } & BackupInfo) | ({ kind: 'set-aside' } & SetAsideInfo)

export function backups(given: KeptText[]): string {
  if (given.length === 0) return 'no backups'
  const rows = given.map((one) => [
    one.id,
    one.kind,
    one.app,
    one.createdAt,
    formatBytes(one.bytes),
    one.kind === 'backup' ? goesBackTo(one) : whatIsAside(one)
  ])
  return formatTable([['id', 'kind', 'app', 'made', 'size', 'goes back to, or holds'], ...rows])
}

function goesBackTo({ modules }: BackupInfo): string {
  return modules.map(({ module, version }) => `${module}@${version ?? 'none'}`).join(', ')
}

function whatIsAside({ path, databases }: SetAsideInfo): string {
  return [...databases.map((name) => `database ${name}`), ...(path === null ? [] : [path])].join(', ')
}

export function history(given: HistoryEntry[]): string {
  if (given.length === 0) return 'nothing has been applied yet'
  const rows = given.map(({ endedAt, app, kind, result, reason, releases, error }) => [
    endedAt,
    app,
    kind,
    result,
    reason,
    releases.map(({ module, from, to }) => `${module} ${from ?? '-'}→${to ?? '-'}`).join(', '),
    error === undefined ? '' : `${error.code}: ${error.message}`
  ])
  return formatTable([['when', 'app', 'kind', 'result', 'by', 'releases', ''], ...rows])
}

export function validated({ apps }: { apps: { app: string; checks: CheckResult[] }[] }): string {
  const rows = apps.flatMap(({ app, checks }) =>
    checks.map(({ name, ok, message }) => [app, name, ok ? 'ok' : 'FAILED', message])
  )
  return rows.length === 0 ? 'no checks' : formatTable([['app', 'check', '', ''], ...rows])
}

export function peers(given: { running: boolean; peers: Status['peers'] }): string {
  if (!given.running) return 'the daemon is not running'
  if (given.peers.length === 0) return 'nobody is connected'
  return formatTable([
    ['peer', 'link', 'address'],
    ...given.peers.map((one) => [one.name, one.class, one.address])
  ])
}

export function doctor({
  checks
}: {
  checks: { name: string; ok: boolean; message: string; hint?: string }[]
}): string {
  return checks
    .flatMap(({ name, ok, message, hint }) => [
      `${ok ? 'ok      ' : 'PROBLEM '} ${name}: ${message}`,
      ...(ok || hint === undefined ? [] : [`          hint: ${hint}`])
    ])
    .join('\n')
}

interface Fsck {
  ok: boolean
  packs: { checked: number; bad: { release: string; message: string }[] }
  refused: Blocked[]
  apps: { app: string; drift: { module: string; changed: string[]; missing: string[] }[] }[]
}

export function fsck({ packs, apps }: Fsck): string {
  const lines = [`${packs.checked} packs read, ${packs.bad.length} damaged`]
  for (const { release, message } of packs.bad) lines.push(`  ${release}: ${message}`)
  for (const { app, drift } of apps) {
    for (const { module, changed, missing } of drift) {
      for (const path of changed) lines.push(`  ${app}: ${module}: changed ${path}`)
      for (const path of missing) lines.push(`  ${app}: ${module}: missing ${path}`)
    }
  }
  return lines.join('\n')
}

export function collected({ freed, kept }: Collected, isDryRun: boolean): string {
  const done = isDryRun ? 'would be freed' : 'freed'
  return [
    `${done}: ${freed.packs} packs, ${formatBytes(freed.bytes)}`,
    `kept: ${kept.packs} packs, ${formatBytes(kept.bytes)}`
  ].join('\n')
}

interface Adopted {
  apps: {
    app: string
    modules: {
      module: string
      version: string
      match: number
      drift: { changed: string[]; missing: string[] }
    }[]
  }[]
}

export function adopted({ apps }: Adopted): string {
  const rows = apps.flatMap(({ app, modules }) =>
    modules.map(({ module, version, drift }) => {
      const count = drift.changed.length + drift.missing.length
      return [app, module, version, count === 0 ? 'as published' : `${count} files differ`]
    })
  )
  return rows.length === 0
    ? 'nothing was recognised'
    : formatTable([['app', 'module', 'version', ''], ...rows])
}

/** A restore of the database is confirmed by typing it, or with --yes. Throws USAGE. */
export async function confirmDatabase(line: CommandLine): Promise<void> {
  if (line.yes) return
  const question =
    'the database goes back too; what was entered since is set aside. Type "database" to go on: '
  const answer = process.stdin.isTTY ? await ask(question) : ''
  if (answer.trim() === 'database') return
  throw new ChasquiError('USAGE', 'the restore of the database was not confirmed', {
    hint: 'type "database" when asked, or add --yes'
  })
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}
