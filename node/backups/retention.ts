// Which backups, and what was set aside, are let go: by count, age and size, the oldest first, and never the newest. Pure.
/** What names sort in the order in which it was made. */
interface Kept {
  id: string
  /** RFC 3339 */
  createdAt: string
  bytes: number
}

export interface RetentionRules {
  /** backups */
  keep: number
  /** ms */
  age: number | undefined
  /** bytes of all that stay */
  bytes: number | undefined
  /** ms since the epoch */
  now: number
}

/** Backups to delete, the oldest first. An overlay's older backups need the newer ones, so nothing is cut out of the middle. */
export function dueForPruning<T extends Kept>(backups: readonly T[], rules: RetentionRules): T[] {
  const newestFirst = [...backups].sort((a, b) => (a.id < b.id ? 1 : -1))
  let total = 0
  let cut = newestFirst.length
  for (const [index, backup] of newestFirst.entries()) {
    total += backup.bytes
    const isOld = rules.age !== undefined && Date.parse(backup.createdAt) < rules.now - rules.age
    const isMuch = rules.bytes !== undefined && total > rules.bytes
    if (index >= rules.keep || (index > 0 && (isOld || isMuch))) {
      cut = index
      break
    }
  }
  return newestFirst.slice(Math.max(cut, 1)).reverse()
}
