// Which checks an app has, and what they need to know beside the app itself.
import { livePlace } from '../apply/layout.ts'
import type { Records } from '../apply/records.ts'
import { differences } from '../apply/tree.ts'
import { type AppWork, globMatcher } from '../apply/work.ts'
import type { CheckConfig } from '../config/checks.ts'
import type { Profile } from '../profiles/profile.ts'
import type { CheckContext } from './checks.ts'
import { resolvePath } from './kinds.ts'

/** The profile's own and the configured ones; an app without any is at least asked whether it runs. */
export async function checksOf(work: AppWork, profile: Profile): Promise<CheckConfig[]> {
  const checks = [...(await profile.checks(work)), ...work.app.checks]
  if (checks.length > 0) return checks
  return [{ kind: 'service', timeout: 30_000, retries: 5, wait: 1000, for: 1000 }]
}

/** Sizes of the logs that are checked, so that old errors do not count. */
export async function markLogs(
  work: AppWork,
  checks: readonly CheckConfig[]
): Promise<Record<string, number>> {
  const marks: Record<string, number> = {}
  for (const check of checks) {
    if (check.kind !== 'log') continue
    const path = resolvePath(work, check.path)
    marks[path] = (await work.parts.fs.stat(path))?.size ?? 0
  }
  return marks
}

/** `transaction`: the one that is being checked, whose new files are not recorded as installed yet. */
export function contextFor(
  work: AppWork,
  profile: Profile,
  records: Records,
  transaction: { logMarks: Record<string, number> } | null
): CheckContext {
  return {
    work,
    profile,
    logMarks: transaction?.logMarks ?? {},
    retries: transaction !== null,
    examineFiles: () => examineFiles(work, records, transaction !== null),
    async lastOutcome() {
      const [last] = await records.history({ app: work.app.name, limit: 1 })
      return transaction === null ? (last?.result ?? null) : null
    }
  }
}

async function examineFiles(work: AppWork, records: Records, isStaged: boolean): Promise<string[]> {
  const { fs, platform } = work.parts
  const wrong: string[] = []
  for (const { module } of work.modules) {
    const staged = isStaged ? await records.stagedManifest(work.app.name, module) : null
    const manifest = staged ?? (await records.manifest(work.app.name, module))
    if (manifest === null) continue
    const isKept = globMatcher(work.app.keep, module)
    const { changed, missing } = await differences(
      fs,
      livePlace(work.app, module),
      manifest,
      platform !== 'win32'
    )
    wrong.push(...[...changed, ...missing].filter((path) => !isKept(path)).map((path) => `${module}/${path}`))
  }
  return wrong
}
