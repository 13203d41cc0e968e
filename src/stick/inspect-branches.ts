// Who reported by a stick and who met it, told without a home: from the records' clear parts and the stick's diary. Nobody
// vouches for either here: it is for people.
import { decodeRecord, type SignedRecord } from '../fleet/record.ts'
import { toHex } from '../trust/bytes.ts'
import type { StickFolder } from './folder.ts'
import { listBundles, readBundle } from './reports.ts'
import { readVisits } from './visits.ts'

export interface StickBranch {
  node: string
  /** null: only its report is here, in which names are sealed */
  name: string | null
  /** RFC 3339; null when there is no report of it, or no visit */
  reported: string | null
  visited: string | null
}

/** `reports`: node keys whose records are here. `branches`: machines with what is known of their last report and visit. */
export async function inspectBranches(
  folder: StickFolder
): Promise<{ reports: string[]; branches: StickBranch[] }> {
  const reports = new Set<string>()
  const branches = new Map<string, StickBranch>()
  const of = (node: string) => branches.get(node) ?? { node, name: null, reported: null, visited: null }
  for (const visit of await readVisits(folder)) {
    const known = of(visit.node)
    branches.set(visit.node, {
      ...known,
      name: known.name ?? visit.name,
      visited: newer(known.visited, visit.at)
    })
  }
  for (const { author, type, at } of await readRecords(folder)) {
    const node = toHex(author)
    reports.add(node)
    if (type !== 'report') continue
    const known = of(node)
    branches.set(node, { ...known, reported: newer(known.reported, timeOf(at)) })
  }
  return { reports: [...reports].sort(), branches: [...branches.values()].sort(byNews) }
}

/** What people are told; the rest of the records can be more than a machine holds. */
type Heard = Pick<SignedRecord, 'author' | 'type' | 'at'>

async function readRecords(folder: StickFolder): Promise<Heard[]> {
  const found: Heard[] = []
  for (const name of await listBundles(folder)) {
    for (const bytes of (await readBundle(folder, name))?.records ?? []) {
      try {
        const { author, type, at } = decodeRecord(bytes)
        found.push({ author, type, at })
      } catch {
        // another version's, or nobody's: `verify` names it
      }
    }
  }
  return found
}

function newer(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && b > a) ? b : a
}

/** RFC 3339; null for a time that no calendar has. */
function timeOf(at: number): string | null {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(/\.\d+Z$/, 'Z')
}

function byNews(a: StickBranch, b: StickBranch): number {
  const [left, right] = [newer(a.reported, a.visited) ?? '', newer(b.reported, b.visited) ?? '']
  return left > right ? -1 : left < right ? 1 : a.node < b.node ? -1 : 1
}
