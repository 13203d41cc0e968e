// Two changes of the feed at once would sign two next versions of the same metadata: one after the other.
import type { PublisherApp } from './app.ts'
import { forgetSigners } from './signing.ts'

const turns = new WeakMap<PublisherApp, Promise<unknown>>()

/**
 * Runs `change` when every earlier change of this home has ended, however it ended. One that was cut while it was written is
 * finished first: what is made of the feed as it was before would undo it, under the same version numbers. Keys that it
 * opens are wiped after it. Throws PUBLISH_INTERRUPTED.
 */
export function oneChange<T>(app: PublisherApp, change: () => Promise<T>): Promise<T> {
  const result = changesEnded(app)
    .then(() => app.writer.settle())
    .then(change)
    .finally(() => forgetSigners(app))
  turns.set(
    app,
    result.catch(() => undefined)
  )
  return result
}

/** Resolves when the changes that were asked for until now have ended. */
export async function changesEnded(app: PublisherApp): Promise<void> {
  await turns.get(app)
}
