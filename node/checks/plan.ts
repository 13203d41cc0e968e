// Which checks an app has, and what they need to know beside the app itself.
import { join } from 'node:path'
import { livePlace } from '../apply/layout.ts'
import type { Records } from '../apply/records.ts'
import { differences } from '../apply/tree.ts'
import { type AppWork, globMatcher } from '../apply/work.ts'
import type { CheckConfig } from '../config/checks.ts'
import type { Profile } from '../profiles/profile.ts'
import type { CheckContext } from './checks.ts'
import { realPath } from './kinds.ts'

/** The profile's own and the configured ones; an app without any is at least asked whether it runs. */
export async function checksOf(work: AppWork, profile: Profile): Promise<CheckConfig[]> {
  const checks = [...(await profile.checks(work)), ...work.app.checks]
  if (checks.length > 0) return checks
  return [{ kind: 'service', timeout: 30_000, retries: 5, wait: 1000, for: 1000 }]
}

/** Sizes of the logs that are checked, by their real paths, so that old errors do not count. */
export async function markLogs(
  work: AppWork,
  checks: readonly CheckConfig[]
): Promise<Record<string, number>> {
  const marks: Record<string, number> = {}
  for (const check of checks) {
    if (check.kind !== 'log') continue
    const path = await realPath(work, check.path)
    marks[path] = (await work.parts.fs.stat(path))?.size ?? 0
  }
  return marks
}

/** What a check needs to know of the transaction that is being checked. */
export interface CheckedTransaction {
  logMarks: Record<string, number>
  /** of a way back by hand: the backup that it took the files from */
  restores?: { backup: string }
}

/** `transaction`: the one that is being checked, whose new files are not recorded as installed yet. */
export function contextFor(
  work: AppWork,
  profile: Profile,
  records: Records,
  transaction: CheckedTransaction | null
): CheckContext {
  return {
    work,
    profile,
    logMarks: async () => transaction?.logMarks ?? (await records.logMarks(work.app.name)),
    retries: transaction !== null,
    examineFiles: () => examineFiles(work, records, transaction),
    async lastOutcome() {
      const [last] = await records.history({ app: work.app.name, limit: 1 })
      return transaction === null ? (last?.result ?? null) : null
    }
  }
}

async function examineFiles(
  work: AppWork,
  records: Records,
  transaction: CheckedTransaction | null
): Promise<{ module: string; path: string }[]> {
  const { fs, platform } = work.parts
  const wrong: { module: string; path: string }[] = []
  for (const { module } of work.modules.filter(({ to }) => to !== null)) {
    const staged = transaction === null ? null : await records.stagedManifest(work.app.name, module)
    const manifest = staged ?? (await records.manifest(work.app.name, module))
    if (manifest === null) continue
    const isKept = globMatcher(work.app.keep, module)
    const { changed, missing } = await differences(
      fs,
      livePlace(work.app, module),
      manifest,
      platform !== 'win32'
    )
    const found = [...changed, ...missing].filter((path) => !isKept(path))
    const wasSo = await sameInBackup(work, records, transaction?.restores?.backup, module)
    for (const path of found) if (!(await wasSo(path))) wrong.push({ module, path })
  }
  return wrong
}

/** A way back brings the files as they were, local edits and all: those are as they should be. */
async function sameInBackup(
  work: AppWork,
  records: Records,
  id: string | undefined,
  module: string
): Promise<(path: string) => Promise<boolean>> {
  if (id === undefined) return async () => false
  const { fs } = work.parts
  const backup = join((await records.backup(work.app.name, id)).path, 'files', module)
  const live = livePlace(work.app, module)
  return async (path) => {
    const [now, then] = await Promise.all([fs.stat(join(live, path)), fs.stat(join(backup, path))])
    if (now === null || then === null) return now === then
    if (now.kind !== 'file' || then.kind !== 'file') return now.kind === then.kind
    return (await fs.digest(join(live, path))).sha256 === (await fs.digest(join(backup, path))).sha256
  }
}
