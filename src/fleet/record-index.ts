// The records of a node as the comparison with another node sees them (reconcile.ts): keys, marks and running summaries.
import type { Comparable, Item, Summary } from './reconcile.ts'
import { recordKey, recordMark, type SignedRecord } from './record.ts'

const BUCKET_DIGITS = 2 // 256 buckets: one holds 40 of 10,000 records

interface Bucket {
  summary: Summary
  items: Map<string, Item & { high: number }>
}

export class RecordIndex implements Comparable {
  #buckets = new Map<string, Bucket>()

  put(record: SignedRecord): void {
    const key = recordKey(record.type, record.author)
    this.remove(key)
    const { high, low } = recordMark(record.bytes)
    const item = {
      key,
      type: record.type,
      epoch: record.epoch,
      sequence: record.sequence,
      check: low,
      high
    }
    const bucket = this.#bucket(key)
    bucket.items.set(key, item)
    toggle(bucket.summary, item, 1)
  }

  remove(key: string): void {
    const bucket = this.#bucket(key)
    const item = bucket.items.get(key)
    if (item === undefined) return
    bucket.items.delete(key)
    toggle(bucket.summary, item, -1)
  }

  find(key: string): Item | undefined {
    return this.#buckets.get(key.slice(0, BUCKET_DIGITS))?.items.get(key)
  }

  summary(prefix: string): Summary {
    const total = { count: 0, high: 0, low: 0 }
    if (prefix.length > BUCKET_DIGITS) {
      for (const item of this.#entries(prefix)) toggle(total, item, 1)
    } else {
      for (const [name, { summary }] of this.#buckets) {
        if (name.startsWith(prefix)) add(total, summary)
      }
    }
    return total
  }

  items(prefix: string): Item[] {
    return [...this.#entries(prefix)]
  }

  *#entries(prefix: string): Generator<Item & { high: number }> {
    for (const [name, bucket] of this.#buckets) {
      if (!name.startsWith(prefix.slice(0, BUCKET_DIGITS))) continue
      for (const item of bucket.items.values()) if (item.key.startsWith(prefix)) yield item
    }
  }

  #bucket(key: string): Bucket {
    const name = key.slice(0, BUCKET_DIGITS)
    const known = this.#buckets.get(name)
    if (known !== undefined) return known
    const bucket: Bucket = { summary: { count: 0, high: 0, low: 0 }, items: new Map() }
    this.#buckets.set(name, bucket)
    return bucket
  }
}

function toggle(summary: Summary, item: { high: number; check: number }, count: 1 | -1): void {
  add(summary, { count, high: item.high, low: item.check })
}

/** XOR is its own inverse: adding and taking away are the same, but for the count. */
function add(total: Summary, part: Summary): void {
  total.count += part.count
  total.high = (total.high ^ part.high) >>> 0
  total.low = (total.low ^ part.low) >>> 0
}
