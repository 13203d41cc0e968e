// A home's record set as the stick sees it.
import type { AddResult, RecordSet } from '../fleet/record-set.ts'
import type { StickRecords } from './home.ts'

/** `offer` adds to the set and returns when what was added is durable. */
export function stickRecords(set: RecordSet, offer: (bytes: Uint8Array) => Promise<AddResult>): StickRecords {
  return {
    list: async () =>
      set.list().map(({ author, bytes }) => ({ author: Buffer.from(author).toString('hex'), bytes })),
    async offer(bytes) {
      const { outcome } = await offer(bytes)
      if (outcome === 'added') return 'new'
      // one for which there is no room here stays on the stick, as one that cannot be verified here
      return outcome === 'refused' || outcome === 'full' ? 'refused' : 'known'
    }
  }
}
