// Everything that can be known to go wrong is found here, before anything is stopped. Each refusal has its own code.
import { ChasquiError } from '../../src/errors.ts'
import { checkPaths } from '../../src/release/path-policy.ts'
import { satisfies } from '../../src/release/range.ts'
import type { Release } from '../../src/release/release.ts'
import { detectOrder } from '../../src/release/version.ts'
import type { Profile } from '../profiles/profile.ts'
import { livePlace } from './layout.ts'
import { refusePlaces } from './places.ts'
import type { Records } from './records.ts'
import { refuseSpace } from './space.ts'
import { differences } from './tree.ts'
import type { DriftReport, ModuleChange } from './types.ts'
import { type AppWork, globMatcher } from './work.ts'

export interface PreflightQuestion {
  work: AppWork
  profile: Profile
  records: Records
  changes: readonly ModuleChange[]
  workFolder: string
  force: boolean
  /** only asked, nothing is made */
  isDryRun?: boolean
}

/** Throws the first reason not to begin; gives what was changed locally. */
export async function preflight(question: PreflightQuestion): Promise<DriftReport[]> {
  await refuseUnwanted(question)
  await refuseUnfit(question)
  await refusePlaces(question)
  const drift = await findDrift(question)
  await question.profile.preflight(question.work)
  await refuseSpace(question)
  return drift
}

/** Quarantine, holds, and a plan that is older than what is installed. */
async function refuseUnwanted({ work, records, changes, force }: PreflightQuestion): Promise<void> {
  const app = work.app.name
  const quarantine = await records.quarantine(app)
  const holds = await records.holds(app)
  const installed = new Map((await records.installed(app)).map((one) => [one.module, one.version]))
  for (const change of changes) {
    const what = `${change.module}@${change.to}`
    const failed = quarantine.find(
      (one) =>
        one.module === change.module &&
        one.track === change.track &&
        one.version === change.to &&
        one.isClosed
    )
    if (failed !== undefined && change.release !== null && !force) {
      throw new ChasquiError('APPLY_QUARANTINED', `${what} failed here before: ${failed.error.message}`, {
        hint: 'wait for a newer release, or try it again with --force'
      })
    }
    if (holds.includes(change.module) && !force) {
      throw new ChasquiError('APPLY_HELD', `${change.module} is held by an operator`, {
        hint: `release it with: chasqui node unhold ${change.module}`
      })
    }
    const here = installed.get(change.module) ?? null
    if (here !== change.from) {
      throw new ChasquiError(
        'APPLY_UNEXPECTED_VERSION',
        `${change.module} is at ${here}, not at ${change.from}`,
        {
          hint: 'plan again'
        }
      )
    }
  }
}

/** Platform, version of the application, required modules, names that a release may use. */
async function refuseUnfit(question: PreflightQuestion): Promise<void> {
  const { work, changes } = question
  for (const { release } of changes) {
    if (release === null) continue
    refuseIncompatible(work, release)
    await refuseRequirements(question, release)
    if (release.deletes !== undefined) checkPaths(release.deletes)
    const unknown = release.steps?.find((name) => !Object.hasOwn(work.app.steps, name))
    if (unknown !== undefined) {
      throw new ChasquiError('APPLY_INCOMPATIBLE', `${release.module} asks for the step "${unknown}"`, {
        hint: `allow it in [apps.${work.app.name}.steps], or do without this release`
      })
    }
  }
}

function refuseIncompatible(work: AppWork, release: Release): void {
  const what = `${release.module}@${release.version}`
  const platforms = release.compat?.platform
  if (platforms !== undefined && !platforms.some((one) => work.parts.platforms.includes(one))) {
    throw new ChasquiError(
      'APPLY_INCOMPATIBLE',
      `${what} is for ${platforms.join(', ')}, not for this machine`
    )
  }
  const [range, version] = [release.compat?.app, work.app['app-version']]
  if (range === undefined || version === undefined || satisfies(detectOrder(version), version, range)) return
  throw new ChasquiError(
    'APPLY_INCOMPATIBLE',
    `${what} is for version ${range} of ${work.app.name}, this is ${version}`
  )
}

async function refuseRequirements(question: PreflightQuestion, release: Release): Promise<void> {
  const { work, records, changes, profile } = question
  const installed = await records.installed(work.app.name)
  for (const [module, range] of Object.entries(release.requires ?? {})) {
    const changed = changes.find((one) => one.module === module)
    const version =
      changed === undefined ? installed.find((one) => one.module === module)?.version : changed.to
    const what = `${release.module}@${release.version} needs ${module} ${range}`
    if (version === undefined || version === null) {
      if (await profile.provides(work, module)) continue
      throw new ChasquiError('APPLY_REQUIRES', `${what}, which is not installed`, {
        hint: `apply ${module} first, or with it`
      })
    }
    if (range === '*' || satisfies(detectOrder(version), version, range)) continue
    throw new ChasquiError('APPLY_REQUIRES', `${what}, and ${version} is here`, {
      hint: `bring ${module} to a fitting version first`
    })
  }
}

async function findDrift({ work, records, changes }: PreflightQuestion): Promise<DriftReport[]> {
  const reports: DriftReport[] = []
  for (const change of changes) {
    // what nobody wants to hear of is not looked for; an overlay has to know which files to replace
    const isWanted = work.app.drift !== 'overwrite' || change.kind === 'overlay'
    const report = isWanted ? await driftOf(work, records, change.module) : noDrift(change.module)
    reports.push(report)
    const first = report.changed[0] ?? report.missing[0]
    if (first === undefined || work.app.drift !== 'refuse' || change.release === null) continue
    throw new ChasquiError(
      'DRIFT_REFUSED',
      `${change.module} was changed locally: ${first} and ${report.changed.length + report.missing.length - 1} more`,
      {
        hint: 'put the released files back, or set drift = "keep-copy"'
      }
    )
  }
  return reports
}

function noDrift(module: string): DriftReport {
  return { module, changed: [], missing: [], kept: [], superseded: [] }
}

/** What of a module is not as it was installed. */
export async function driftOf(work: AppWork, records: Records, module: string): Promise<DriftReport> {
  const report = noDrift(module)
  const manifest = await records.manifest(work.app.name, module)
  if (manifest === null) return report
  const isKept = globMatcher(work.app.keep, module)
  const live = livePlace(work.app, module)
  const found = await differences(work.parts.fs, live, manifest, work.parts.platform !== 'win32')
  report.changed = found.changed.filter((path) => !isKept(path))
  report.missing = found.missing.filter((path) => !isKept(path))
  return report
}
