// Which branches cannot use deltas of a module any more, by their own reports: their copy drifted and could not be rebuilt.
// A stick for them carries keyframes.
import type { VerifiedRecord } from '../src/fleet/record.ts'
import { openReport } from '../src/fleet/report.ts'
import { type SigningKeyPair, sealingPairOf } from '../src/trust/keys.ts'
import type { PublisherApp } from './app.ts'

/** What a branch reports when nothing that it has leads to the release. */
const LOST_BASE = new Set(['BASE_DRIFTED', 'PACK_MISSING', 'PACK_WRONG_BASE', 'PLAN_NO_ROUTE'])

/** Answers by node key and module, from the reports that are here now. */
export async function keyframeNeeds(app: PublisherApp): Promise<(node: string, module: string) => boolean> {
  const sealing = sealingPairOf((await app.keys.openOne('sealing')).seed)
  const needs = new Map<string, Set<string>>()
  for (const record of app.records.set.list('report')) {
    needs.set(record.member.node, lostModules(record, sealing))
  }
  return (node, module) => needs.get(node)?.has(module) ?? false
}

function lostModules(record: VerifiedRecord, sealing: SigningKeyPair): Set<string> {
  try {
    const { transactions, problems, apps } = openReport(record.body, sealing)
    const failed = transactions.filter(({ error }) => error !== null && LOST_BASE.has(error.code))
    const named = failed.flatMap(({ releases }) => releases.map(({ module }) => module))
    const all = problems.some(({ code }) => LOST_BASE.has(code))
    const modules = all ? apps.flatMap((one) => one.modules.map(({ module }) => module)) : []
    return new Set([...named, ...modules])
  } catch {
    return new Set() // sealed to a former key, or damaged: the branch gets what its header says
  }
}
