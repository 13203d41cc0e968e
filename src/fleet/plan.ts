// What a branch would apply now, and why not the rest. Pure: channel pointers, what is installed, the operator's policy
// and the signed limits come in; transactions and reasons come out. It decides nothing about bytes or disks.
import type { ErrorCode } from '../errors.ts'
import { satisfies } from '../release/range.ts'
import type { Release } from '../release/release.ts'
import { compareVersions } from '../release/version.ts'
import { inTransactions } from './apart.ts'
import { type Channels, pointerOf, tracksOf, type Yanks, yankOf } from './channels.ts'
import { matchesAny } from './pattern.ts'
import { orderByNeed, settleRequirements } from './requires.ts'
import { type Branch, reachOf } from './rollout.ts'

export interface PlanApp {
  name: string
  channel: string
  /** name patterns of the modules that belong to the app */
  modules: readonly string[]
  /** tracks that it follows, by preference; empty: the one installed, or the only one */
  tracks: readonly string[]
  auto: 'none' | 'critical' | 'minor' | 'all'
  /** as it is written; and why it is not open now, or null */
  window: { text: string | null; closed: Blocked | null }
  /** name patterns that an operator has stopped */
  holds: readonly string[]
  /** what the machine and the application are, for `compat`: `linux`, `linux-x64`, … */
  platforms: readonly string[]
  /** version of the application that the modules extend, when it is known */
  appVersion: string | null
  installed: ReadonlyMap<string, { track: string; version: string }>
  /** the highest version that ever passed its checks here, where it is above what is installed */
  floor(module: string, track: string): string | null
  /** was it taken back by hand here? Then it does not come again by itself */
  declined(release: { module: string; track: string; version: string }): boolean
  /** modules that the application brings itself: nothing of ours, but enough for what needs them */
  provides(module: string): boolean
}

/** `automatic`: by policy and window; `manual`: somebody asked, in the window; `now`: somebody asked for now. */
export type PlanMode = 'automatic' | 'manual' | 'now'

export interface PlanInput {
  now: number
  mode: PlanMode
  branch: Branch
  /** module patterns of the branch's licence; empty: all */
  entitled: readonly string[]
  apps: readonly PlanApp[]
  channels: Channels
  /** everything that was ever heard to be withdrawn */
  yanks: Yanks
  /** the verified releases of a module and track, in any order */
  releases(module: string, track: string): readonly Release[]
  quarantined(app: string, release: { module: string; track: string; version: string }): boolean
  /** did it fail with others, and nobody knows whose fault it was? */
  triedTogether(app: string, release: { module: string; track: string; version: string }): boolean
  /** why branches hold a release by themselves, or null */
  halted(channel: string, release: { module: string; track: string; version: string }): string | null
  /** is there a statement, signed by the release key, that allows to go down to this? */
  downgradeAllowed(channel: string, release: { module: string; track: string; version: string }): boolean
  /** set when the metadata is too old and the policy is to hold */
  stale: string | null
}

export interface Blocked {
  code: ErrorCode
  reason: string
}

export interface PlannedRelease {
  module: string
  track: string
  from: string | null
  to: string
  severity: 'critical' | 'normal'
  release: Release | null
}

export interface PlannedTransaction {
  app: string
  releases: PlannedRelease[]
  window: string | null
  blocked: Blocked | null
}

/** One step of one module of one app, before the app's steps are put together. */
export interface Step extends PlannedRelease {
  blocked: Blocked | null
}

/** The plan: per app the transactions that can run (one, or those that are tried apart), then one entry for each thing that is blocked. */
export function plan(input: PlanInput): PlannedTransaction[] {
  return input.apps.flatMap((app) => planApp(input, app))
}

function planApp(input: PlanInput, app: PlanApp): PlannedTransaction[] {
  const steps = wantedModules(input, app)
    .map((module) => planModule(input, app, module))
    .filter((step) => step !== null)
  settleRequirements(steps, app, input)
  const ready = orderByNeed(steps.filter((step) => step.blocked === null))
  const waiting = steps.filter((step) => step.blocked !== null)
  const hold = ready.length === 0 ? null : holdAll(input, app)
  const running = inTransactions(ready, app, input).map((steps) => transaction(app, steps, hold))
  return [...running, ...waiting.map((step) => transaction(app, [step], step.blocked))]
}

function transaction(app: PlanApp, steps: Step[], blocked: Blocked | null): PlannedTransaction {
  const releases = steps.map(({ blocked: _, ...release }) => release)
  return { app: app.name, releases, window: app.window.text, blocked }
}

/** What stops the whole transaction, whatever is in it. */
function holdAll(input: PlanInput, app: PlanApp): Blocked | null {
  if (input.stale !== null) return { code: 'PLAN_STALE', reason: input.stale }
  return input.mode === 'now' ? null : app.window.closed
}

/** Modules of the channel that match the app's patterns, and everything that is installed; sorted. */
function wantedModules(input: PlanInput, app: PlanApp): string[] {
  const onChannel = Object.hasOwn(input.channels.channels, app.channel)
    ? Object.keys(input.channels.channels[app.channel] ?? {})
    : []
  const matching = onChannel.filter((module) => matchesAny(app.modules, module))
  return [...new Set([...matching, ...app.installed.keys()])].sort()
}

/** The step that the channel asks of one module, or null when it is where it should be. */
function planModule(input: PlanInput, app: PlanApp, module: string): Step | null {
  const here = app.installed.get(module) ?? null
  const track = chooseTrack(input, app, module)
  if (track === null) return ambiguous(input, app, module)
  const pointer = pointerOf(input.channels, app.channel, module, track)
  if (pointer === null) return null
  const from = here !== null && here.track === track ? here.version : null
  const aimed = { module, track, version: pointer.version }
  if (from === aimed.version) return null
  const reach = reachOf(pointer.rollout, aimed, input.branch, input.now)
  if (reach !== 'reached') {
    const earlier = pointer.rollout?.from ?? null
    if (earlier === null || earlier === from || earlier === aimed.version)
      return stepTo(input, aimed, from, notReached(reach, aimed))
    aimed.version = earlier
    // a branch that is past the earlier release (the rollout was narrowed) stays where it is
    const release = find(input, aimed)
    if (from !== null && (release === null || compareVersions(release.order, from, earlier) >= 0)) return null
  }
  return planStep(input, app, aimed, from)
}

function chooseTrack(input: PlanInput, app: PlanApp, module: string): string | null {
  const tracks = tracksOf(input.channels, app.channel, module)
  const preferred = app.tracks.find((track) => tracks.includes(track))
  if (preferred !== undefined) return preferred
  const installed = app.installed.get(module)?.track
  if (installed !== undefined && app.tracks.length === 0) return installed
  if (app.tracks.length > 0 && tracks.every((track) => track !== 'default')) return null
  return tracks.length === 1 ? (tracks[0] as string) : null
}

function ambiguous(input: PlanInput, app: PlanApp, module: string): Step | null {
  const tracks = tracksOf(input.channels, app.channel, module)
  // a module of another series only is none of this app's business
  if (tracks.length === 0 || app.tracks.length > 0) return null
  const reason = `${module} has the tracks ${tracks.join(', ')} and the app does not say which`
  const step = {
    module,
    track: '',
    from: null,
    to: '',
    severity: 'normal' as const,
    release: null
  }
  return { ...step, blocked: { code: 'PLAN_TRACK', reason } }
}

function notReached(
  reach: 'later' | 'paused' | 'halted',
  name: { module: string; version: string }
): Blocked {
  const what = `${name.module}@${name.version}`
  switch (reach) {
    case 'later':
      return { code: 'PLAN_ROLLOUT', reason: `the rollout of ${what} has not reached this branch yet` }
    case 'paused':
      return { code: 'PLAN_ROLLOUT', reason: `the rollout of ${what} is paused` }
    case 'halted':
      return { code: 'PLAN_HALTED', reason: `the publisher has halted ${what}` }
  }
}

interface Name {
  module: string
  track: string
  version: string
}

/** Towards `aimed`, by way of the first stepping stone that was not passed. */
function planStep(input: PlanInput, app: PlanApp, aimed: Name, from: string | null): Step {
  const target = find(input, aimed)
  if (target === null) {
    const reason = `${aimed.module}@${aimed.version} is on the channel but not among the signed releases`
    return stepTo(input, aimed, from, { code: 'PLAN_RELEASE_MISSING', reason })
  }
  const stone = from === null ? null : nextStone(input, target, from)
  const name = stone === null ? aimed : { ...aimed, version: stone }
  const release = stone === null ? target : find(input, name)
  if (release === null) {
    const reason = `${aimed.module}@${stone} must come first, and it is not among the signed releases`
    return stepTo(input, name, from, { code: 'PLAN_STEPPING_STONE', reason })
  }
  return stepTo(input, name, from, whyNot(input, app, release, from))
}

function find(input: PlanInput, name: Name): Release | null {
  const releases = input.releases(name.module, name.track)
  return releases.find((release) => release.version === name.version) ?? null
}

/** The lowest release that something on the way from `from` to `target` says must be passed first. */
function nextStone(input: PlanInput, target: Release, from: string): string | null {
  const compare = (a: string, b: string) => compareVersions(target.order, a, b)
  const onTheWay = input
    .releases(target.module, target.track)
    .filter((one) => compare(one.version, from) > 0 && compare(one.version, target.version) <= 0)
  const stones = onTheWay
    .map((one) => one.after)
    .filter((after) => after !== undefined && compare(after, from) > 0 && compare(after, target.version) < 0)
  return stones.sort((a, b) => compare(a as string, b as string))[0] ?? null
}

function stepTo(input: PlanInput, name: Name, from: string | null, blocked: Blocked | null): Step {
  const release = find(input, name)
  return {
    module: name.module,
    track: name.track,
    from,
    to: name.version,
    severity: release?.severity ?? 'normal',
    release,
    blocked
  }
}

/** Why this one release may not be applied to this app, or null. What cannot change by itself comes first. */
function whyNot(input: PlanInput, app: PlanApp, release: Release, from: string | null): Blocked | null {
  const what = `${release.module}@${release.version}`
  const { entitled } = input
  if (entitled.length > 0 && !matchesAny(entitled, release.module)) {
    return { code: 'PLAN_NOT_ENTITLED', reason: `this branch has no licence for ${release.module}` }
  }
  if (matchesAny(app.holds, release.module)) {
    return {
      code: 'PLAN_HELD',
      reason: `${release.module} is held; "node unhold ${release.module}" lets it go on`
    }
  }
  const yanked = yankOf(input.yanks, release.module, release.track, release.version)
  if (yanked !== null) return { code: 'PLAN_YANKED', reason: `${what} was withdrawn: ${yanked.reason}` }
  if (input.quarantined(app.name, release)) {
    return {
      code: 'PLAN_QUARANTINED',
      reason: `${what} failed here before; "node apply ${release.module} --force" tries again`
    }
  }
  const halted = input.halted(app.channel, release)
  if (halted !== null) return { code: 'PLAN_HALTED', reason: halted }
  return (
    whyIncompatible(app, release) ??
    whyNotDown(input, app, release, from) ??
    whyNotByItself(input, app, release, from)
  )
}

function whyIncompatible(app: PlanApp, release: Release): Blocked | null {
  const platforms = release.compat?.platform
  if (platforms !== undefined && !platforms.some((one) => app.platforms.includes(one))) {
    const reason = `${release.module}@${release.version} is for ${platforms.join(', ')}, this is ${app.platforms.join(', ')}`
    return { code: 'PLAN_INCOMPATIBLE', reason }
  }
  const range = release.compat?.app
  if (range !== undefined && app.appVersion !== null && !satisfies('four-part', app.appVersion, range)) {
    const reason = `${release.module}@${release.version} needs the application ${range}, this is ${app.appVersion}`
    return { code: 'PLAN_INCOMPATIBLE', reason }
  }
  return null
}

function whyNotDown(input: PlanInput, app: PlanApp, release: Release, from: string | null): Blocked | null {
  const compare = (a: string, b: string) => compareVersions(release.order, a, b)
  const passed = app.floor(release.module, release.track)
  const floor = passed !== null && (from === null || compare(passed, from) > 0) ? passed : from
  if (floor === null || compare(release.version, floor) >= 0) return null
  if (input.downgradeAllowed(app.channel, release)) return null
  const reason = `${release.module}@${release.version} is lower than ${floor}, and no release key has allowed it`
  return { code: 'PLAN_DOWNGRADE', reason }
}

/** The operator's policy for what happens without being asked. */
function whyNotByItself(
  input: PlanInput,
  app: PlanApp,
  release: Release,
  from: string | null
): Blocked | null {
  if (input.mode !== 'automatic') return null
  if (app.declined(release)) {
    const what = `${release.module}@${release.version}`
    return { code: 'PLAN_MANUAL', reason: `${what} was rolled back by hand; "node apply" applies it again` }
  }
  if (app.auto === 'all') return null
  const critical = release.severity === 'critical'
  if (app.auto !== 'none' && critical) return null
  if (app.auto === 'minor' && from !== null && sameMajor(release, from)) return null
  return {
    code: 'PLAN_MANUAL',
    reason: `the app applies ${describeAuto(app.auto)} by itself; "node apply" applies this`
  }
}

function describeAuto(auto: PlanApp['auto']): string {
  switch (auto) {
    case 'none':
      return 'nothing'
    case 'critical':
      return 'critical releases only'
    case 'minor':
      return 'minor and critical releases only'
    case 'all':
      return 'everything'
  }
}

/** Odoo versions carry the series (two numbers) before their major number. */
function sameMajor(release: Release, from: string): boolean {
  const parts = release.order === 'odoo' ? 3 : 1
  const head = (version: string) => version.split('.').slice(0, parts).join('.')
  return head(release.version) === head(from)
}
