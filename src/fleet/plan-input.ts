// What a plan is made from and what it says.
import type { ErrorCode } from '../errors.ts'
import type { Release } from '../release/release.ts'
import type { Channels, Yanks } from './channels.ts'
import type { Branch } from './rollout.ts'

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
  /** is there a statement, signed by the release key, that allows to go down to this from what was released at `fromReleased` (ms)? */
  downgradeAllowed(
    channel: string,
    release: { module: string; track: string; version: string },
    fromReleased: number | null
  ): boolean
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
