// Runs checks: each with a time limit and retries, what was seen kept as evidence. The same engine after an update and for
// `validate`; a check that throws has failed.
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import type { AppWork } from '../apply/work.ts'
import type { CheckConfig } from '../config/checks.ts'
import type { Profile } from '../profiles/profile.ts'
import { CHECKS } from './kinds.ts'
import type { CheckResult } from './types.ts'

export interface CheckContext {
  work: AppWork
  profile: Profile
  /** sizes of logs when the application was last started, by their real paths */
  logMarks(): Promise<Readonly<Record<string, number>>>
  /** compares the installed files with their lists; what is not as it should be */
  examineFiles(): Promise<{ module: string; path: string }[]>
  /** how the last transaction ended, or null */
  lastOutcome(): Promise<string | null>
  /** tries again after a failure; off for a quick look */
  retries: boolean
}

const OUTPUT = 4096 // characters kept

/** What a check is called: its name, else its kind and a number when there are several. */
function namesOf(checks: readonly CheckConfig[]): string[] {
  return checks.map((check, index) => {
    if (check.name !== undefined) return check.name
    const before = checks.slice(0, index).filter((one) => one.kind === check.kind).length
    return before === 0 ? check.kind : `${check.kind}-${before + 1}`
  })
}

/** Runs all, one after the other, also after a failure. `only`: just these. Throws CHECK_UNKNOWN. */
export async function runChecks(
  checks: readonly CheckConfig[],
  context: CheckContext,
  only: readonly string[] = []
): Promise<CheckResult[]> {
  const names = namesOf(checks)
  for (const name of only) {
    if (names.includes(name) || checks.some((check) => check.kind === name)) continue
    throw new ChasquiError('CHECK_UNKNOWN', `there is no check ${name}`, {
      hint: names.length > 0 ? `there are: ${names.join(', ')}` : 'this app has no checks'
    })
  }
  const results: CheckResult[] = []
  for (const [index, check] of checks.entries()) {
    const name = names[index] ?? check.kind
    if (only.length > 0 && !only.includes(name) && !only.includes(check.kind)) continue
    results.push(await runCheck(name, check, context))
  }
  return results
}

async function runCheck(name: string, check: CheckConfig, context: CheckContext): Promise<CheckResult> {
  const { clock } = context.work.parts
  const startedAt = clock.now()
  const printed: string[] = []
  const work = { ...context.work, note: (text: string) => printed.push(text) }
  // files do not become right by waiting
  const limit = context.retries && check.kind !== 'files' ? check.retries + 1 : 1
  for (let tries = 1; ; tries++) {
    const seen = await tryOnce(check, { ...context, work })
    if (seen.ok || tries === limit) {
      const output = printed.join('').slice(-OUTPUT)
      const result = { name, kind: check.kind, ...seen, tries, ms: clock.now() - startedAt }
      return output === '' ? result : { ...result, output }
    }
    await clock.sleep(check.wait)
  }
}

async function tryOnce(
  check: CheckConfig,
  context: CheckContext
): Promise<Pick<CheckResult, 'ok' | 'message' | 'module'>> {
  try {
    return { ok: true, message: await CHECKS[check.kind](check as never, context) }
  } catch (error) {
    const { message, hint, module } = asChasquiError(error)
    const said = error instanceof ChasquiError && hint !== undefined ? `${message} (${hint})` : message
    return { ok: false, message: said, ...(module === undefined ? {} : { module }) }
  }
}

/** The error for a set of results of which some failed, with the module when all name the same one; null when none did. */
export function failureOf(results: readonly CheckResult[]): ChasquiError | null {
  const bad = results.filter((result) => !result.ok)
  if (bad.length === 0) return null
  const what = bad.map((result) => `${result.name}: ${result.message}`).join('; ')
  const [module, ...others] = new Set(bad.map((result) => result.module))
  return new ChasquiError('CHECK_FAILED', `${bad.length} of ${results.length} checks failed: ${what}`, {
    hint: 'the history has what was seen',
    ...(module === undefined || others.length > 0 ? {} : { module })
  })
}
