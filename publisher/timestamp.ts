// Freshness: the timestamp is signed again when the last one is a day old.
import { refreshTimestamp } from '../src/trust/author.ts'
import { currentOf } from '../src/trust/current.ts'
import { EXPIRY } from '../src/trust/expiry.ts'
import type { PublisherApp } from './app.ts'
import { commit } from './commit.ts'
import { openSigners } from './signing.ts'
import { oneChange } from './turns.ts'

/** True when it was signed. Throws FEED_BEHIND, KEY_MISSING. */
export function resignWhenDue(app: PublisherApp): Promise<boolean> {
  return oneChange(app, async () => {
    const { trust } = await app.fleet.view()
    const last = trust.freshness.signedAt ?? 0
    if (app.now() - last < EXPIRY.resign) return false
    const signers = await openSigners(app, ['online'], undefined)
    await commit(app, refreshTimestamp(await currentOf(trust, []), signers, app.now()))
    return true
  })
}
