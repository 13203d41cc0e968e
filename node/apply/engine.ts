// The engine: takes requests, refuses what must not begin, drives the rest through the table and ends what a cut left behind.
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import { removeTree } from '../../src/system/durable.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import { failingBefore, refuseFailing } from '../checks/before.ts'
import { runChecks } from '../checks/checks.ts'
import { checksOf, contextFor } from '../checks/plan.ts'
import type { AppConfig } from '../config/apps.ts'
import { createProfile } from '../profiles/create.ts'
import { adopt } from './adopt.ts'
import { type Drive, drive, prune, removePruned } from './drive.ts'
import { workPlace } from './layout.ts'
import type { EngineParts } from './parts.ts'
import { describePending, pendingMessage } from './pending.ts'
import {
  failureFrom,
  newTransaction,
  type Plan,
  refusal,
  removePlan,
  restorePlan,
  updatePlan
} from './plan.ts'
import { driftOf, preflight } from './preflight.ts'
import { createRecords, KEYS } from './records.ts'
import { createRecovery } from './recovery.ts'
import { createJournal, type Transaction } from './transaction.ts'
import type { ApplyContext, ApplyResult, DriftReport, Engine, Failure, OperatorRequest } from './types.ts'
import { type AppWork, placesOf, type Work } from './work.ts'
import { inWorkFolder } from './work-folder.ts'

const BLOCKED_HINT = 'put that right, then: chasqui node recover'

export function createEngine(parts: EngineParts): Engine {
  const records = createRecords(parts.state)
  const journal = createJournal(parts.state, parts.clock)
  /** apps that something is done with now */
  const busy = new Set<string>()

  const alone = async <T>(app: string, work: () => Promise<T>): Promise<T> => {
    if (busy.has(app)) {
      throw new ChasquiError('HOME_LOCKED', `${app} is being changed already`, { hint: 'wait for it to end' })
    }
    busy.add(app)
    try {
      return await work()
    } finally {
      busy.delete(app)
    }
  }

  function driveOf(transaction: Transaction, context: ApplyContext): Drive {
    const work: Work = {
      parts,
      app: transaction.app,
      modules: transaction.changes,
      note: () => undefined,
      onStart: (mark) => parts.state.put({ [KEYS.program(transaction.app.name)]: mark }),
      transaction,
      signal: context.signal,
      places: placesOf(transaction),
      verified: new Map(),
      fileLists: async (module) => ({
        before: await records.manifest(transaction.app.name, module),
        after: await records.stagedManifest(transaction.app.name, module)
      }),
      save: () => journal.write(transaction)
    }
    const emit = context.emit ?? (() => undefined)
    return { work, profile: createProfile(transaction.app), records, journal, emit }
  }

  const appWork = (app: AppConfig, modules: AppWork['modules']): AppWork => ({
    parts,
    app,
    modules,
    note: () => undefined
  })

  async function check(plan: Plan, workFolder: string, isDryRun: boolean) {
    const drift = await preflight({
      work: appWork(plan.app, plan.changes),
      profile: createProfile(plan.app),
      records,
      changes: plan.changes,
      workFolder,
      force: plan.force,
      isDryRun
    })
    return { workFolder, drift, failing: await lookBefore(plan) }
  }

  /** A person's --force and a critical release go on; what fails already says nothing about them. */
  async function lookBefore({ kind, app, changes, force }: Plan): Promise<string[]> {
    if (kind !== 'update') return []
    const failing = await failingBefore(appWork(app, changes), createProfile(app), records)
    const isUrgent = changes.some(({ release }) => release?.severity === 'critical')
    if (!force && !isUrgent) refuseFailing(failing)
    return failing.map(({ name }) => name)
  }

  function run(plan: Plan, context: ApplyContext): Promise<ApplyResult> {
    return alone(plan.app.name, async () => {
      const blocked = await endPending(plan, context)
      if (blocked !== null) return refusal(plan, blocked)
      let transaction: Transaction
      try {
        const found = await inWorkFolder(parts, plan.app, (folder) => check(plan, folder, false))
        const { name } = plan.app
        const made = [...(await records.backups(name)), ...(await records.setAside(name))].map(({ id }) => id)
        const recorded = await records.history({ limit: 1 })
        const newest = [...made, ...recorded.map(({ transaction }) => transaction)].sort().at(-1)
        transaction = newTransaction(parts, plan, { ...found, newest })
        await journal.write(transaction)
      } catch (thrown) {
        return refusal(plan, failureFrom(thrown))
      }
      return finish(driveOf(transaction, context))
    })
  }

  /** Nothing new is begun on top of what has not ended; null: nothing is in the way. */
  async function endPending({ app, reason }: Plan, context: ApplyContext): Promise<Failure | null> {
    const [before] = await journal.pending(app.name)
    if (before === undefined) return null
    // a failed way back may replace what somebody works with by now: that is only done when it is asked for
    const isSafe = before.state !== 'rollback-failed' && reason !== 'auto'
    await recovery.recover(app.name, isSafe ? 'now' : 'cut', app, context)
    const [left] = await journal.pending(app.name)
    if (left === undefined) return null
    return { code: 'APPLY_BLOCKED', message: pendingMessage(left), hint: BLOCKED_HINT }
  }

  async function finish(way: Drive): Promise<ApplyResult> {
    const result = await drive(way)
    if (result.result !== 'rollback-failed' && result.result !== 'unfinished')
      await prune(way, (path) => removeTree(parts.fs, path))
    return result
  }

  /** What a process that was cut after its commit no longer came to delete; of all apps, or of one. */
  async function removeLeftovers(app?: string): Promise<void> {
    try {
      await removePruned(parts.state, (path) => removeTree(parts.fs, path), app)
    } catch (error) {
      parts.log.warn({ app, error: asChasquiError(error).message }, 'old files could not be removed yet')
    }
  }

  async function wouldRefuse(plan: Plan): Promise<Failure | null> {
    try {
      await check(plan, await workPlace(parts.fs, plan.app), true)
      return null
    } catch (thrown) {
      return failureFrom(thrown)
    }
  }

  const planOf = (request: OperatorRequest): Promise<Plan> =>
    request.kind === 'restore' ? restorePlan(records, request) : removePlan(records, request)

  const recovery = createRecovery({ parts, records, journal, driveOf, finish })

  return {
    apply: (request, context = {}) => run(updatePlan(request), context),
    preflight: (request) => wouldRefuse(updatePlan(request)),
    async preview(request) {
      const plan = await planOf(request)
      const releases = plan.changes.map(({ module, track, from, to }) => ({ module, track, from, to }))
      return { releases, refusal: await wouldRefuse(plan) }
    },
    async recover(context = {}, { retry, app: only, apps = {} } = {}) {
      const results: ApplyResult[] = []
      for (const { app } of await journal.pending(only)) {
        const current = Object.hasOwn(apps, app.name) ? apps[app.name] : undefined
        const result = await alone(app.name, () =>
          recovery.recover(app.name, retry ?? 'cut', current, context)
        )
        if (result !== null) results.push(result)
      }
      await removeLeftovers()
      return results
    },
    async pending(app) {
      const waiting = (await journal.pending(app)).filter((one) => one.retryAt !== undefined)
      return Promise.all(waiting.map((one) => describePending(parts, one)))
    },
    async cut() {
      const left = (await journal.pending()).filter((one) => one.retryAt === undefined)
      return left.map(({ app }) => app.name).filter((name) => !busy.has(name))
    },
    giveUp: (app) =>
      alone(app, async () => {
        const result = await recovery.giveUp(app)
        await removeLeftovers(app)
        return result
      }),
    rollback: async (request, context = {}) => run(await planOf({ ...request, kind: 'restore' }), context),
    remove: async (request, context = {}) => run(await planOf({ ...request, kind: 'remove' }), context),
    backups: (app) => records.backups(app),
    setAside: (app) => records.setAside(app),
    history: (options = {}) => records.history(options),
    async validate(app, names = []) {
      const installed = await records.installed(app.name)
      const modules = installed.map(({ module, version }) => ({ module, from: version, to: version }))
      const work = appWork(app, modules)
      const profile = createProfile(app)
      return runChecks(await checksOf(work, profile), contextFor(work, profile, records, null), names)
    },
    installed: (app) => records.installed(app),
    manifest: (app, module) => records.manifest(app, module),
    async drift(app, module) {
      const installed = await records.installed(app.name)
      const wanted = installed.filter((one) => module === undefined || one.module === module)
      const reports: DriftReport[] = []
      for (const one of wanted) reports.push(await driftOf(appWork(app, []), records, one.module))
      return reports
    },
    adopt: (request) => alone(request.app.name, () => adopt(parts, request)),
    holds: (app) => records.holds(app),
    setHold: (app, module, isHeld) =>
      parts.state.put({ [KEYS.hold(app, module)]: isHeld ? { since: formatTime(parts.clock.now()) } : null }),
    quarantine: (app) => records.quarantine(app),
    async release(app, module) {
      const entries = (await records.quarantine(app)).filter((one) => one.module === module)
      const keys = entries.map((one) => [KEYS.quarantine(app, module, one.track, one.version), null])
      await parts.state.put(Object.fromEntries(keys))
    }
  }
}
