// Why a branch does not apply a release: licence, holds, withdrawals, failures, compatibility, downgrades, the app's policy.
import { satisfies } from '../release/range.ts'
import type { Release } from '../release/release.ts'
import { compareVersions } from '../release/version.ts'
import { yankOf } from './channels.ts'
import { matchesAny } from './pattern.ts'
import type { Blocked, PlanApp, PlanInput } from './plan-input.ts'

/** Why this one release may not be applied to this app, or null. What cannot change by itself comes first. */
export function whyNot(
  input: PlanInput,
  app: PlanApp,
  release: Release,
  from: string | null
): Blocked | null {
  const what = `${release.module}@${release.version}`
  const { entitled } = input
  if (entitled.length > 0 && !matchesAny(entitled, release.module)) {
    return { code: 'PLAN_NOT_ENTITLED', reason: `this branch has no licence for ${release.module}` }
  }
  if (matchesAny(app.holds, release.module)) {
    return {
      code: 'PLAN_HELD',
      reason: `${release.module} is held; "node unhold ${release.module}" lets it go on`
    }
  }
  const yanked = yankOf(input.yanks, release.module, release.track, release.version)
  if (yanked !== null) return { code: 'PLAN_YANKED', reason: `${what} was withdrawn: ${yanked.reason}` }
  if (input.quarantined(app.name, release)) {
    return {
      code: 'PLAN_QUARANTINED',
      reason: `${what} failed here before; "node apply ${release.module} --force" tries again`
    }
  }
  const halted = input.halted(app.channel, release)
  if (halted !== null) return { code: 'PLAN_HALTED', reason: halted }
  return (
    whyIncompatible(app, release) ??
    whyNotDown(input, app, release, from) ??
    whyNotByItself(input, app, release, from)
  )
}

function whyIncompatible(app: PlanApp, release: Release): Blocked | null {
  const platforms = release.compat?.platform
  if (platforms !== undefined && !platforms.some((one) => app.platforms.includes(one))) {
    const reason = `${release.module}@${release.version} is for ${platforms.join(', ')}, this is ${app.platforms.join(', ')}`
    return { code: 'PLAN_INCOMPATIBLE', reason }
  }
  const range = release.compat?.app
  if (range !== undefined && app.appVersion !== null && !satisfies('four-part', app.appVersion, range)) {
    const reason = `${release.module}@${release.version} needs the application ${range}, this is ${app.appVersion}`
    return { code: 'PLAN_INCOMPATIBLE', reason }
  }
  return null
}

function whyNotDown(input: PlanInput, app: PlanApp, release: Release, from: string | null): Blocked | null {
  const compare = (a: string, b: string) => compareVersions(release.order, a, b)
  const passed = app.floor(release.module, release.track)
  const floor = passed !== null && (from === null || compare(passed, from) > 0) ? passed : from
  if (floor === null || compare(release.version, floor) >= 0) return null
  if (input.downgradeAllowed(app.channel, release, whenReleased(input, release, floor))) return null
  const reason = `${release.module}@${release.version} is lower than ${floor}, and no release key has allowed it`
  return { code: 'PLAN_DOWNGRADE', reason }
}

/**
 * When (ms) `version` was out: at the latest when one above it was, where it is gone from the feed itself. Null when nothing
 * tells: then no statement counts, for nobody can say that its signer knew of that version.
 */
function whenReleased(input: PlanInput, { module, track, order }: Release, version: string): number | null {
  const known = input.releases(module, track)
  const itself = known.filter((one) => one.version === version)
  const above = known.filter((one) => compareVersions(order, one.version, version) > 0)
  const times = (itself.length > 0 ? itself : above).map(({ created }) => Date.parse(created))
  return times.length === 0 ? null : Math.min(...times)
}

/** The operator's policy for what happens without being asked. */
function whyNotByItself(
  input: PlanInput,
  app: PlanApp,
  release: Release,
  from: string | null
): Blocked | null {
  if (input.mode !== 'automatic') return null
  if (app.declined(release)) {
    const what = `${release.module}@${release.version}`
    return { code: 'PLAN_MANUAL', reason: `${what} was rolled back by hand; "node apply" applies it again` }
  }
  if (app.auto === 'all') return null
  const critical = release.severity === 'critical'
  if (app.auto !== 'none' && critical) return null
  if (app.auto === 'minor' && from !== null && sameMajor(release, from)) return null
  return {
    code: 'PLAN_MANUAL',
    reason: `the app applies ${describeAuto(app.auto)} by itself; "node apply" applies this`
  }
}

function describeAuto(auto: PlanApp['auto']): string {
  switch (auto) {
    case 'none':
      return 'nothing'
    case 'critical':
      return 'critical releases only'
    case 'minor':
      return 'minor and critical releases only'
    case 'all':
      return 'everything'
  }
}

/** Odoo versions carry the series (two numbers) before their major number. */
function sameMajor(release: Release, from: string): boolean {
  const parts = release.order === 'odoo' ? 3 : 1
  const head = (version: string) => version.split('.').slice(0, parts).join('.')
  return head(release.version) === head(from)
}
