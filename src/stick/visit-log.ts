// Keeps the stick's diary: that a visit goes on, what this machine ran before and after, what waits, what went wrong, and the
// pages made of it. Whatever becomes of a round, the page says so: people decide by it whether to pull the stick out.
import { asChasquiError, type ErrorCode } from '../errors.ts'
import { formatTime } from '../trust/bytes.ts'
import type { Rejected } from './feed-folder.ts'
import type { StickFolder } from './folder.ts'
import type { StickHome } from './home.ts'
import { writePages } from './status-page.ts'
import { requireSameStick } from './stick-file.ts'
import { unlessReadOnly } from './take.ts'
import { addVisit, type Visit, type WaitingUpdate } from './visits.ts'

export interface VisitOutcome {
  /** bytes of the feed */
  read?: number
  wrote?: number
  reports: { in: number; out: number }
  rejected?: readonly Rejected[]
  /** what went wrong while applying, for people */
  troubles?: readonly string[]
  waiting?: readonly WaitingUpdate[]
}

export interface VisitLog {
  /** The page says from now on that this machine works with the stick. Does nothing the second time. */
  begin(): Promise<void>
  /** The last thing that is written: after it the stick may be removed. */
  end(outcome: VisitOutcome): Promise<void>
}

/** Failures of what was typed: who typed it is told, and the stick is as it was. */
const TYPED: ReadonlySet<ErrorCode> = new Set([
  'CANCELLED',
  'STICK_BRANCH_UNKNOWN',
  'STICK_INSTALLER',
  'STICK_NOTHING_SELECTED',
  'STICK_PART',
  'USAGE'
] as const)

/**
 * Runs one round; when it fails, the page says why: who carries the stick reads no terminal. Nothing is written before the
 * round begins on a stick that this fleet does not know, nor of a `dryRun`.
 */
export async function withVisit<T>(
  home: StickHome,
  folder: StickFolder,
  { now, dryRun = false }: { now: () => number; dryRun?: boolean },
  round: (visit: VisitLog) => Promise<T>
): Promise<T> {
  const isOurs = !dryRun && (folder.file?.fleets ?? []).some(({ id }) => id === home.fleet)
  const diary = await openDiary(home, folder, now, isOurs)
  try {
    return await round(diary)
  } catch (error) {
    await diary.fail(error)
    throw error
  }
}

async function openDiary(home: StickHome, folder: StickFolder, now: () => number, isOurs: boolean) {
  const before = (await home.installed?.()) ?? []
  let isBegun = false
  const write = async (fields: Pick<Visit, 'state'> & Partial<Visit>) => {
    const base = {
      read: 0,
      wrote: 0,
      reports: { in: 0, out: 0 },
      before,
      after: before,
      waiting: [],
      errors: []
    }
    const who = { node: home.node, name: home.name.slice(0, 300), role: home.role }
    const visits = await addVisit(folder, { at: formatTime(now()), ...who, ...base, ...fields })
    await writePages(folder, visits, home.language ?? 'en')
  }
  return {
    async begin() {
      if (isBegun) return
      isBegun = (await unlessReadOnly(() => write({ state: 'working' }).then(() => true))) ?? false
    },
    async end({ read = 0, wrote = 0, reports, rejected = [], troubles = [], waiting = [] }: VisitOutcome) {
      const refused = rejected.map(({ file, code, message }) => `${code}: ${file}: ${message}`)
      await write({
        state: 'done',
        read,
        wrote,
        reports,
        after: (await home.installed?.()) ?? [],
        waiting: [...waiting],
        errors: [...troubles, ...refused]
      })
    },
    async fail(error: unknown) {
      const { code, message } = asChasquiError(error)
      const isTold = isBegun || (isOurs && !TYPED.has(code))
      if (!isTold) return
      // the round's own failure is what is told; that the stick is gone meanwhile is no second one
      await requireSameStick(folder)
        .then(async () =>
          write({ state: 'failed', after: (await home.installed?.()) ?? [], errors: [`${code}: ${message}`] })
        )
        .catch(() => undefined)
    }
  }
}
