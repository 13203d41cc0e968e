// This node as a stick sees it: its feed as blocks, its records, the root chain, and what is new after an import.
import type { CommandContext } from '../src/control/commands.ts'
import { asChasquiError } from '../src/errors.ts'
import { grantsIn } from '../src/feed/grant-files.ts'
import type { BlockRange } from '../src/feed/types.ts'
import type { PlannedTransaction } from '../src/fleet/plan-input.ts'
import type { ImportedRelease, SettleScope, StickHome, StickKeys, StickVisit } from '../src/stick/home.ts'
import { selectReleases } from '../src/stick/select.ts'
import { stickFeed } from '../src/stick/stick-feed.ts'
import { stickRecords } from '../src/stick/stick-records.ts'
import type { WaitingUpdate } from '../src/stick/visits.ts'
import { READY } from '../src/stick/words.ts'
import type { NodeApp } from './app.ts'
import { type ApplyOrder, applyTransactions, missingBytes, readyTransactions } from './apply-plan.ts'
import { unneededPacks } from './collect.ts'
import { ownGrant } from './follow.ts'
import { carryOutOrders } from './order-work.ts'
import { beginOrders, nodeLetters } from './orders.ts'
import type { NodePlan } from './planner.ts'
import { announceReport } from './report.ts'

export function nodeStickHome(app: NodeApp): StickHome {
  let known = new Set<string>()
  return {
    role: 'node',
    fleet: app.home.fleet,
    node: app.identity.node,
    name: app.name,
    get feed() {
      return stickFeed(app.feed)
    },
    roots: { list: () => app.trust.roots(), offer: (chain) => app.trust.offerRoots(chain) },
    keys: nodeKeys(app),
    records: stickRecords(app.records.set, (bytes) => app.records.offer(bytes, 'stick')),
    async select(filter, options) {
      const view = await app.refresh()
      if (view === null) return { releases: [], blocks: [], branches: [] }
      const { snapshot, trust, channels } = view
      const reports = app.records.set.list('report')
      return selectReleases({ snapshot, trust, channels, reports }, filter, options)
    },
    declines: () => unneededBlocks(app),
    onBlock: (index, from) => app.sources.hold(index, from),
    async beforeImport() {
      await beginOrders(app)
      // what cannot be trusted before is judged again, and reported, after
      await app.refresh().catch(() => null)
      known = new Set((await listed(app)).map(nameOf))
    },
    afterImport: () => newReleases(app, known),
    letters: nodeLetters(app),
    get language() {
      return app.config.sticks.language
    },
    news: () => ownNews(app),
    installed: () => installedModules(app),
    waiting: () => waitingUpdates(app),
    settle: (visit, scope, context) => settle(app, visit, scope, context)
  }
}

/** Of packs that nobody needs; none while the feed cannot be trusted, or before anybody said what runs here. */
async function unneededBlocks(app: NodeApp): Promise<BlockRange[]> {
  if (Object.keys(app.config.apps).length === 0) return []
  // by the newest version that can be read, as far as it has come in
  await app.feed.advance()
  const snapshot = await app.feed.snapshot()
  const paths = await unneededPacks(app).catch((): string[] => [])
  const ranges = await Promise.all(paths.map((path) => snapshot?.blocks(path) ?? null))
  return ranges.filter((range) => range !== null)
}

/** What this node carries on, and how a stick brings it to the fleet's newest feed. */
function nodeKeys(app: NodeApp): StickKeys {
  return {
    async list() {
      const { generation } = app.identity.access
      return { generation, grants: generation === 1 ? [] : await grantsIn(await app.feed.snapshot()) }
    },
    async take(grants) {
      const { fleet } = app.trust
      const own = fleet === null ? null : ownGrant(grants, fleet, app.identity.keyPair.publicKey)
      return own !== null && (await app.follower.offer(own))
    }
  }
}

async function installedModules(app: NodeApp) {
  const found = []
  for (const name of Object.keys(app.config.apps)) {
    for (const { module, version } of await app.engine.installed(name))
      found.push({ app: name, module, version })
  }
  return found
}

/** What a report would say of this node itself: what it runs, how it came to that, and what is wrong. */
async function ownNews(app: NodeApp): Promise<string> {
  const [last] = await app.engine.history({ limit: 1 })
  const how = last && [last.app, last.releases, last.result, last.settledAt, last.error?.code]
  // what is on its way from peers comes and goes
  const wrong = [...app.problems].filter(([where]) => !/^(fetch|carry) /.test(where))
  const codes = new Set(wrong.map(([, { code }]) => code))
  return JSON.stringify([await installedModules(app), how, [...codes].sort()])
}

const ready = {
  code: READY,
  reason: '"chasqui node apply" applies it now, "chasqui node run" by itself'
}

/** Why the packs of a transaction do not lead to it yet: of several sticks they are on another one. Null: all are here. */
async function whatLacks(
  app: NodeApp,
  plan: NodePlan,
  transaction: PlannedTransaction
): Promise<{ code: string; reason: string } | null> {
  try {
    const bytes = await missingBytes(app, plan, transaction)
    return bytes === 0 ? null : { code: 'PLAN_NOT_HERE', reason: `${bytes} bytes of packs are not here` }
  } catch (error) {
    const { code, message } = asChasquiError(error)
    return { code, reason: message }
  }
}

/** What is not applied now, and why; nothing while the feed cannot be trusted, which is told elsewhere. */
async function waitingUpdates(app: NodeApp): Promise<WaitingUpdate[]> {
  const plan = await app.plan('automatic').catch(() => null)
  if (plan === null) return []
  const waiting: WaitingUpdate[] = []
  for (const transaction of plan.transactions) {
    const why = transaction.blocked ?? (await whatLacks(app, plan, transaction)) ?? ready
    for (const { module, to } of transaction.releases) {
      waiting.push({ app: transaction.app, module, version: to, ...why })
    }
  }
  return waiting
}

/** What head office ordered by this stick, then what policy and windows allow. Troubles come back as text. */
async function settle(
  app: NodeApp,
  visit: StickVisit,
  scope: SettleScope,
  context: CommandContext
): Promise<string[]> {
  const troubles = await carryOutOrders(app, visit, context)
  if (scope === 'all') {
    const auto = { mode: 'automatic', modules: [], reason: 'auto', force: false } as const
    const failed = (error: unknown) => [textOf(asChasquiError(error))]
    troubles.push(...(await applyRound(app, auto, context).catch(failed)))
  }
  // so that the stick brings home what could not be done
  if (troubles.length > 0) await announceReport(app)
  app.events.emit('changed')
  return troubles
}

/**
 * What is here is applied. The rest is not fetched now, from a line that may take hours: the stick is not to stay in for it, nor
 * another app to wait.
 */
async function applyRound(app: NodeApp, order: ApplyOrder, context: CommandContext): Promise<string[]> {
  const plan = await app.plan(order.mode)
  if (plan === null) return []
  const here: PlannedTransaction[] = []
  const troubles: string[] = []
  for (const transaction of readyTransactions(plan, order)) {
    const lacks = await whatLacks(app, plan, transaction)
    if (lacks === null) here.push(transaction)
    else if (lacks.code !== 'PLAN_NOT_HERE') troubles.push(`${lacks.code}: ${lacks.reason}`)
  }
  const results = await applyTransactions(app, plan, here, order, context)
  return [...troubles, ...results.flatMap(({ error }) => (error === undefined ? [] : [textOf(error)]))]
}

const textOf = ({ code, message }: { code: string; message: string }) => `${code}: ${message}`

/** Refreshes trust; the releases that were not among the signed ones before. */
async function newReleases(app: NodeApp, before: ReadonlySet<string>): Promise<ImportedRelease[]> {
  await app.feed.advance()
  const view = await app.refresh()
  if (view !== null) await app.sources.assign(view.snapshot)
  app.events.emit('imported')
  // the news is kept, that it is out among them; it gets no further
  app.members.served()
  // so that the stick carries home what this branch has and runs now, not what it had before
  await announceReport(app)
  return (await listed(app)).filter((release) => !before.has(nameOf(release)))
}

async function listed(app: NodeApp): Promise<ImportedRelease[]> {
  const releases = (await app.trust.view?.trust.listReleases()) ?? []
  return releases.map(({ module, track, version }) => ({ module, track, version }))
}

function nameOf({ module, track, version }: ImportedRelease): string {
  return `${module}/${track}/${version}`
}
