// What the node's commands print for people; those about updates are in describe-apply.ts. JSON results go out as they
// are; here they become a few lines of text.
import { type LinksText, linkLines } from '../src/cli/links-command.ts'
import { formatBytes, formatCount, formatTable } from '../src/cli/output.ts'
import { describeStick } from '../src/stick/describe.ts'
import type { WatchedStick } from '../src/stick/watched-stick.ts'
import type { PendingTransaction, SetAsideInfo } from './apply/types.ts'
import type { CheckResult } from './checks/types.ts'
import type { Collected } from './collect.ts'
import { type Blocked, pendingText, setAsideText } from './describe-apply.ts'
import { transferLine } from './describe-transfers.ts'
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
  const lines = [`${formatCount(packs.checked, 'pack')} read, ${packs.bad.length} damaged`]
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
    `${done}: ${formatCount(freed.packs, 'pack')}, ${formatBytes(freed.bytes)}`,
    `kept: ${formatCount(kept.packs, 'pack')}, ${formatBytes(kept.bytes)}`
  ].join('\n')
}
