// Keeps the stick's diary: what this machine ran before and after, what went wrong, and the pages made of it.
import type { Rejected } from './feed-folder.ts'
import type { StickFolder } from './folder.ts'
import type { StickHome } from './home.ts'
import { writePages } from './status-page.ts'
import { addVisit, type Installed } from './visits.ts'

export interface VisitOutcome {
  /** bytes of the feed */
  read?: number
  wrote?: number
  reports: { in: number; out: number }
  rejected?: readonly Rejected[]
  /** what went wrong while applying, for people */
  troubles?: readonly string[]
}

export interface BegunVisit {
  startedAt: number
  before: Installed
}

export async function beginVisit(home: StickHome, now: number): Promise<BegunVisit> {
  return { startedAt: now, before: (await home.installed?.()) ?? [] }
}

/** The last thing that is written: after it the stick may be removed. */
export async function endVisit(
  home: StickHome,
  folder: StickFolder,
  visit: BegunVisit,
  now: number,
  outcome: VisitOutcome
): Promise<void> {
  const refused = (outcome.rejected ?? []).map(({ file, message }) => `${file}: ${message}`)
  const visits = await addVisit(folder, {
    at: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
    node: home.node,
    name: home.name.slice(0, 300),
    role: home.role,
    read: outcome.read ?? 0,
    wrote: outcome.wrote ?? 0,
    reports: outcome.reports,
    before: visit.before,
    after: (await home.installed?.()) ?? [],
    errors: [...(outcome.troubles ?? []), ...refused]
  })
  await writePages(folder, visits, home.language ?? 'en')
}
