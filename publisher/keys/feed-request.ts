// The signing request of a feed that starts afresh: it cannot be published to the feed of now, so it is kept until the
// command that left it is run again.
import { basename, dirname } from 'node:path'
import type { PublisherApp } from '../app.ts'
import type { Waiting } from './leave-request.ts'
import { dropPending, findPending, type PendingRequest } from './pending.ts'

const REQUEST = 'feed/request'

export async function isForNextFeed(app: PublisherApp, id: string): Promise<boolean> {
  return (await app.state.get(REQUEST)) === id
}

export async function keptFeedRequest(app: PublisherApp): Promise<PendingRequest | null> {
  const id = await app.state.get(REQUEST)
  return typeof id === 'string' ? findPending(app, id) : null
}

export async function keepFeedRequest(app: PublisherApp, { request }: Waiting): Promise<void> {
  await app.state.put({ [REQUEST]: basename(dirname(request)) })
}

export async function dropFeedRequest(app: PublisherApp): Promise<void> {
  const kept = await keptFeedRequest(app)
  if (kept !== null) await dropPending(app, kept)
  await app.state.put({ [REQUEST]: null })
}
