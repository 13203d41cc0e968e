// The exchange of one module's files in a transaction: refused before the stop where it cannot be planned, planned after it.
import { dirname } from 'node:path'
import type { Manifest } from '../../src/release/manifest.ts'
import { ensureDirectory } from '../../src/system/durable.ts'
import type { Profile } from '../profiles/profile.ts'
import { refuseDirectory } from './obstacles.ts'
import { planOverlay, refuseOverlay } from './overlay-plan.ts'
import { planDirectory, type SwapPlan, type SwapQuestion } from './swap-plan.ts'
import type { ModuleChange } from './types.ts'
import { globMatcher, type Work } from './work.ts'

interface FileLists {
  before: Manifest | null
  after: Manifest | null
}

/** Throws APPLY_PLACE. */
export async function refuseExchange(work: Work, profile: Profile, change: ModuleChange, lists: FileLists) {
  const question = questionOf(work, profile, change, lists)
  if (change.kind === 'directory') await refuseDirectory(question)
  else await refuseOverlay(question, driftedIn(work, change))
}

/** The renames of one module; notes in the transaction what stays local. */
export async function planExchange(work: Work, profile: Profile, change: ModuleChange): Promise<SwapPlan> {
  const { module, kind } = change
  const lists = work.verified.get(module) ?? (await work.fileLists(module))
  const question = questionOf(work, profile, change, lists)
  await ensureDirectory(work.parts.fs, dirname(question.live))
  const isWhole = kind === 'directory'
  const plan = await (isWhole ? planDirectory(question) : planOverlay(question, driftedIn(work, change)))
  const drift = work.transaction.drift.find((one) => one.module === module)
  drift?.kept.push(...plan.kept)
  drift?.superseded.push(...plan.superseded)
  return plan
}

function questionOf(work: Work, profile: Profile, change: ModuleChange, lists: FileLists): SwapQuestion {
  const { module, to, release } = change
  return {
    fs: work.parts.fs,
    live: work.places.live(module),
    staged: work.places.staged(module),
    backup: work.places.backedUp(module),
    oldManifest: lists.before,
    newManifest: to === null ? null : lists.after,
    isKept: globMatcher(work.app.keep, module),
    isDerived: globMatcher(profile.derived, module),
    deletes: release?.deletes ?? []
  }
}

function driftedIn({ transaction }: Work, { module }: ModuleChange): ReadonlySet<string> {
  const drift = transaction.drift.find((one) => one.module === module)
  return new Set([...(drift?.changed ?? []), ...(drift?.missing ?? [])])
}
