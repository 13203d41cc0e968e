// How long what is signed stays current. Freshness is the timestamp's business; everything else is long, so that a
// module that nobody touches for years does not turn a branch stale. ms.
const DAY = 24 * 60 * 60 * 1000

export const EXPIRY = {
  root: 10 * 365 * DAY,
  targets: 10 * 365 * DAY,
  snapshot: 5 * 365 * DAY,
  /** the publisher's daemon signs a new one every day */
  timestamp: 30 * DAY,
  /** the timestamp is signed again when the last one is older than this */
  resign: DAY,
  /** how far the clock of the publisher may be behind its own last signature */
  clockSlack: 60 * 60 * 1000
} as const
