// What other branches report about releases, counted against the signed rollout policy: the serverless halt. Reads only
// the clear headers of reports that were verified when they came in.
import { type Channels, pointerOf } from '../src/fleet/channels.ts'
import type { VerifiedRecord } from '../src/fleet/record.ts'
import type { RecordSet } from '../src/fleet/record-set.ts'
import { parseReportHeader, type ReportHeader } from '../src/fleet/report.ts'
import { haltVerdict, type Outcome, type ReleaseName } from '../src/fleet/rollout.ts'

export interface Halt {
  reason: string
  /** names of the branches that failed */
  branches: string[]
}

/** Keeps parsed headers for as long as their records live. */
export class Evidence {
  readonly #records: RecordSet
  readonly #headers = new WeakMap<VerifiedRecord, ReportHeader | null>()

  constructor(records: RecordSet) {
    this.#records = records
  }

  /** Has the failure threshold of a release's rollout been passed? Null when not, or when there is no policy. */
  halt(channels: Channels, channel: string, release: ReleaseName): Halt | null {
    const pointer = pointerOf(channels, channel, release.module, release.track)
    if (pointer?.version !== release.version || pointer.rollout?.haltAfter === undefined) return null
    const names = new Map<string, string>()
    const outcomes: Outcome[] = []
    for (const record of this.#records.list('report')) {
      for (const outcome of this.#outcomes(record, release)) {
        outcomes.push(outcome)
        names.set(outcome.invite, record.member.name)
      }
    }
    const verdict = haltVerdict(pointer.rollout, outcomes)
    if (!verdict.halted) return null
    const branches = verdict.failed.map((invite) => names.get(invite) ?? invite).sort()
    const shown = branches.slice(0, 5).join(', ')
    const what = `${release.module}@${release.version}`
    return { branches, reason: `${what} failed at ${branches.length} of ${verdict.tried} branches: ${shown}` }
  }

  #outcomes(record: VerifiedRecord, release: ReleaseName): Outcome[] {
    const outcomes = this.#header(record)?.outcomes ?? []
    return outcomes
      .filter(
        (one) =>
          one.module === release.module && one.track === release.track && one.version === release.version
      )
      .map((one) => ({ invite: record.member.invite, round: one.round, failed: one.result !== 'committed' }))
  }

  #header(record: VerifiedRecord): ReportHeader | null {
    const known = this.#headers.get(record)
    if (known !== undefined) return known
    let header: ReportHeader | null = null
    try {
      header = parseReportHeader(record.header)
    } catch {
      // a member that writes nonsense is no evidence
    }
    this.#headers.set(record, header)
    return header
  }
}
