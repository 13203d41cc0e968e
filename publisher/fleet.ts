// `fleet`: what every branch runs, from the newest report that reached the publisher by any path.
import type { Channels } from '../src/fleet/channels.ts'
import type { VerifiedRecord } from '../src/fleet/record.ts'
import { openReport, parseReportHeader, type ReportBody } from '../src/fleet/report.ts'
import { formatTime } from '../src/trust/bytes.ts'
import { type SigningKeyPair, sealingPairOf } from '../src/trust/keys.ts'
import type { PublisherApp } from './app.ts'
import { ownerOf } from './grants.ts'
import { type BranchLine, isRevoked, listBranches } from './members.ts'

export interface FleetBranch {
  /** node key, hex; null: nobody has reported with the invite yet */
  id: string | null
  name: string
  groups: string[]
  /** by the branch's own clock */
  reportedAt: string | null
  /** when the report reached the publisher */
  lastHeard: string | null
  /** name of the peer or stick that brought it */
  via: string | null
  apps: ReportBody['apps']
  /** module → version */
  modules: Record<string, string>
  health: 'good' | 'failing' | 'unknown'
  stale: boolean
  /** a second signed history of the feed that it saw, in words */
  conflict: string | null
  /** db blocks of the feed that it has */
  feedLength: number | null
  transactions: ReportBody['transactions']
  problems: ReportBody['problems']
  revoked: boolean
  /** other nodes that use the same invite: a copied home or a leaked invite */
  clones: string[]
  /** the invite belongs to another of them: no member serves this one */
  clone: boolean
}

/** A release that matters now: a channel points at it, or a branch runs it. */
export interface FleetRelease {
  module: string
  /** null: known from reports only */
  track: string | null
  version: string
  channels: string[]
  yanked: boolean
  /** names of the branches that run it */
  branches: string[]
}

export interface FleetOverview {
  branches: FleetBranch[]
  releases: FleetRelease[]
}

export async function fleetOverview(app: PublisherApp): Promise<FleetOverview> {
  const view = await app.fleet.view()
  await app.records.open()
  const sealing = sealingPairOf((await app.keys.openOne('sealing')).seed)
  const reports = app.records.set.list('report').filter(({ member }) => member.role === 'branch')
  const branches: FleetBranch[] = []
  for (const record of reports) {
    const clones = reports.flatMap(({ member }) =>
      member.invite === record.member.invite && member.node !== record.member.node ? [member.node] : []
    )
    const { node, invite } = record.member
    const owner = clones.length === 0 ? null : await ownerOf(view, invite)
    branches.push({
      ...(await describe(app, record, sealing)),
      revoked: isRevoked(view.revoked, record.member),
      clones,
      clone: owner !== null && owner !== node
    })
  }
  const heard = new Set(reports.map(({ member }) => member.node))
  for (const line of await listBranches(app)) {
    if (line.id === null || !heard.has(line.id)) branches.push(silent(line))
  }
  branches.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return { branches, releases: releasesInUse(view.channels, branches) }
}

/** From channels.json and the reports alone: reading every release.json of a large feed takes too long for an overview. */
function releasesInUse(channels: Channels, branches: readonly FleetBranch[]): FleetRelease[] {
  const found = new Map<string, FleetRelease>()
  const entry = (module: string, track: string | null, version: string) => {
    const key = `${module}@${version}`
    const release = found.get(key) ?? { module, track, version, channels: [], yanked: false, branches: [] }
    found.set(key, release)
    return release
  }
  for (const [channel, modules] of Object.entries(channels.channels)) {
    for (const [module, tracks] of Object.entries(modules)) {
      for (const [track, { version }] of Object.entries(tracks))
        entry(module, track, version).channels.push(channel)
    }
  }
  for (const { name, modules } of branches) {
    for (const [module, version] of Object.entries(modules)) entry(module, null, version).branches.push(name)
  }
  for (const release of found.values()) {
    const tracks = Object.values(channels.yanked[release.module] ?? {})
    release.yanked = tracks.some((versions) => Object.hasOwn(versions, release.version))
  }
  return [...found.values()].sort((a, b) => (a.module < b.module ? -1 : a.module > b.module ? 1 : 0))
}

async function describe(
  app: PublisherApp,
  record: VerifiedRecord,
  sealing: SigningKeyPair
): Promise<Omit<FleetBranch, 'revoked' | 'clones' | 'clone'>> {
  const { member } = record
  const header = parseReportHeader(record.header)
  const body = openBody(record, sealing)
  const hearing = await app.records.heard('report', member.node)
  const apps = body?.apps ?? []
  return {
    id: member.node,
    name: member.name,
    groups: member.groups,
    reportedAt: formatTime(record.at),
    lastHeard: hearing === null ? null : formatTime(hearing.at),
    via: hearing?.via ?? null,
    apps,
    modules: modulesOf(header.apps),
    health: healthOf(apps),
    stale: header.stale,
    conflict: body?.feed.conflict ?? null,
    feedLength: header.feed.db,
    transactions: body?.transactions ?? [],
    problems: body?.problems ?? []
  }
}

/** A report that was sealed to an earlier key still shows what its header says. */
function openBody(record: VerifiedRecord, sealing: SigningKeyPair): ReportBody | null {
  try {
    return openReport(record.body, sealing)
  } catch {
    return null
  }
}

function modulesOf(apps: Record<string, Record<string, string>>): Record<string, string> {
  const all = Object.values(apps).flatMap((modules) => Object.entries(modules))
  return Object.fromEntries(all.map(([module, at]) => [module, at.slice(at.indexOf('@') + 1)]))
}

function healthOf(apps: ReportBody['apps']): FleetBranch['health'] {
  if (apps.some(({ health }) => health === 'failing')) return 'failing'
  return apps.length > 0 && apps.every(({ health }) => health === 'good') ? 'good' : 'unknown'
}

function silent({ id, name, groups, revoked }: BranchLine): FleetBranch {
  return {
    id,
    name,
    groups,
    reportedAt: null,
    lastHeard: null,
    via: null,
    apps: [],
    modules: {},
    health: 'unknown',
    stale: false,
    conflict: null,
    feedLength: null,
    transactions: [],
    problems: [],
    revoked,
    clones: [],
    clone: false
  }
}
