// Releases whose packs wait for a link that is paused: the daemon keeps their names, status shows them.
import type { PlannedTransaction } from '../src/fleet/plan-input.ts'

/** How one release of an app is called. */
export function waitingName(app: string, module: string, version: string): string {
  return `${app}/${module}@${version}`
}

/** The names of every release in transactions. */
export function namesOf(transactions: readonly PlannedTransaction[]): string[] {
  return transactions.flatMap(({ app, releases }) =>
    releases.map(({ module, to }) => waitingName(app, module, to))
  )
}

/** What a transaction is called in problems and progress. */
export function nameOf({ app, releases }: PlannedTransaction): string {
  return `${app}: ${releases.map(({ module, to }) => `${module}@${to}`).join(', ')}`.slice(0, 200)
}
