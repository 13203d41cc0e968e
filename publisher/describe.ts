// Results of the publisher's commands as text for people.
import { formatBytes, formatCount, formatDuration, formatTable } from '../src/cli/output.ts'
import type { FleetBranch, FleetOverview } from './fleet.ts'
import type { BranchLine } from './members.ts'
import type { Published } from './publish/result.ts'
import type { ReleaseDiff, ReleaseLine } from './queries.ts'

function describePublished(one: Published): string {
  const name = `${one.module}@${one.version}`
  if (one.moved) return `${name} is published already; ${one.channel} points at it now`
  if (one.unchanged) return `${name} is published already; nothing to do`
  const { added, modified, deleted } = one.changed
  const packs = one.packs.map((pack) =>
    pack.kind === 'full' ? `full ${formatBytes(pack.bytes)}` : `from ${pack.base} ${formatBytes(pack.bytes)}`
  )
  const notHere = (one.notHere ?? []).map(
    (version) => `  no pack from ${version}: that release is not whole on this machine`
  )
  return [
    `${one.dryRun ? 'would release ' : ''}${name} on ${one.channel}: ${formatCount(one.files, 'file')}, ${formatBytes(one.size)} (+${added} ~${modified} -${deleted})`,
    `  packs: ${packs.join(', ')}; ${formatDuration(one.ms)}`,
    ...notHere
  ].join('\n')
}

export interface PublishedMany {
  releases: Published[]
  unchanged: { module: string; version: string }[]
  ms: number
}

/** A publish that waits for more signatures (`sign`). */
export interface WaitingResult {
  request?: string
  missing?: { role: string; have: number; need: number }[]
}

export function describePublishResult(result: (Published | PublishedMany) & WaitingResult): string {
  const { request, missing = [] } = result
  if (request === undefined) return describeReleased(result)
  const open = missing.map(({ role, have, need }) => `${role} has ${have} of ${need} signatures`)
  return [`not released yet, waiting for signatures: ${open.join(', ')}`, `  request: ${request}`].join('\n')
}

function describeReleased(result: Published | PublishedMany): string {
  if (!('releases' in result)) return describePublished(result)
  const lines = result.releases.map(describePublished)
  if (result.unchanged.length > 0) {
    lines.push(
      `unchanged: ${result.unchanged.map(({ module, version }) => `${module}@${version}`).join(', ')}`
    )
  }
  return lines.join('\n')
}

export function describeReleases(lines: readonly ReleaseLine[]): string {
  if (lines.length === 0) return 'nothing is published yet'
  const rows = lines.map((line) => [
    line.module,
    line.track,
    line.version,
    line.created.slice(0, 10),
    formatBytes(line.size),
    line.packs.map((pack) => `${pack.kind} ${formatBytes(pack.bytes)}`).join(' '),
    [...line.channels, ...(line.yanked === null ? [] : ['WITHDRAWN'])].join(' ')
  ])
  return formatTable([['MODULE', 'TRACK', 'VERSION', 'DATE', 'SIZE', 'PACKS', 'CHANNELS'], ...rows])
}

export function describeDiff(diff: ReleaseDiff): string {
  const lines = [
    ...diff.added.map(({ path, size }) => `+ ${path} (${formatBytes(size)})`),
    ...diff.modified.map(
      ({ path, size, before }) => `~ ${path} (${formatBytes(before)} → ${formatBytes(size)})`
    ),
    ...diff.renamed.map(({ from, to }) => `> ${from} → ${to}`),
    ...diff.deleted.map(({ path, size }) => `- ${path} (${formatBytes(size)})`)
  ]
  return lines.length === 0 ? 'no difference' : lines.join('\n')
}

export function describeBranches(lines: readonly BranchLine[]): string {
  if (lines.length === 0) return 'nobody was invited yet'
  const rows = lines.map((line) => [
    line.name,
    line.id?.slice(0, 12) ?? 'not joined',
    line.groups.join(' '),
    line.modules.join(' '),
    line.revoked ? 'REVOKED' : (line.expires ?? '')
  ])
  return formatTable([['NAME', 'NODE', 'GROUPS', 'MODULES', 'INVITE ENDS'], ...rows])
}

export function describeFleet({ branches, halts }: FleetOverview): string {
  if (branches.length === 0) return 'nobody was invited yet'
  const rows = branches.map((branch) => [
    branch.name,
    branch.lastHeard ?? 'never',
    branch.via ?? '',
    Object.entries(branch.modules)
      .map(([module, version]) => `${module}@${version}`)
      .join(' '),
    offered(branch),
    branch.health,
    marks(branch)
  ])
  const table = formatTable([['BRANCH', 'HEARD', 'VIA', 'RUNS', 'AVAILABLE', 'HEALTH', ''], ...rows])
  return [table, ...halts.map(halted), ...branches.flatMap(failed)].join('\n')
}

/** What the branch could run and does not, with what keeps it. */
function offered({ apps }: FleetBranch): string {
  const waiting = apps.flatMap(({ modules }) => modules.filter(({ available }) => available !== null))
  return waiting
    .map(({ module, available, state }) =>
      state === 'available' ? `${module}@${available}` : `${module}@${available} (${state})`
    )
    .join(' ')
}

function marks(branch: FleetBranch): string {
  return [
    branch.stale ? 'stale' : '',
    branch.revoked ? 'revoked' : '',
    branch.clone ? 'A CLONE' : branch.clones.length > 0 ? 'CLONED' : '',
    branch.conflict === null ? '' : 'SAW A FORKED FEED'
  ]
    .filter((mark) => mark !== '')
    .join(' ')
}

function halted({ channel, reason }: FleetOverview['halts'][number]): string {
  return `halted on ${channel}: ${reason}`
}

/** One line for each app whose last update failed, and for what else the branch cannot do. */
function failed({ name, failures, problems }: FleetBranch): string[] {
  const lines = failures.map(({ releases, result, at, code, reason }) => {
    const tried = releases.map(({ module, version }) => `${module}@${version}`).join(' ')
    return `${name}: ${tried} ${result} ${at}: ${code}: ${firstLine(reason)}`
  })
  return [...lines, ...problems.map(({ code, message }) => `${name}: ${code}: ${firstLine(message)}`)]
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
