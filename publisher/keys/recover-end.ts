// The last step of `recover`: the restored home leaves the feed of the lost machine, when the keys for that are here.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import type { CommandContext } from '../../src/control/commands.ts'
import type { PublisherApp } from '../app.ts'
import { isRestored, NOT_RESTORED } from '../restored.ts'
import { recallInvites } from './recall-invites.ts'
import { type RotatedFeed, rotateFeed } from './rotate-feed.ts'

const endArgs = z.strictObject({ forgetNewer: z.boolean().default(false), passphrase: z.string().optional() })

export interface EndedRecovery {
  /** the feed that the fleet goes on in; null: the former one */
  feed: RotatedFeed | null
  /** nothing can be published before root has named another feed */
  blocked: boolean
}

/** Throws FEED_BEHIND, PASSPHRASE_*. */
export async function endRecovery(
  app: PublisherApp,
  raw: unknown,
  context: Pick<CommandContext, 'signal'>
): Promise<EndedRecovery> {
  const args = parseArguments(endArgs, raw)
  if (!(await isRestored(app.state))) return { feed: null, blocked: false }
  await recallInvites(app)
  const here = new Set((await app.keys.list()).map(({ role }) => role))
  if (here.has('root') && here.has('targets')) {
    const feed = await rotateFeed(app, args, context)
    return { feed, blocked: feed.request !== undefined }
  }
  if (!args.forgetNewer) return { feed: null, blocked: true }
  await app.fleet.view()
  await app.state.put(NOT_RESTORED)
  return { feed: null, blocked: false }
}
