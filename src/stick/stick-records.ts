// A home's record set as the stick sees it.
import { createHash } from 'node:crypto'
import type { VerifiedRecord } from '../fleet/record.ts'
import type { AddResult, RecordSet } from '../fleet/record-set.ts'
import { parseReportHeader } from '../fleet/report.ts'
import { toHex } from '../trust/bytes.ts'
import type { StickRecords } from './home.ts'

/** `offer` adds to the set and returns when what was added is durable. */
export function stickRecords(set: RecordSet, offer: (bytes: Uint8Array) => Promise<AddResult>): StickRecords {
  return {
    list: async () => set.list().map(({ author, bytes }) => ({ author: toHex(author), bytes })),
    async offer(bytes) {
      const { outcome } = await offer(bytes)
      if (outcome === 'added') return 'new'
      // one for which there is no room here stays on the stick, as one that cannot be verified here
      return outcome === 'refused' || outcome === 'full' ? 'refused' : 'known'
    },
    async said() {
      const all = set.list('report').map((record) => `${record.member.node} ${saidIn(record)}`)
      return createHash('sha256').update(all.sort().join('\n')).digest('hex')
    }
  }
}

/** Without what every report says anew: how far the feed is. */
function saidIn({ header }: VerifiedRecord): string {
  try {
    const { apps, outcomes } = parseReportHeader(header)
    return JSON.stringify([apps, outcomes])
  } catch {
    return ''
  }
}
