// Brings everything together that the pure plan needs: configuration, what the engine has installed, what the fleet says,
// the windows. Reads; changes nothing but its own note of since when something has been waiting.
import { isDowngradeAllowed } from '../src/fleet/downgrade.ts'
import type { Evidence } from '../src/fleet/evidence.ts'
import { matchesAny } from '../src/fleet/pattern.ts'
import { plan } from '../src/fleet/plan.ts'
import type { Blocked, PlanApp, PlanInput, PlanMode, PlannedTransaction } from '../src/fleet/plan-input.ts'
import { decideTiming, type OffTime } from '../src/fleet/timing.ts'
import type { StateStore } from '../src/system/state.ts'
import { formatTime } from '../src/trust/bytes.ts'
import type { VerifiedMember } from '../src/trust/membership.ts'
import { judgeFreshness } from '../src/trust/trust.ts'
import { KEYS } from './apply/records.ts'
import type { Engine, QuarantineEntry } from './apply/types.ts'
import type { Catalog, ReleaseCache } from './catalog.ts'
import type { AppConfig } from './config/apps.ts'
import type { NodeConfig } from './config/schema.ts'
import type { FleetView } from './trust-keeper.ts'

export interface PlannerParts {
  config(): NodeConfig
  engine: Engine
  state: StateStore
  cache: ReleaseCache
  evidence: Evidence
  /** fleet id, hex */
  fleet: string
  member(): VerifiedMember
  now(): number
  /** when this node did not run */
  offTimes(): OffTime[]
}

export interface NodePlan {
  view: FleetView
  catalog: Catalog
  transactions: PlannedTransaction[]
}

/** A release that an operator has taken back by hand. */
export function declinedKey(
  app: string,
  release: { module: string; track: string; version: string }
): string {
  return `declined/${app}/${release.module}/${release.track}/${release.version}`
}

/** The plan from one view of the fleet; `only` keeps apps by name. */
export async function makePlan(
  parts: PlannerParts,
  view: FleetView,
  mode: PlanMode,
  only?: string
): Promise<NodePlan> {
  const configs = Object.values(parts.config().apps).filter((app) => only === undefined || app.name === only)
  const apps = await Promise.all(configs.map((app) => planApp(parts, view, app)))
  const catalog = await parts.cache.load(view, modulesOf(view, apps))
  const entries = await quarantine(parts, apps)
  const input: PlanInput = {
    now: parts.now(),
    mode,
    branch: branchOf(parts.member()),
    entitled: parts.member().modules,
    apps,
    channels: view.channels,
    yanks: view.yanks,
    releases: (module, track) => catalog.releases(module, track),
    quarantined: (app, one) => entries(app, one)?.isClosed === true,
    triedTogether: (app, one) => entries(app, one)?.together === true,
    halted: (channel, release) => parts.evidence.halt(view.channels, channel, release)?.reason ?? null,
    downgradeAllowed: (channel, release, fromReleased) =>
      isAllowed(parts, view, channel, release, fromReleased),
    stale: staleReason(parts, view)
  }
  const timed = await Promise.all(
    apps.map(async (app, i) => ({
      ...app,
      window: { ...app.window, closed: await whyClosed(parts, view, configs[i] as AppConfig, plan(input)) }
    }))
  )
  return { view, catalog, transactions: plan({ ...input, apps: timed }) }
}

async function planApp(parts: PlannerParts, view: FleetView, app: AppConfig): Promise<PlanApp> {
  const { engine, state } = parts
  const installed = await engine.installed(app.name)
  const floors = new Map(await state.list(KEYS.floor(app.name)))
  const declined = new Map(await state.list(`declined/${app.name}/`))
  return {
    name: app.name,
    channel: app.channel,
    modules: app.modules,
    tracks: app.track,
    auto: app.auto,
    window: { text: app.window?.text ?? null, closed: null },
    holds: await engine.holds(app.name),
    platforms: platforms(process.platform, process.arch),
    appVersion: app['app-version'] ?? null,
    installed: new Map(installed.map(({ module, track, version }) => [module, { track, version }])),
    floor: (module, track) => (floors.get(KEYS.floor(app.name, module, track)) as string | undefined) ?? null,
    declined: (release) => declined.has(declinedKey(app.name, release)),
    // what the fleet does not know may be the application's own; the engine asks the application itself
    provides: (module) => app.profile !== 'generic' && !channelModules(view, app.channel).includes(module)
  }
}

/** `linux` and `linux-x64`, `win` and `win-x64`, … */
export function platforms(platform: NodeJS.Platform, arch: string): string[] {
  const name = platform === 'win32' ? 'win' : platform
  return [name, `${name}-${arch}`]
}

function branchOf(member: VerifiedMember) {
  return { node: member.node, name: member.name, groups: member.groups }
}

/** Modules that any app may install or has installed. */
function modulesOf(view: FleetView, apps: readonly PlanApp[]): Set<string> {
  const modules = new Set<string>()
  for (const app of apps) {
    for (const module of app.installed.keys()) modules.add(module)
    for (const module of channelModules(view, app.channel)) {
      if (matchesAny(app.modules, module)) modules.add(module)
    }
  }
  return modules
}

function channelModules(view: FleetView, channel: string): string[] {
  const { channels } = view.channels
  return Object.hasOwn(channels, channel) ? Object.keys(channels[channel] ?? {}) : []
}

/** What is noted against a release in an app. */
async function quarantine(parts: PlannerParts, apps: readonly PlanApp[]) {
  const nameOf = (app: string, one: { module: string; track: string; version: string }) =>
    `${app}/${one.module}/${one.track}/${one.version}`
  const entries = new Map<string, QuarantineEntry>()
  for (const { name } of apps) {
    for (const entry of await parts.engine.quarantine(name)) entries.set(nameOf(name, entry), entry)
  }
  return (...name: Parameters<typeof nameOf>) => entries.get(nameOf(...name))
}

function isAllowed(
  parts: PlannerParts,
  view: FleetView,
  channel: string,
  release: { module: string; track: string; version: string },
  fromReleased: number | null
): boolean {
  const { module, track, version } = release
  const delegations = view.trust.set.targets?.delegations ?? null
  const { channels } = view
  const now = parts.now()
  return isDowngradeAllowed({
    channels,
    delegations,
    fleet: parts.fleet,
    now,
    channel,
    module,
    track,
    version,
    fromReleased
  })
}

function staleReason(parts: PlannerParts, view: FleetView): string | null {
  const { freshness } = view.trust
  if (judgeFreshness(freshness, parts.config().node.stale) !== 'held') return null
  const signed = freshness.signedAt === null ? 'at an unknown time' : formatTime(freshness.signedAt)
  return `the publisher's news were signed ${signed} and have run out; the policy is to hold`
}

/** Why the app's window does not let it happen now. */
async function whyClosed(
  parts: PlannerParts,
  view: FleetView,
  app: AppConfig,
  open: readonly PlannedTransaction[]
): Promise<Blocked | null> {
  const ready = open.filter((one) => one.app === app.name && one.blocked === null)
  const wanted = ready.flatMap(({ releases }) => releases).map((one) => `${one.module}@${one.to}`)
  const availableSince = await waitingSince(parts, app.name, wanted)
  const timing = decideTiming({
    windows: app.window?.windows,
    timeZone: app.timezone,
    missed: app['window-missed'],
    now: parts.now(),
    timeFloor: view.trust.freshness.signedAt ?? 0,
    availableSince,
    off: parts.offTimes(),
    isForced: false
  })
  switch (timing.when) {
    case 'now':
      return null
    case 'ask':
      return {
        code: 'PLAN_WINDOW',
        reason: `the window ${app.window?.text} was missed; "node apply --now" applies it`
      }
    case 'later': {
      if (timing.why === 'clock-behind') {
        const reason = 'the clock of this machine is behind the signed time, so no window can be trusted'
        return { code: 'PLAN_WINDOW', reason }
      }
      const opens = timing.at === null ? '' : `; it opens ${formatTime(timing.at)}`
      return { code: 'PLAN_WINDOW', reason: `outside the window ${app.window?.text}${opens}` }
    }
  }
}

/** Since when (ms) the oldest of what is wanted could have been applied; remembered over restarts. */
async function waitingSince(parts: PlannerParts, app: string, wanted: readonly string[]): Promise<number> {
  const key = `waiting/${app}`
  const known = ((await parts.state.get(key)) as Record<string, number> | undefined) ?? {}
  const now = parts.now()
  const current = Object.fromEntries(wanted.map((name) => [name, known[name] ?? now]))
  if (JSON.stringify(current) !== JSON.stringify(known)) await parts.state.put({ [key]: current })
  return Math.min(now, ...Object.values(current))
}
