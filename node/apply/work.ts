// What every step works with: the parts of the engine, the transaction, and where its things are.
import picomatch from 'picomatch'
import type { Manifest } from '../../src/release/manifest.ts'
import type { ProcessMark } from '../../src/system/process-mark.ts'
import type { AppConfig } from '../config/apps.ts'
import * as layout from './layout.ts'
import type { EngineParts } from './parts.ts'
import type { Transaction } from './transaction.ts'

/** An app that something is done with, in a transaction or outside of one (validate, status). */
export interface AppWork {
  parts: EngineParts
  app: AppConfig
  /** versions that commands and checks may name */
  modules: readonly { module: string; from: string | null; to: string | null }[]
  /** journals a program that is about to begin, so that a later process can end it */
  onStart?(mark: ProcessMark): Promise<void>
  /** keeps what a program printed, as evidence */
  note(text: string): void
}

export interface Work extends AppWork {
  transaction: Transaction
  signal: AbortSignal | undefined
  places: Places
  /** a module's files as they are installed, and as they are in the release */
  fileLists(module: string): Promise<{ before: Manifest | null; after: Manifest | null }>
  /** of each module, what was found before the application was stopped; of this process only */
  verified: Map<string, Verified>
  /** journals what a step has changed in the transaction, in the middle of the step */
  save(): Promise<void>
}

/** Staged files that are as they were signed. */
export interface Verified {
  /** what each of them was to the system when it was hashed */
  identities: ReadonlyMap<string, string>
  /** as installed; null: not known */
  before: Manifest | null
  after: Manifest
}

export interface Places {
  staging: string
  /** of the database, in the backup */
  database: string
  backup: string
  live(module: string): string
  staged(module: string): string
  backedUp(module: string): string
  aside(module: string): string
  /** while this file is there, nobody but the node is to start the application */
  hold: string
}

export function placesOf(transaction: Transaction): Places {
  const { work, id, backup, app } = transaction
  return {
    staging: layout.stagingPlace(work, id),
    database: layout.databasePlace(work, backup),
    hold: layout.holdPlace(work, app.name),
    backup: layout.backupPlace(work, backup),
    live: (module) => layout.livePlace(app, module),
    staged: (module) => layout.stagedModule(work, id, module),
    backedUp: (module) => layout.backedUpModule(work, backup, module),
    aside: (module) => layout.asidePlace(work, backup, module)
  }
}

/** True for a path (relative to its module) that one of the globs names, with or without the module in front. */
export function globMatcher(globs: readonly string[], module: string): (path: string) => boolean {
  if (globs.length === 0) return () => false
  const matches = picomatch([...globs], { dot: true })
  return (path) => matches(path) || matches(`${module}/${path}`)
}
