// What `status` shows: apps and their modules beside what the fleet offers, the feed's position and freshness, peers, links.
import { asChasquiError } from '../src/errors.ts'
import { pointerOf } from '../src/fleet/channels.ts'
import type { PlannedTransaction } from '../src/fleet/plan-input.ts'
import { linkStates } from '../src/member/link-states.ts'
import type { Source } from '../src/net/ledger.ts'
import { packPath } from '../src/release/release.ts'
import { formatTime, toHex } from '../src/trust/bytes.ts'
import type { NodeApp } from './app.ts'
import type { SetAsideInfo } from './apply/types.ts'
import { linkView } from './link-view.ts'
import { orderProblems } from './orders.ts'
import type { NodePlan } from './planner.ts'
import { waitingName } from './waiting.ts'

export interface ModuleState {
  module: string
  track: string
  version: string | null
  /** what the channel offers, when that is another version */
  available: string | null
  /** `current`, `available`, `paused` (its packs wait for a link), or the code of what blocks it */
  state: string
  reason: string | null
  /** where the packs of the installed version came from: bytes by peer (node key, or stick id) and class of link */
  from: Source[]
}

export interface AppState {
  app: string
  profile: string
  channel: string
  modules: ModuleState[]
}

/** Every module that is installed or offered, per app. */
export async function moduleStates(app: NodeApp): Promise<AppState[]> {
  const plan = await planOrProblem(app)
  return Promise.all(
    Object.values(app.config.apps).map(async ({ name, profile, channel }) => {
      const installed = await app.engine.installed(name)
      const known = new Map<string, ModuleState>()
      for (const { module, track, version } of installed) {
        const from = await sourcesOf(app, { module, track, version })
        known.set(module, { module, track, version, available: null, state: 'current', reason: null, from })
      }
      for (const transaction of plan?.transactions ?? []) {
        if (transaction.app === name) addOffers(app, known, transaction)
      }
      nameNewest(plan, channel, known)
      return { app: name, profile, channel, modules: [...known.values()].sort(byModule) }
    })
  )
}

/** Bytes of a release's packs by where they came from, most first. */
export async function sourcesOf(
  app: NodeApp,
  { module, track, version }: { module: string; track: string; version: string }
): Promise<Source[]> {
  const { view } = app.trust
  if (view === null) return []
  const catalog = await app.catalog(view, [module])
  const release = catalog.releases(module, track).find((one) => one.version === version)
  return app.sources.of((release?.packs ?? []).map((pack) => `/${packPath(pack.sha256)}`))
}

/** Releases that this branch holds by itself because others failed with them. */
function halts(app: NodeApp, apps: readonly AppState[]) {
  const { view } = app.trust
  if (view === null) return []
  return apps.flatMap(({ app: name, channel, modules }) =>
    modules.flatMap(({ module, track, available }) => {
      if (available === null) return []
      const release = { module, track, version: available }
      const halt = app.evidence.halt(view.channels, channel, release)
      return halt === null ? [] : [{ app: name, ...release, ...halt }]
    })
  )
}

/** What cannot be trusted now offers nothing; why is among the problems. */
async function planOrProblem(app: NodeApp): Promise<NodePlan | null> {
  try {
    const plan = await app.plan('automatic')
    app.problems.delete('trust')
    return plan
  } catch (error) {
    const { code, message } = asChasquiError(error)
    app.problems.set('trust', { code, message })
    return null
  }
}

const PAUSED = { code: 'paused', reason: 'the links that could bring it are paused' }

function addOffers(app: NodeApp, known: Map<string, ModuleState>, transaction: PlannedTransaction): void {
  for (const { module, track, from: here, to } of transaction.releases) {
    const blocked = app.waiting.has(waitingName(transaction.app, module, to)) ? PAUSED : transaction.blocked
    const version = known.get(module)?.version ?? here
    const state = blocked === null ? 'available' : blocked.code
    const from = known.get(module)?.from ?? []
    known.set(module, { module, track, version, available: to, state, reason: blocked?.reason ?? null, from })
  }
}

/** With a stepping stone in between, `available` is still what the channel points at. */
function nameNewest(plan: NodePlan | null, channel: string, known: Map<string, ModuleState>): void {
  for (const state of known.values()) {
    if (state.available === null || plan === null) continue
    const pointer = pointerOf(plan.view.channels, channel, state.module, state.track)
    const reached = state.state !== 'PLAN_ROLLOUT' && state.state !== 'PLAN_HALTED'
    if (reached && pointer?.rollout === undefined) state.available = pointer?.version ?? state.available
  }
}

function byModule(a: ModuleState, b: ModuleState): number {
  return a.module < b.module ? -1 : 1
}

/** What ways back have put aside, of all apps, newest first. */
export async function setAside(app: NodeApp): Promise<SetAsideInfo[]> {
  const all = await Promise.all(Object.keys(app.config.apps).map((name) => app.engine.setAside(name)))
  return all.flat()
}

/** The whole of `node status`, as the command line's contract has it; what is beyond the contract is added beside it. */
export async function nodeStatus(app: NodeApp): Promise<Record<string, unknown>> {
  const apps = await moduleStates(app)
  const freshness = app.trust.view?.trust.freshness
  const { db, here } = app.feed.length()
  return {
    name: app.name,
    node: app.identity.node,
    fleet: app.home.fleet,
    environment: app.config.node.environment,
    running: app.links !== null,
    feed: {
      key: toHex(app.feed.key),
      length: db,
      here,
      version: app.trust.view?.snapshot.version ?? 0,
      signedAt: timeOrNull(freshness?.signedAt),
      heardAt: timeOrNull(app.trust.heardAt),
      stale: freshness?.stale ?? false,
      clockBehind: freshness?.clockBehind ?? false,
      conflict: app.feed.conflict
    },
    apps,
    peers:
      app.links?.peerInfos().map((peer) => ({ ...peer, connectedAt: timeOrNull(peer.connectedAt) })) ?? [],
    links: linkStates(linkView(app)),
    transfers: app.transfers.list(),
    sticks: app.sticks(),
    halts: halts(app, apps),
    pending: await app.engine.pending(),
    setAside: await setAside(app),
    problems: [...app.problems.values(), ...(await orderProblems(app))]
  }
}

/** RFC 3339 of milliseconds since the epoch; null where there are none. */
export function timeOrNull(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : formatTime(ms)
}
