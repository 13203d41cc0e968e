// What the commands about updates print for people: what would be applied, was, waits, was set aside, can be gone back to.
import { formatBytes, formatDuration, formatTable } from '../src/cli/output.ts'
import type { BackupInfo, HistoryEntry, PendingTransaction, SetAsideInfo } from './apply/types.ts'

export interface Blocked {
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

export function setAsideText({ app, path, bytes, databases, createdAt }: SetAsideInfo): string {
  const what = [...(path === null ? [] : [`${path} (${formatBytes(bytes)})`]), ...databases]
  return `set aside  ${app}  ${createdAt}  ${what.join(', ')}`
}

export function pendingText({ app, message, retryAt, hold }: PendingTransaction): string[] {
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
