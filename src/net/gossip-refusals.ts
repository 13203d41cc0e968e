// Records that were refused for who their author is: a member that was revoked, or whose invite this side does not know. Whoever
// carries them may not have heard of that yet, and says at every meeting that it has them. Their signatures are good, so nobody
// but their author could have made them: what is noted here keeps nobody else's records out.
import type { Item } from '../fleet/reconcile.ts'
import { decodeRecord, recordKey, recordMark } from '../fleet/record.ts'

const MEMORY = 60 * 60_000 // ms; by then this side may know better
const MOST = 4096 // records

export class Refusals {
  #noted = new Map<string, Omit<Item, 'key' | 'type'> & { until: number }>()

  /** @param now ms since epoch */
  note(bytes: Uint8Array, now: number): void {
    const { type, author, epoch, sequence } = decodeRecord(bytes)
    const key = recordKey(type, author)
    this.#noted.delete(key)
    this.#noted.set(key, { epoch, sequence, check: recordMark(bytes).low, until: now + MEMORY })
    const [oldest] = this.#noted.keys()
    if (this.#noted.size > MOST && oldest !== undefined) this.#noted.delete(oldest)
  }

  /** Was this very record refused a while ago? */
  has({ key, epoch, sequence, check }: Item, now: number): boolean {
    const noted = this.#noted.get(key)
    if (noted === undefined || Math.abs(noted.until - now) > MEMORY) return false
    return noted.until > now && noted.epoch === epoch && noted.sequence === sequence && noted.check === check
  }
}
