// What branches report about releases, counted against the signed rollout policy: the serverless halt. Branches act by it,
// the publisher shows it. Reads only the clear headers of reports that were verified when they came in.
import { type Channels, type Pointer, pointerOf } from './channels.ts'
import type { VerifiedRecord } from './record.ts'
import type { RecordSet } from './record-set.ts'
import { parseReportHeader } from './report.ts'
import type { ReportHeader } from './report-content.ts'
import { haltVerdict, type Outcome, type ReleaseName } from './rollout.ts'

export interface Halt {
  reason: string
  /** names of the branches that failed */
  branches: string[]
}

/** A halt and where it holds. */
export type ChannelHalt = { channel: string } & ReleaseName & Halt

/** An outcome and the name of the branch that reported it. */
type Told = Outcome & { name: string }

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
    const name = nameOf(release)
    return judge(pointer, release, this.#told((one) => one === name).get(name) ?? [])
  }

  /** Every halt in every channel: those that the failures call for, and those that the publisher ordered. */
  halts(channels: Channels): ChannelHalt[] {
    const judged = [...pointers(channels)].filter(({ pointer }) => pointer.rollout !== undefined)
    const names = new Set(judged.map(({ release }) => nameOf(release)))
    const told = this.#told((name) => names.has(name))
    return judged.flatMap(({ channel, release, pointer }) => {
      const halt = judge(pointer, release, told.get(nameOf(release)) ?? []) ?? ordered(pointer, release)
      return halt === null ? [] : [{ channel, ...release, ...halt }]
    })
  }

  /** Outcomes of the releases that `isWanted` names, by release. */
  #told(isWanted: (name: string) => boolean): Map<string, Told[]> {
    const told = new Map<string, Told[]>()
    for (const record of this.#records.list('report')) {
      const { invite, name } = record.member
      for (const one of this.#header(record)?.outcomes ?? []) {
        const release = nameOf(one)
        if (!isWanted(release) || one.together === true || one.machine === true) continue
        const list = told.get(release) ?? []
        list.push({ invite, name, round: one.round, failed: one.result !== 'committed' })
        told.set(release, list)
      }
    }
    return told
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

function judge({ rollout }: Pointer, { module, version }: ReleaseName, told: readonly Told[]): Halt | null {
  const verdict = haltVerdict(rollout, told)
  if (!verdict.halted) return null
  const names = new Map(told.map(({ invite, name }) => [invite, name]))
  const branches = verdict.failed.map((invite) => names.get(invite) ?? invite).sort()
  const shown = branches.slice(0, 5).join(', ')
  const reason = `${module}@${version} failed at ${branches.length} of ${verdict.tried} branches: ${shown}`
  return { branches, reason }
}

function ordered({ rollout }: Pointer, { module, version }: ReleaseName): Halt | null {
  if (rollout?.status !== 'halted') return null
  return { branches: [], reason: `the publisher halted ${module}@${version}` }
}

function* pointers(channels: Channels) {
  for (const [channel, modules] of Object.entries(channels.channels)) {
    for (const [module, tracks] of Object.entries(modules)) {
      for (const [track, pointer] of Object.entries(tracks)) {
        yield { channel, release: { module, track, version: pointer.version }, pointer }
      }
    }
  }
}

function nameOf({ module, track, version }: ReleaseName): string {
  return `${module}/${track}/${version}`
}
