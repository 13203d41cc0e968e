// What the engine asks of a kind of application. A profile knows how it is stopped, saved, changed and started; the order,
// the journal and the way back are the engine's. Every method may be called again after a cut.
import type { AppWork, Work } from '../apply/work.ts'
import type { CheckConfig } from '../config/checks.ts'

/** Bytes that will be written where; `what` is for the refusal. */
export interface SpaceNeed {
  path: string
  bytes: number
  what: string
}

export interface Profile {
  /** Refuses (throws) before anything is stopped: tools, databases, what else must be there. */
  preflight(work: AppWork): Promise<void>
  /** Room for its database and what goes with it; null: it cannot tell. */
  needs(work: AppWork, workFolder: string): Promise<SpaceNeed[] | null>
  /** Stopped, and kept from being started by others. Throws when it still runs. `leniently`: it may not be running, and what cannot be stopped is not a reason to give up. */
  stop(work: Work, leniently: boolean): Promise<void>
  start(work: Work): Promise<void>
  /** Others may start it again; `start` does it too. */
  letUp(work: Work): Promise<void>
  isRunning(work: AppWork): Promise<boolean | null>
  /** It is known that nothing of it runs: of an application of several parts, some may. */
  isDown(work: AppWork): Promise<boolean>
  /** Writes the database into a path where nothing is; false when the app has none. Throws BACKUP_FAILED. */
  backUp(work: Work, into: string): Promise<boolean>
  /** Reads a database backup through, as a restore would. Throws BACKUP_FAILED. */
  verifyBackup(work: Work, from: string): Promise<void>
  /**
   * Puts a database backup back. What is there is set aside first, under a fresh name if anybody can have worked with it since
   * the last time, named in the transaction and journaled; `mayHoldWork`: users may have worked with it, so without setting it
   * aside nothing may be replaced. Throws RESTORE_FAILED.
   */
  restore(work: Work, from: string, mayHoldWork: boolean): Promise<void>
  /** Deletes a database that a restore has set aside, never a live one. Throws when it is in use. */
  dropSetAside(work: AppWork, database: string): Promise<void>
  /** Is a database that was set aside still on its server? */
  hasSetAside(work: AppWork, database: string): Promise<boolean>
  /** The migration on a copy; false when the profile or the configuration has none. Throws REHEARSAL_FAILED. */
  rehearse(work: Work): Promise<boolean>
  migrate(work: Work): Promise<void>
  /** Files were exchanged without a migration (back by hand, removal): what was derived from the old ones goes. */
  refresh(work: Work): Promise<void>
  /** Keeps users out, lets them in again; does nothing where the application cannot. */
  lock(work: Work): Promise<void>
  unlock(work: Work): Promise<void>
  /** Checks that belong to this kind of app, beside the configured ones. */
  checks(work: AppWork): Promise<CheckConfig[]>
  /** A configured check of kind "database" without a command. Throws CHECK_FAILED; null: the profile has no database. */
  checkDatabase(work: AppWork): Promise<string | null>
  /** Globs of what can be made again and is not carried into a new tree. */
  derived: readonly string[]
  /** True for a module that the application brings itself: releases may need it. */
  provides(work: AppWork, module: string): Promise<boolean>
}
