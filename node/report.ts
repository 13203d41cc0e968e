// Puts this node's report together: what it runs, what happened, what it misses. Its format is src/fleet/report-content.ts.
import type { ErrorCode } from '../src/errors.ts'
import { encodeReportHeader, sealReport } from '../src/fleet/report.ts'
import {
  REPORT_LIMITS,
  type ReportBody,
  type ReportHeader,
  type ReportOutcome
} from '../src/fleet/report-content.ts'
import { diskSpace } from '../src/system/disk.ts'
import { formatTime, fromHex, toHex } from '../src/trust/bytes.ts'
import type { NodeApp } from './app.ts'
import { isOfTheRelease } from './apply/blame.ts'
import type { Failure, HistoryEntry, SetAsideInfo } from './apply/types.ts'
import { orderProblems } from './orders.ts'
import { moduleStates, setAside, sourcesOf, timeOrNull } from './status.ts'

/** Where the rollout round of a release stood when it was applied here. */
export function roundKey(release: { module: string; track: string; version: string }): string {
  return `round/${release.module}/${release.track}/${release.version}`
}

/**
 * Signs and keeps a new report; peers and sticks take it from the records. Does nothing before the fleet's root was
 * known once: without it there is no key to seal to. A feed that cannot be trusted is no reason to be silent.
 */
export async function announceReport(app: NodeApp): Promise<boolean> {
  const sealingKey = fromHex(app.trust.sealing ?? '', 32)
  if (sealingKey === null) return false
  const history = await app.engine.history({ limit: 100 })
  const header = encodeReportHeader(await reportHeader(app, history))
  const body = sealReport(await reportBody(app, history), sealingKey)
  await app.records.announce('report', header, body)
  return true
}

async function reportHeader(app: NodeApp, history: readonly HistoryEntry[]): Promise<ReportHeader> {
  const { db, blobs } = app.feed.length()
  const apps: ReportHeader['apps'] = {}
  for (const name of Object.keys(app.config.apps)) {
    const installed = await app.engine.installed(name)
    apps[name] = Object.fromEntries(installed.map((one) => [one.module, `${one.track}@${one.version}`]))
  }
  return {
    schema: 1,
    feed: { key: toHex(app.feed.key), db, blobs },
    apps,
    outcomes: await outcomes(app, history),
    stale: app.trust.view?.trust.freshness.stale ?? false,
    wants: [...new Set(Object.values(app.config.apps).flatMap(({ modules }) => modules))].slice(0, 1_000)
  }
}

/**
 * The newest attempt with each release, newest first. One in which trouble of the machine was in the way says nothing about the
 * release, and does not hide an earlier one that does.
 */
async function outcomes(app: NodeApp, history: readonly HistoryEntry[]): Promise<ReportOutcome[]> {
  const newest = new Map<string, ReportOutcome>()
  for (const entry of history) {
    // what has passed its checks but waits for its users is no outcome yet
    if (entry.kind !== 'update' || entry.result === 'refused' || entry.result === 'unfinished') continue
    const isMachines = entry.error !== undefined && !isOfTheRelease(entry.error)
    for (const { module, track, to } of entry.releases) {
      const key = `${entry.app}/${module}/${track}/${to}`
      const known = newest.get(key)
      if (to === null || (known !== undefined && (known.machine !== true || isMachines))) continue
      const round =
        ((await app.state.get(roundKey({ module, track, version: to }))) as number | undefined) ?? 0
      const together = entry.blamed?.includes(module) === false ? { together: true } : {}
      newest.set(key, {
        app: entry.app,
        module,
        track,
        version: to,
        round,
        result: entry.result,
        ...together,
        ...(isMachines ? { machine: true } : {})
      })
    }
  }
  return [...newest.values()].slice(0, REPORT_LIMITS.outcomes)
}

async function reportBody(app: NodeApp, history: readonly HistoryEntry[]): Promise<ReportBody> {
  const freshness = app.trust.view?.trust.freshness
  const held: string[] = []
  for (const name of Object.keys(app.config.apps)) held.push(...(await app.engine.holds(name)))
  return {
    schema: 1,
    created: formatTime(app.now()),
    node: {
      name: app.name,
      environment: app.config.node.environment,
      platform: `${process.platform}-${process.arch}`,
      software: app.version,
      started: formatTime(app.startedAt)
    },
    feed: {
      length: app.feed.length().db,
      signedAt: timeOrNull(freshness?.signedAt),
      heardAt: timeOrNull(app.trust.heardAt),
      stale: freshness?.stale ?? false,
      conflict: app.feed.conflict === null ? null : `two histories of ${app.feed.conflict.core} were seen`
    },
    apps: await reportApps(app, history),
    transactions: history.slice(0, REPORT_LIMITS.transactions).map(reportTransaction),
    problems: [...app.problems.values(), ...(await orderProblems(app))].slice(0, 50),
    held: [...new Set(held)].sort(),
    setAside: (await setAside(app)).slice(0, 20).map(reportSetAside),
    disk: await disks(app),
    sources: await sources(app, history)
  }
}

async function reportApps(app: NodeApp, history: readonly HistoryEntry[]): Promise<ReportBody['apps']> {
  const states = await moduleStates(app)
  return states.map(({ app: name, profile, modules }) => ({
    name,
    profile,
    health: healthOf(history.find((entry) => entry.app === name && entry.result !== 'refused')),
    modules: modules
      .filter((one) => one.version !== null)
      .map((one) => ({
        module: one.module,
        track: one.track,
        version: one.version as string,
        available: one.available,
        state: one.state,
        drift: driftOf(history, name, one.module)
      }))
  }))
}

/** By the newest transaction that changed anything. */
function healthOf(last: HistoryEntry | undefined): ReportBody['apps'][number]['health'] {
  if (last === undefined) return 'unknown'
  const isOpen = last.result === 'rollback-failed' || last.result === 'unfinished'
  if (isOpen && last.settledAt === undefined) return 'failing'
  return last.result === 'committed' ? 'good' : 'rolled-back'
}

/** What the last transaction that touched a module found changed. */
function driftOf(history: readonly HistoryEntry[], app: string, module: string) {
  const drift = history
    .find((entry) => entry.app === app && entry.drift?.some((one) => one.module === module))
    ?.drift?.find((one) => one.module === module)
  const files = [...(drift?.changed ?? []), ...(drift?.missing ?? [])]
  return { count: files.length, files: files.slice(0, 20) }
}

function reportTransaction(entry: HistoryEntry): ReportBody['transactions'][number] {
  const last = entry.alsoFailed?.at(-1)
  const failed = entry.steps.findLast((step) => !step.ok)
  return {
    id: entry.transaction,
    app: entry.app,
    finished: formatTime(Date.parse(entry.endedAt)),
    result: entry.result,
    releases: entry.releases.map(({ module, track, from, to }) => ({ module, track, from, to: to ?? '' })),
    ms: Math.round(entry.steps.reduce((sum, step) => sum + step.ms, 0)),
    error: entry.error === undefined ? null : reportFailure(entry.error),
    ...(last === undefined ? {} : { alsoFailed: reportFailure(last) }),
    excerpt: (failed?.output ?? '').slice(-REPORT_LIMITS.excerpt)
  }
}

function reportSetAside({ app, createdAt, path, bytes, databases }: SetAsideInfo) {
  return { app, created: createdAt, path, bytes, databases: databases.slice(0, 20) }
}

function reportFailure({ code, message, step, module }: Failure) {
  return {
    code,
    message: message.slice(0, 2_000),
    ...(step === undefined ? {} : { step }),
    ...(module === undefined ? {} : { module })
  }
}

/** Where the packs of the newest releases came from. */
async function sources(app: NodeApp, history: readonly HistoryEntry[]): Promise<ReportBody['sources']> {
  const found = new Map<string, ReportBody['sources'][number]>()
  for (const { module, track, to } of history.flatMap((entry) => entry.releases).slice(0, 100)) {
    const name = `${module}/${track}/${to}`
    if (to === null || found.has(name)) continue
    const from = await sourcesOf(app, { module, track, version: to })
    if (from.length > 0) found.set(name, { module, track, version: to, from: from.slice(0, 50) })
  }
  return [...found.values()]
}

async function disks(app: NodeApp): Promise<ReportBody['disk']> {
  const paths = [app.paths.root, ...Object.values(app.config.apps).map((one) => one.path)]
  const found: ReportBody['disk'] = []
  for (const path of paths.slice(0, 20)) {
    const space = await diskSpace(path)
    if (space !== null) found.push({ path, ...space })
  }
  return found
}

/** Something that went wrong outside a transaction. */
export interface Problem {
  code: ErrorCode
  message: string
}
