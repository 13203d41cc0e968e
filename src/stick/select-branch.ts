// Whom a stick is for: a branch as its last report shows it, or as its invite does.
import { ChasquiError } from '../errors.ts'
import type { VerifiedRecord } from '../fleet/record.ts'
import { parseReportHeader } from '../fleet/report.ts'

/** What a home knows of branches. */
export interface HeardOf {
  /** report records, newest per author */
  reports: readonly VerifiedRecord[]
  /** who may join and was not heard of yet */
  invited?: readonly { name: string; modules: readonly string[] }[]
}

export interface Branch {
  /** null: it has not reported yet */
  node: string | null
  name: string
  entitled: readonly string[]
  /** name patterns of what its apps take; null: it does not say */
  wants: readonly string[] | null
  /** `module/track` → versions: each app has its own */
  installed: Map<string, Set<string>>
}

/** With `skipUnknown` it goes on without those that are not known, and says why. Throws STICK_BRANCH_UNKNOWN. */
export function findBranches(heard: HeardOf, names: readonly string[], skipUnknown: boolean) {
  const branches: Branch[] = []
  const skipped: string[] = []
  for (const name of names) {
    try {
      branches.push(findBranch(heard, name))
    } catch (error) {
      if (!skipUnknown || !(error instanceof ChasquiError)) throw error
      skipped.push(`${error.code}: ${error.message}`)
    }
  }
  return { branches, skipped }
}

function findBranch({ reports, invited = [] }: HeardOf, wanted: string): Branch {
  const found = reports.filter(({ member }) => member.node === wanted || member.name === wanted)
  const [record] = found
  if (record !== undefined && found.length === 1) return reported(record)
  const waiting = found.length > 0 ? [] : invited.filter(({ name }) => name === wanted)
  const [invite] = waiting
  if (invite !== undefined && waiting.length === 1) {
    return { node: null, name: invite.name, entitled: invite.modules, wants: null, installed: new Map() }
  }
  const many = Math.max(found.length, waiting.length)
  const what = many > 1 ? `${many} branches are named` : 'there is no branch named'
  throw new ChasquiError('STICK_BRANCH_UNKNOWN', `${what} ${wanted}`, {
    hint: 'see "publisher branches"; a node key (hex) names exactly one'
  })
}

function reported(record: VerifiedRecord): Branch {
  const { apps, wants = null } = parseReportHeader(record.header)
  const installed = new Map<string, Set<string>>()
  for (const modules of Object.values(apps)) {
    for (const [module, at] of Object.entries(modules)) {
      const cut = at.indexOf('@')
      const key = `${module}/${at.slice(0, cut)}`
      installed.set(key, (installed.get(key) ?? new Set()).add(at.slice(cut + 1)))
    }
  }
  const { node, name, modules } = record.member
  return { node, name, entitled: modules, wants, installed }
}
