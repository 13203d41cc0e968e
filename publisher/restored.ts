// A home that was made of a key backup does not know what the lost machine has published since. It never appends to the
// feed of that machine by itself: two histories under one key freeze the feed at every branch.
import { ChasquiError } from '../src/errors.ts'
import type { FeedWriter } from '../src/feed/writer.ts'
import type { HomePaths } from '../src/system/home.ts'
import { openState, type StateStore } from '../src/system/state.ts'
import { openTrustStore } from '../src/system/trust-store.ts'
import { INVITE_PREFIX, type InviteEntry } from './members.ts'

const RESTORED = 'feed/restored'

/** To be put into the state when the home goes on in a feed of its own. */
export const NOT_RESTORED = { [RESTORED]: null }

/** `invites`: those that the backup knew of. */
export async function markRestored(paths: HomePaths, invites: readonly InviteEntry[]): Promise<void> {
  const state = await openState(paths.state)
  try {
    const known = invites.map((invite) => [INVITE_PREFIX + invite.id, invite])
    await state.put({ [RESTORED]: true, ...Object.fromEntries(known) })
  } finally {
    await state.close()
  }
}

/** Was this home made of a key backup, and may the lost machine know of more? */
export async function isRestored(state: StateStore): Promise<boolean> {
  return (await state.get(RESTORED)) === true
}

/** The operator says that the copy of the feed is the newest that anybody has: what was signed later is no longer missed. */
export async function forgetNewer(paths: HomePaths): Promise<void> {
  const floor = ['timestamp.json', 'snapshot.json', 'targets.json']
  await openTrustStore(paths.trust).save(new Map(floor.map((name) => [name, null])))
}

/** The writer of the feed that the lost machine had. Throws FEED_RESTORED. */
export function guardRestored(state: StateStore, writer: FeedWriter): FeedWriter {
  const refuse = async () => {
    if (await isRestored(state)) throw refusal()
  }
  return {
    // what this machine itself has begun
    settle: () => writer.settle(),
    async check() {
      await refuse()
      await writer.check()
    },
    async publish(changes) {
      await refuse()
      return writer.publish(changes)
    }
  }
}

function refusal(): ChasquiError {
  return new ChasquiError(
    'FEED_RESTORED',
    'this home was restored, and the lost machine may have published more than is here',
    {
      hint: 'go on in another feed with "publisher keys rotate feed"; when root is lost and nobody has anything newer: "publisher recover --forget-newer"'
    }
  )
}
