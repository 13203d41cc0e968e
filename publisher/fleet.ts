// `fleet`: what every branch runs, from the newest report that reached the publisher by any path.
import { asChasquiError } from '../src/errors.ts'
import { type ChannelHalt, Evidence } from '../src/fleet/evidence.ts'
import type { VerifiedRecord } from '../src/fleet/record.ts'
import { openReport, parseReportHeader } from '../src/fleet/report.ts'
import type { ReportBody, ReportHeader } from '../src/fleet/report-content.ts'
import { formatTime } from '../src/trust/bytes.ts'
import { type SigningKeyPair, sealingPairOf } from '../src/trust/keys.ts'
import type { PublisherApp } from './app.ts'
import { type BranchReleases, type FleetRelease, releasesInUse } from './fleet-releases.ts'
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
  /** of the app that is worst off */
  health: ReportBody['apps'][number]['health']
  /** of each app: what failed last, as long as nothing was applied since */
  failures: FleetFailure[]
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

export interface FleetFailure {
  app: string
  releases: { module: string; version: string }[]
  /** `rolled-back`, `rollback-failed`, … */
  result: string
  at: string
  code: string
  reason: string
}

export interface FleetOverview {
  branches: FleetBranch[]
  releases: FleetRelease[]
  /** releases that branches hold, because too many failed with them or because the publisher said so */
  halts: ChannelHalt[]
}

/** What is read of one report. */
interface Told {
  record: VerifiedRecord
  header: ReportHeader
  /** why there is nothing in the header */
  nonsense: ReportBody['problems']
  /** null: sealed to an earlier key, or damaged */
  body: ReportBody | null
}

/** By name; branches that never reported are among them. Throws TUF_*, KEY_MISSING (sealing). */
export async function fleetOverview(app: PublisherApp): Promise<FleetOverview> {
  const { channels } = await app.fleet.view()
  await app.records.open()
  const told = await readReports(app)
  const branches: FleetBranch[] = []
  const users = usersOf(told)
  for (const one of told) {
    branches.push(await describe(app, one, users.get(one.record.member.invite) ?? []))
  }
  const heard = new Set(told.map(({ record }) => record.member.node))
  for (const line of await listBranches(app)) {
    if (line.id === null || !heard.has(line.id)) branches.push(silent(line))
  }
  branches.sort(byName)
  const reported = told.map(releasesOf).sort(byName)
  const releases = releasesInUse(channels, reported, namesOf(app))
  return { branches, releases, halts: new Evidence(app.records.set).halts(channels) }
}

async function readReports(app: PublisherApp): Promise<Told[]> {
  const sealing = sealingPairOf((await app.keys.openOne('sealing')).seed)
  return app.records.set
    .list('report')
    .filter(({ member }) => member.role === 'branch')
    .map((record) => ({ record, ...readHeader(record), body: openBody(record, sealing) }))
}

/** A member that writes nonsense is shown with what is known of it. */
function readHeader({ header }: VerifiedRecord): Pick<Told, 'header' | 'nonsense'> {
  try {
    return { header: parseReportHeader(header), nonsense: [] }
  } catch (error) {
    const { code, message } = asChasquiError(error)
    const feed = { key: '', db: 0, blobs: 0 }
    return {
      header: { schema: 1, feed, apps: {}, outcomes: [], stale: false },
      nonsense: [{ code, message }]
    }
  }
}

function releasesOf({ record, header, body }: Told): BranchReleases {
  return { name: record.member.name, apps: header.apps, sources: body?.sources ?? [] }
}

/** Node keys of everybody who has said anything, and of this publisher. */
function namesOf(app: PublisherApp): Map<string, string> {
  const names = new Map(app.records.set.list().map(({ member }) => [member.node, member.name]))
  return names.set(app.member.node, app.identity.name)
}

async function describe(
  app: PublisherApp,
  { record, header, nonsense, body }: Told,
  users: readonly string[]
): Promise<FleetBranch> {
  const { node, invite, name, groups } = record.member
  const { revoked } = await app.fleet.view()
  const hearing = await app.records.heard('report', node)
  const apps = body?.apps ?? []
  return {
    id: node,
    name,
    groups,
    reportedAt: formatTime(record.at),
    lastHeard: hearing === null ? null : formatTime(hearing.at),
    via: hearing?.via ?? null,
    apps,
    modules: modulesOf(header.apps),
    health: healthOf(apps),
    failures: failuresOf(body?.transactions ?? []),
    stale: header.stale,
    conflict: body?.feed.conflict ?? null,
    feedLength: header.feed.db,
    transactions: body?.transactions ?? [],
    problems: [...nonsense, ...(body?.problems ?? [])],
    revoked: isRevoked(revoked, record.member),
    ...(await clonesOf(app, node, invite, users))
  }
}

/** Others that use the same invite, and whether it is theirs. */
async function clonesOf(app: PublisherApp, node: string, invite: string, users: readonly string[]) {
  const clones = users.filter((one) => one !== node)
  const owner = clones.length === 0 ? null : await ownerOf(await app.fleet.view(), invite)
  return { clones, clone: owner !== null && owner !== node }
}

/** Nodes by the invite that they joined with. */
function usersOf(told: readonly Told[]): Map<string, string[]> {
  const users = new Map<string, string[]>()
  for (const { record } of told) {
    const { invite, node } = record.member
    users.set(invite, [...(users.get(invite) ?? []), node])
  }
  return users
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
  for (const bad of ['failing', 'rolled-back'] as const) {
    if (apps.some(({ health }) => health === bad)) return bad
  }
  return apps.length > 0 && apps.every(({ health }) => health === 'good') ? 'good' : 'unknown'
}

/** The newest transaction of each app, where it did not do what it should. */
function failuresOf(transactions: ReportBody['transactions']): FleetFailure[] {
  const newest = new Map<string, ReportBody['transactions'][number]>()
  for (const one of transactions) {
    if (one.result !== 'refused' && !newest.has(one.app)) newest.set(one.app, one)
  }
  return [...newest.values()].flatMap(({ app, releases, result, finished: at, error }) => {
    if (result === 'committed' || error === null) return []
    const tried = releases.map(({ module, to }) => ({ module, version: to }))
    return [{ app, releases: tried, result, at, code: error.code, reason: error.message }]
  })
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
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
    failures: [],
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
