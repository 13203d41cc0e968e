// What is wrong before an update is not the update's doing: it is found before anything is stopped, so that a good release is
// not blamed for it, and a broken application is not taken further away from what worked.
import { ChasquiError } from '../../src/errors.ts'
import type { Records } from '../apply/records.ts'
import type { AppWork } from '../apply/work.ts'
import type { CheckConfig } from '../config/checks.ts'
import type { Profile } from '../profiles/profile.ts'
import { runChecks } from './checks.ts'
import { checksOf, contextFor } from './plan.ts'
import type { CheckResult } from './types.ts'

/** Kinds that say the same before and after; local edits have their own policy, a log its own beginning. */
const TELLING: readonly CheckConfig['kind'][] = ['http', 'database', 'permissions', 'config', 'command']

/** One quick look, without retries. An application that does not run, or is not installed yet, is not asked. */
export async function failingBefore(
  work: AppWork,
  profile: Profile,
  records: Records
): Promise<CheckResult[]> {
  const installed = await records.installed(work.app.name)
  if (installed.length === 0) return []
  const modules = installed.map(({ module, version }) => ({ module, from: version, to: version }))
  const now = { ...work, modules }
  if ((await profile.isRunning(now).catch(() => null)) === false) return []
  const checks = await checksOf(now, profile)
  const kinds = TELLING.filter((kind) => checks.some((check) => check.kind === kind))
  if (kinds.length === 0) return []
  const results = await runChecks(checks, contextFor(now, profile, records, null), kinds)
  return results.filter(({ ok }) => !ok)
}

/** Throws CHECK_FAILING_BEFORE. */
export function refuseFailing(failing: readonly CheckResult[]): void {
  const [first] = failing
  if (first === undefined) return
  const names = failing.map(({ name }) => name).join(', ')
  throw new ChasquiError('CHECK_FAILING_BEFORE', `${names} failed before the update: ${first.message}`, {
    hint: 'put that right first (node validate), or apply with --force: then these checks are not held against the release'
  })
}
