// What a branch would apply now, and why not the rest. Pure: channel pointers, what is installed, the operator's policy
// and the signed limits come in; transactions and reasons come out. It decides nothing about bytes or disks.
import type { Release } from '../release/release.ts'
import { compareVersions } from '../release/version.ts'
import { inTransactions } from './apart.ts'
import { pointerOf, tracksOf } from './channels.ts'
import { matchesAny } from './pattern.ts'
import type { Blocked, PlanApp, PlanInput, PlannedTransaction, Step } from './plan-input.ts'
import { orderByNeed, settleRequirements } from './requires.ts'
import { reachOf } from './rollout.ts'
import { whyNot } from './why-not.ts'

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
