// Two changes of the feed at once would sign two next versions of the same metadata: one after the other.
import type { PublisherApp } from './app.ts'
import { forgetSigners } from './signing.ts'

const turns = new WeakMap<PublisherApp, Promise<unknown>>()

/** Runs `change` when every earlier change of this home has ended, however it ended. Keys that it opens are wiped after it. */
export function oneChange<T>(app: PublisherApp, change: () => Promise<T>): Promise<T> {
  const result = (turns.get(app) ?? Promise.resolve()).then(change).finally(() => forgetSigners(app))
  turns.set(
    app,
    result.catch(() => undefined)
  )
  return result
}
