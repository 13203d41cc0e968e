// What a round is asked for, what it needs, and what it says that it did. No code.
import type { FileSystem } from '../system/file-system.ts'
import type { MachineLock } from '../system/machine-lock.ts'
import type { ExportSummary } from './export-summary.ts'
import type { Rejected } from './feed-folder.ts'
import type { ImportedRelease, OrderRequest, SettleScope, StickFilter } from './home.ts'
import type { InstallerFile, InstallerRequest } from './installer.ts'
import type { WaitingUpdate } from './visits.ts'

/** What a round needs of the machine. */
export interface StickTools {
  fs: FileSystem
  /** milliseconds since the epoch */
  now(): number
  /** a lock of the machine; null while another program holds it */
  lock(key: string): Promise<MachineLock | null>
  /** 32 hex digits */
  randomId(): string
  /** bytes free at a path; null when unknown */
  freeSpace(path: string): Promise<number | null>
}

export interface ExportRequest {
  stick: string
  /** null: everything that the home has */
  filter: StickFilter | null
  /** bytes that one stick may carry of the feed; null: no limit */
  maxSize: number | null
  /** which of the sticks this is, from 1 */
  part: number
  /** when neither filter nor size is given: what the stick was made for holds, in place of everything */
  keepWish: boolean
  /** what branches shall apply at the next visit of this stick */
  orders: readonly OrderRequest[]
  /** what a new site needs beside the feed; null for nothing */
  installer: InstallerRequest | null
  /** when the stick is too small for the feed: only reports and letters, in place of STICK_FULL */
  asFits: boolean
  dryRun: boolean
}

export interface ExportResult {
  stick: string
  wrote: { blocks: number; bytes: number; segments: number }
  reports: { out: number; in: number }
  complete: boolean
  ms: number
  plan: ExportSummary
  /** why something that the stick was made for did not go on it, for people */
  troubles: string[]
  /** what was put there for a new site */
  installer?: InstallerFile[]
}

export interface ImportResult {
  stick: string
  read: { blocks: number; bytes: number }
  rejected: Rejected[]
  reports: { in: number; out: number }
  releases: ImportedRelease[]
  /** what went wrong with orders and while applying, for people */
  troubles: string[]
  /** updates that are here and are not applied yet */
  waiting: WaitingUpdate[]
  ms: number
}

export type SyncResult = ImportResult & Pick<ExportResult, 'wrote' | 'complete' | 'plan' | 'installer'>

/** False: another program of this machine waits for the stick. */
export type Claimed<T> = T & { safeToRemove: boolean }

export interface SyncOptions {
  /** what the home applies between import and export, so that its report is on the stick already */
  settle: SettleScope
  /** make a stick of a drive that is none; false in a round that nobody typed */
  create: boolean
  /** called once what the stick brought is here and applied: what comes later is not put on it */
  beforeExport?(): Promise<void>
}
