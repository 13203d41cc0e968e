// A request before it is a transaction: what it would change, the name that it gets, and how it is refused.
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import type { AppConfig } from '../config/apps.ts'
import type { EngineParts } from './parts.ts'
import type { Records } from './records.ts'
import type { Transaction } from './transaction.ts'
import type {
  ApplyRequest,
  ApplyResult,
  DriftReport,
  Failure,
  ModuleChange,
  RemoveRequest,
  RestoreRequest
} from './types.ts'

export interface Plan {
  app: AppConfig
  kind: Transaction['kind']
  changes: ModuleChange[]
  reason: string
  force: boolean
  restores?: NonNullable<Transaction['restores']>
}

/** A transaction that has not done anything yet. */
export function newTransaction(
  { clock, random }: Pick<EngineParts, 'clock' | 'random'>,
  plan: Plan,
  found: { workFolder: string; drift: DriftReport[]; failing: string[]; newest: string | undefined }
): Transaction {
  const now = clock.now()
  const id = nextId(now, Buffer.from(random(3)).toString('hex'), found.newest)
  return {
    id,
    kind: plan.kind,
    reason: plan.reason,
    app: plan.app,
    changes: plan.changes,
    state: 'fetched',
    interruptions: 0,
    retries: 0,
    halts: 0,
    asideAt: -1,
    asides: {},
    work: found.workFolder,
    backup: id,
    ...(plan.restores === undefined ? {} : { restores: plan.restores }),
    steps: [],
    alsoFailed: [],
    drift: found.drift,
    setAside: [],
    checks: [],
    startedAt: now,
    database: null,
    failingBefore: found.failing,
    logMarks: {}
  }
}

/** What a request to apply asks for. */
export function updatePlan(request: ApplyRequest): Plan {
  const changes = request.releases.map(({ module, track, from, to, release }) => ({
    module,
    track,
    from,
    to,
    kind: release.kind,
    release
  }))
  const { app, reason = 'operator', force = false } = request
  return { app, kind: 'update', changes, reason, force }
}

/** Back to a backup. Throws BACKUP_NOT_FOUND. */
export async function restorePlan(
  records: Records,
  { app, backup: id, withDatabase, reason = 'operator' }: RestoreRequest
): Promise<Plan> {
  const backup = await records.backup(app.name, id)
  if (withDatabase && backup.database === null) {
    throw new ChasquiError('BACKUP_NOT_FOUND', `the backup ${backup.id} has no database`)
  }
  const installed = await records.installed(app.name)
  const changes = backup.modules.map(({ module, track, version, kind }) => ({
    module,
    track,
    from: installed.find((one) => one.module === module)?.version ?? null,
    to: version,
    kind,
    release: null
  }))
  const restores = { backup: backup.id, withDatabase }
  return { app, kind: 'restore', changes, reason, force: true, restores }
}

/** Without a module. Throws NOT_INSTALLED. */
export async function removePlan(
  records: Records,
  { app, module, reason = 'operator' }: RemoveRequest
): Promise<Plan> {
  const found = (await records.installed(app.name)).find((one) => one.module === module)
  if (found === undefined) {
    throw new ChasquiError('NOT_INSTALLED', `${module} is not installed in ${app.name}`)
  }
  const { track, version, kind } = found
  const changes = [{ module, track, from: version, to: null, kind, release: null }]
  return { app, kind: 'remove', changes, reason, force: true }
}

/** Names sort in the order in which they were given, also when the clock was set back in between. */
function nextId(now: number, suffix: string, newest = ''): string {
  const stamp = (time: number) => new Date(time).toISOString().replace(/[-:.]/g, '')
  const [, date = '', time = ''] = /^(\d{8})T(\d{9})Z-/.exec(newest) ?? []
  const last = Date.parse(
    `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)(...)/, '$1:$2:$3.$4')}Z`
  )
  return `${stamp(Number.isNaN(last) ? now : Math.max(now, last + 1))}-${suffix}`
}

/** Anything that was thrown, as a result says it. */
export function failureFrom(thrown: unknown): Failure {
  const { code, message, hint } = asChasquiError(thrown)
  return { code, message, ...(hint === undefined ? {} : { hint }) }
}

/** The result of a request that began nothing. */
export function refusal(plan: Plan, error: Failure): ApplyResult {
  return {
    transaction: '',
    app: plan.app.name,
    result: 'refused',
    state: 'refused',
    releases: plan.changes.map(({ module, track, from, to }) => ({ module, track, from, to })),
    steps: [],
    error
  }
}
