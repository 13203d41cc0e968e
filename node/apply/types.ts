// What the engine takes and gives: the public shape of apply. No code.
import type { ErrorCode } from '../../src/errors.ts'
import type { Manifest } from '../../src/release/manifest.ts'
import type { Release } from '../../src/release/release.ts'
import type { CheckResult } from '../checks/types.ts'
import type { AppConfig } from '../config/apps.ts'
import type { State, Step } from './machine.ts'

/** One module's way from one version to another. `release` null: the module goes (`to` is null) or comes from a backup. */
export interface ModuleChange {
  module: string
  track: string
  from: string | null
  to: string | null
  kind: 'directory' | 'overlay'
  release: Release | null
}

export interface ApplyRequest {
  app: AppConfig
  releases: { module: string; track: string; from: string | null; to: string; release: Release }[]
  /** who or what asked, for the history: "auto", "operator", "stick" */
  reason?: string
  /** go on although the release is quarantined or the module is held */
  force?: boolean
}

export interface StepReport {
  step: Step
  /** milliseconds */
  ms: number
  ok: boolean
  /** what its programs printed, the end of it */
  output?: string
}

export interface Failure {
  code: ErrorCode
  message: string
  hint?: string
  /** the step that failed */
  step?: Step
  /** the module whose fault it is, where that is known */
  module?: string
  /** what was wrong with the machine beneath it */
  trouble?: ErrorCode
}

/** `unfinished`: the new version is there and good, but its users could not be let in yet; it is tried again. */
export type Outcome = 'committed' | 'rolled-back' | 'rollback-failed' | 'unfinished' | 'refused'

export interface ApplyResult {
  transaction: string
  app: string
  result: Outcome
  /** where it rests; equals `result` unless it was cut */
  state: State | 'refused'
  releases: { module: string; track: string; from: string | null; to: string | null }[]
  steps: StepReport[]
  error?: Failure
  /** everything that went wrong after the first error, in the rollback */
  alsoFailed?: Failure[]
  backup?: string
  drift?: DriftReport[]
  /** databases or dumps that were replaced by a restore and kept */
  setAside?: string[]
  checks?: CheckResult[]
  /** milliseconds between the beginning of stop and the end of start */
  downtime?: number
  /** of several modules that failed, those whose fault it is; none: nobody in particular */
  blamed?: string[]
  /** RFC 3339: a person has settled by hand what could not be ended */
  settledAt?: string
}

/** A history entry. */
export interface HistoryEntry extends ApplyResult {
  kind: 'update' | 'restore' | 'remove'
  reason: string
  /** RFC 3339 */
  startedAt: string
  endedAt: string
}

/** Files of ours that are not as they were installed. Paths are relative to the module. */
export interface DriftReport {
  module: string
  changed: string[]
  missing: string[]
  /** files of a release that lost against a local one, or the other way round */
  kept: string[]
  superseded: string[]
}

export interface InstalledModule {
  module: string
  track: string
  version: string
  kind: 'directory' | 'overlay'
  /** hex SHA-256 of the file list */
  root: string
  /** absolute: where it was put; not known of what was installed before this was recorded */
  live?: string
  /** RFC 3339 */
  installedAt: string
  /** transaction, or "adopted" */
  by: string
}

export interface BackupInfo {
  id: string
  app: string
  /** RFC 3339 */
  createdAt: string
  transaction: string
  modules: { module: string; track: string; version: string | null; kind: 'directory' | 'overlay' }[]
  /** absolute; holds files/ and, when the app has one, database/ */
  path: string
  bytes: number
  database: { files: { path: string; bytes: number; sha256: string }[] } | null
}

/** What the way back of a transaction has put aside instead of deleting it. */
export interface SetAsideInfo {
  /** of the transaction's backup; its staging has an id of its own */
  id: string
  app: string
  /** RFC 3339: when the transaction began */
  createdAt: string
  transaction: string
  /** absolute: dumps and files; null: there are only databases */
  path: string | null
  bytes: number
  /** names of databases on their server */
  databases: string[]
  /** a person has settled what could not be ended: it may be the only copy, and only a person deletes it */
  settled?: true
}

/** A transaction that rests without having ended, and blocks its app. */
export interface PendingTransaction {
  transaction: string
  app: string
  result: Outcome
  state: State
  releases: ApplyResult['releases']
  /** in one sentence: what failed, and what failed after it */
  message: string
  /** RFC 3339: when it is tried again by itself; null: when somebody asks for it */
  retryAt: string | null
  /** absolute; while it is there, nothing but the node starts the application */
  hold: string | null
}

export interface RecoverOptions {
  /** also what has failed to end: `due` when its time has come, `now` at once; without it only what a cut left behind */
  retry?: 'due' | 'now'
  /** only this one */
  app?: string
  /** the configuration as it is now: a retry takes commands, service and environment from it */
  apps?: Readonly<Record<string, AppConfig>>
}

export interface ApplyContext {
  emit?(event: { event: string; [field: string]: unknown }): void
  signal?: AbortSignal
}

/** Applies, goes back, recovers. One per node; one transaction per app at a time. */
export interface Engine {
  /** Refusals are results too (`refused`, nothing was stopped). Throws only when the journal itself cannot be written. */
  apply(request: ApplyRequest, context?: ApplyContext): Promise<ApplyResult>
  /** Why `apply` would refuse, or null; changes nothing. */
  preflight(request: ApplyRequest): Promise<Failure | null>
  /** What `rollback` or `remove` would do, and why it would be refused; changes nothing. Throws as they do. */
  preview(request: OperatorRequest): Promise<{ releases: ApplyResult['releases']; refusal: Failure | null }>
  /** First thing at every start, before anything else: ends what a cut left behind. One result per app that had something. */
  recover(context?: ApplyContext, options?: RecoverOptions): Promise<ApplyResult[]>
  /** Apps whose transaction was left in the middle, also by a journal that could not be written, and that nobody works on. */
  cut(): Promise<string[]>
  /** What rests without having ended. */
  pending(app?: string): Promise<PendingTransaction[]>
  /** A person has settled it: it is recorded as it stands, nothing is deleted. Throws NOTHING_PENDING. */
  giveUp(app: string): Promise<ApplyResult>
  /** Back to a backup: files, and the database too when asked. Null: the newest backup. Throws BACKUP_NOT_FOUND. */
  rollback(request: RestoreRequest, context?: ApplyContext): Promise<ApplyResult>
  /** Takes a module's files away (they stay in a backup). Throws NOT_INSTALLED. */
  remove(request: RemoveRequest, context?: ApplyContext): Promise<ApplyResult>
  backups(app: string): Promise<BackupInfo[]>
  /** Newest first. */
  setAside(app: string): Promise<SetAsideInfo[]>
  /** Newest first. */
  history(options?: { app?: string; limit?: number }): Promise<HistoryEntry[]>
  validate(app: AppConfig, names?: readonly string[]): Promise<CheckResult[]>
  installed(app: string): Promise<InstalledModule[]>
  manifest(app: string, module: string): Promise<Manifest | null>
  drift(app: AppConfig, module?: string): Promise<DriftReport[]>
  adopt(request: AdoptRequest): Promise<AdoptedModule[]>
  /** Modules that an operator has stopped, per app. */
  holds(app: string): Promise<string[]>
  setHold(app: string, module: string, isHeld: boolean): Promise<void>
  quarantine(app: string): Promise<QuarantineEntry[]>
  /** An operator lets it be tried again. */
  release(app: string, module: string): Promise<void>
}

/** `backup` null: the newest. */
export interface RestoreRequest {
  app: AppConfig
  backup: string | null
  withDatabase: boolean
  reason?: string
}

export interface RemoveRequest {
  app: AppConfig
  module: string
  reason?: string
}

export type OperatorRequest = (RestoreRequest & { kind: 'restore' }) | (RemoveRequest & { kind: 'remove' })

export interface QuarantineEntry {
  module: string
  track: string
  version: string
  attempts: number
  /** no more tries until an operator or a newer release */
  isClosed: boolean
  /** it failed with others, and nobody knows whose fault it was: they are tried apart */
  together?: true
  error: Failure
}

/** Candidates for what is already there, newest first. */
export interface AdoptRequest {
  app: AppConfig
  candidates: {
    module: string
    track: string
    version: string
    kind: 'directory' | 'overlay'
    manifest: Manifest
  }[]
  isDryRun?: boolean
}

export interface AdoptedModule {
  module: string
  track: string
  version: string
  /** share of the release's files that are here unchanged, 0…1 */
  match: number
  drift: DriftReport
}
