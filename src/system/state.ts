// The node's and the publisher's small durable state: a level database in the home. Values are JSON; a write returns when
// it survives a power cut.
import { Level } from 'level'
import { ChasquiError } from '../errors.ts'

export interface StateStore {
  get(key: string): Promise<unknown>
  /** One atomic, synced step; null deletes. */
  put(changes: Readonly<Record<string, unknown>>): Promise<void>
  /** Entries whose key starts with `prefix`, in key order. */
  list(
    prefix: string,
    options?: { limit?: number; reverse?: boolean }
  ): Promise<[key: string, value: unknown][]>
  close(): Promise<void>
}

/** Opens the database at `directory`. Throws HOME_LOCKED when another process has it, HOME_DAMAGED when it is unreadable. */
export async function openState(directory: string): Promise<StateStore> {
  const db = new Level<string, unknown>(directory, { valueEncoding: 'json' })
  try {
    await db.open()
  } catch (cause) {
    const locked = (cause as { cause?: { code?: string } }).cause?.code === 'LEVEL_LOCKED'
    throw new ChasquiError(locked ? 'HOME_LOCKED' : 'HOME_DAMAGED', `cannot open the state in ${directory}`, {
      cause
    })
  }
  return {
    get: (key) => db.get(key),
    async put(changes) {
      const batch = Object.entries(changes).map(([key, value]) =>
        value === null ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const)
      )
      await db.batch(batch, { sync: true })
    },
    list: (prefix, options = {}) =>
      db
        .iterator({
          gte: prefix,
          lt: `${prefix}\uffff`,
          reverse: options.reverse ?? false,
          limit: options.limit ?? -1
        })
        .all(),
    close: () => db.close()
  }
}
