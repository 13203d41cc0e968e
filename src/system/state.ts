// The node's and the publisher's small durable state: a level database in the home. Values are JSON; a write returns when
// it survives a power cut.
import { Level } from 'level'
import { ChasquiError, type ErrorCode } from '../errors.ts'

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

/**
 * Opens the database at `directory`. Throws HOME_LOCKED when another process has it, DISK_FULL or NO_PERMISSION when the disk
 * does not take what an opening writes, HOME_DAMAGED when it is unreadable.
 */
export async function openState(directory: string): Promise<StateStore> {
  const db = new Level<string, unknown>(directory, { valueEncoding: 'json' })
  try {
    await db.open()
  } catch (cause) {
    throw openingError(directory, cause)
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

/** What LevelDB says is text with the words of the system: a disk that is full is not to be taken for a damaged home. */
function openingError(directory: string, cause: unknown): ChasquiError {
  const { code = '', message = '' } = (cause as { cause?: { code?: string; message?: string } }).cause ?? {}
  const known: [said: boolean, code: ErrorCode, hint: string][] = [
    [code === 'LEVEL_LOCKED', 'HOME_LOCKED', 'wait for the other program to end, or stop it'],
    [/no space left|quota exceeded/i.test(message), 'DISK_FULL', 'free some space and run the command again'],
    [/permission denied|read-only/i.test(message), 'NO_PERMISSION', 'let the owner of the home write in it']
  ]
  const [, name, hint] = known.find(([said]) => said) ?? [true, 'HOME_DAMAGED', undefined]
  const why = message === '' ? '' : `: ${message}`
  return new ChasquiError(name, `cannot open the state in ${directory}${why}`, {
    cause,
    ...(hint !== undefined && { hint })
  })
}
